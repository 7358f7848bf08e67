"""The class ``Skeleton``: a joint set and its limbs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from skelstream.skeleton.face import FACE70_JOINTS, LEFT_POINTS, MESH_JOINTS, MIRRORED
from skelstream.skeleton.hand import HAND_JOINTS, SIDES, hand_joints

_SWAPPED = dict(zip(SIDES, reversed(SIDES), strict=True))
_PART = {
    **{joint: f"{side}_hand" for side in SIDES for joint in hand_joints(side)},
    **dict.fromkeys(HAND_JOINTS, "hand"),
    **dict.fromkeys((*FACE70_JOINTS, *MESH_JOINTS), "face"),
}

# Upper quartiles over 5,442 people of COCO, since most limbs point a little towards the camera or away from
# it. Eye to eye, knee to knee and elbow to hip, which no packaged network has, are generous guesses.
_LENGTHS = {
    frozenset(ends.split()): length
    for ends, length in {
        "neck shoulder": 0.28, "shoulder elbow": 0.5, "elbow wrist": 0.39, "neck hip": 0.84, "hip knee": 0.59,
        "knee ankle": 0.57, "neck nose": 0.38, "nose eye": 0.1, "eye ear": 0.17, "ear shoulder": 0.4,
        "shoulder": 0.55, "hip": 0.35, "shoulder hip": 0.84, "nose shoulder": 0.48, "shoulder wrist": 0.7,
        "hip ankle": 1.06, "eye": 0.17, "knee": 0.5, "elbow hip": 0.7,
    }.items()
}  # fmt: skip
_UNKNOWN_LENGTH = 0.5


@dataclass(frozen=True)
class Skeleton:
    """Joint set and the limbs that connect its joints.

    Attributes:
        name: short name used in files and on the command line.
        joints: V joint names, in storage order.
        limbs: L pairs of joint indices; for OpenPose's set their order is the order of the PAF channels.
        oks_sigmas: V per-joint falloffs k of the object keypoint similarity (COCO keypoint evaluation);
            the variance is (2k)^2 times the person's area.
    """

    name: str
    joints: tuple[str, ...]
    limbs: tuple[tuple[int, int], ...]
    oks_sigmas: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        """Return the index of the joint of that name."""
        return self.joints.index(joint)

    @cached_property
    def flip_order(self) -> tuple[int, ...]:
        """V joint indices: joint ``i`` of a mirrored image is joint ``flip_order[i]`` of the original."""
        at = {name: i for i, name in enumerate(self.joints)}
        return tuple(at[_mirrored(name)] for name in self.joints)

    @cached_property
    def limb_lengths(self) -> tuple[float, ...]:
        """L typical lengths of limbs parallel to the image plane, in units of the square root of the person's area."""
        return tuple(
            _LENGTHS.get(frozenset(self.joints[end].rpartition("_")[2] for end in limb), _UNKNOWN_LENGTH)
            for limb in self.limbs
        )

    @cached_property
    def flip_pairs(self) -> tuple[tuple[int, int], ...]:
        """Pairs (left, right) of joint indices."""
        return tuple((i, j) for i, j in enumerate(self.flip_order) if joint_side(self.joints[i]) == "left")

    @cached_property
    def parts(self) -> dict[str, tuple[int, ...]]:
        """Joint indices by part, in storage order: ``"body"``, ``"left_hand"``, ``"right_hand"`` and ``"face"``; a
        hand without a side is ``"hand"``. Parts that the set lacks are left out.

        The joints that the body's own sets have at its hands and head, such as wrists and eyes, are the body's.
        """
        found: dict[str, list[int]] = {}
        for i, joint in enumerate(self.joints):
            found.setdefault(part_of(joint), []).append(i)
        return {part: tuple(joints) for part, joints in found.items()}


def part_of(joint: str) -> str:
    """Return the part to which a joint belongs: a key of ``Skeleton.parts``."""
    return _PART.get(joint, "body")


def joint_side(joint: str) -> str:
    """Return the person's side of a joint: ``"left"``, ``"right"`` or ``""`` for joints of the middle."""
    if joint in MIRRORED:
        return "left" if joint in LEFT_POINTS else "right" if MIRRORED[joint] != joint else ""
    side = joint.partition("_")[0]
    return side if side in _SWAPPED else ""


def _mirrored(joint: str) -> str:
    side, _, rest = joint.partition("_")
    return f"{_SWAPPED[side]}_{rest}" if side in _SWAPPED else MIRRORED.get(joint, joint)
