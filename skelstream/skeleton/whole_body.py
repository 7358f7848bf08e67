"""Joint sets of the whole body: a body, its hands and its face; and the sets of a single hand and a single face.

In each of them a hand hangs on the wrist, while the face's contours stand alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from skelstream.skeleton.body import BODY25, COCO17, HOLISTIC33, OPENPOSE18
from skelstream.skeleton.face import (
    FACE68_JOINTS,
    FACE68_LIMBS,
    FACE68_SIGMAS,
    FACE70_JOINTS,
    FACE70_SIGMAS,
    MESH_JOINTS,
    MESH_LIMBS,
    MESH_SIGMAS,
)
from skelstream.skeleton.hand import HAND_JOINTS, HAND_LIMBS, HAND_SIGMAS, hand_joints
from skelstream.skeleton.skeleton import Skeleton

HAND21 = Skeleton("hand21", HAND_JOINTS, HAND_LIMBS, HAND_SIGMAS)
"""One hand without its side, as a network for crops of hands has it."""

FACE468 = Skeleton("face468", MESH_JOINTS, MESH_LIMBS, MESH_SIGMAS)
"""MediaPipe's face mesh, as a network for crops of faces has it; its limbs are contours."""

_FACE68 = Skeleton("face68", FACE68_JOINTS, FACE68_LIMBS, FACE68_SIGMAS)
_FACE70 = Skeleton("face70", FACE70_JOINTS, FACE68_LIMBS, FACE70_SIGMAS)
_LEFT_HAND, _RIGHT_HAND = (
    Skeleton(f"{side}_hand", hand_joints(side), HAND_LIMBS, HAND_SIGMAS) for side in ("left", "right")
)
_HANDS = (_LEFT_HAND, _RIGHT_HAND)
_FEET = Skeleton(
    "feet",
    tuple(f"{side}_{joint}" for side in ("left", "right") for joint in ("big_toe", "small_toe", "heel")),
    (),
    (0.068, 0.066, 0.066, 0.092, 0.094, 0.094),
)
"""COCO-WholeBody's feet with the falloffs of its evaluation."""


def _joined(name: str, parts: Sequence[Skeleton], links: Sequence[tuple[str, str]] = ()) -> Skeleton:
    """Return the joint set of several parts, with their limbs, links between joints and a limb to each hand."""
    joints = tuple(joint for part in parts for joint in part.joints)
    sigmas = tuple(sigma for part in parts for sigma in part.oks_sigmas)
    limbs: list[tuple[int, int]] = []
    start = 0
    for part in parts:
        if part in _HANDS:
            limbs.append((joints.index(part.joints[0].replace("hand_root", "wrist")), start))
        limbs += [(start + a, start + b) for a, b in part.limbs]
        start += len(part)
    limbs += [(joints.index(a), joints.index(b)) for a, b in links]
    return Skeleton(name, joints, tuple(limbs), sigmas)


BODY_HANDS = _joined("body+hands", (OPENPOSE18, *_HANDS))
"""OpenPose's 18 joints, then the left and the right hand: 60 joints."""

BODY_FACE = _joined("body+face", (OPENPOSE18, FACE468))
"""OpenPose's 18 joints, then the face mesh: 486 joints."""

BODY_HANDS_FACE = _joined("body+hands+face", (OPENPOSE18, *_HANDS, FACE468))
"""OpenPose's 18 joints, then the left and the right hand, then the face mesh: 528 joints."""

OPENPOSE_WHOLE = _joined("openpose-whole", (BODY25, *_HANDS, _FACE70))
"""OpenPose with hands and face: 25 joints of the body, the left and the right hand, 70 of the face: 137 joints."""

COCO_WHOLEBODY133 = _joined(
    "coco-wholebody133",
    (COCO17, _FEET, _FACE68, *_HANDS),
    [(f"{side}_ankle", joint) for side in ("left", "right") for joint in _FEET.joints if side in joint],
)
"""COCO-WholeBody's 133 joints: COCO's 17, 6 of the feet, 68 of the face, the left and the right hand."""

HOLISTIC543 = _joined("holistic543", (HOLISTIC33, FACE468, *_HANDS))
"""MediaPipe Holistic's 543 joints in the order of pose-format: 33 of the body, the face mesh, the left and the right
hand."""
