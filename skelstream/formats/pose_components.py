"""Components of ``.pose`` files as pose-format has them for MediaPipe Holistic, OpenPose and COCO-WholeBody.

Its functions find joints by these names of components and points.
"""

from __future__ import annotations

from typing import NamedTuple

from skelstream.skeleton import COCO_WHOLEBODY133, HOLISTIC543, OPENPOSE_WHOLE, Skeleton


class Component(NamedTuple):
    """One component of a header.

    Attributes:
        name: its name.
        points: names of its points.
        joints: the joint of each point.
        limbs: pairs of indices of points.
    """

    name: str
    points: tuple[str, ...]
    joints: tuple[str, ...]
    limbs: tuple[tuple[int, int], ...]


_FINGERS = ("INDEX_FINGER", "MIDDLE_FINGER", "RING_FINGER", "PINKY")
_HOLISTIC_HAND = (
    "WRIST", "THUMB_CMC", "THUMB_MCP", "THUMB_IP", "THUMB_TIP",
    *(f"{finger}_{place}" for finger in _FINGERS for place in ("MCP", "PIP", "DIP", "TIP")),
)  # fmt: skip
_OPENPOSE_HAND = (
    "BASE", "T_STT", "T_BCMC", "T_MCP", "T_IP",
    *(f"{finger}_{place}" for finger in "IMRP" for place in ("CMC", "MCP", "PIP", "DIP")),
)  # fmt: skip
_OPENPOSE_FACE = (("FB", 17), ("FEB", 27), ("FN", 36), ("FE", 48), ("FLO", 60), ("FLI", 68), ("FP", 70))


def _of_mediapipe(joint: str) -> str:
    side, _, part = joint.partition("_")
    return f"MOUTH_{side.upper()}" if part == "mouth" else joint.removesuffix("_knuckle").upper()


def _of_openpose(joint: str) -> str:
    side, _, part = joint.partition("_")
    words = joint if side not in ("left", "right") else f"{side[0]}_{part}"
    return "".join(word.capitalize() for word in words.split("_"))


def _openpose_face() -> tuple[str, ...]:
    points, start = [], 0
    for prefix, end in _OPENPOSE_FACE:
        points += [f"{prefix}_{point}" for point in range(start, end)]
        start = end
    return tuple(points)


def _components(skeleton: Skeleton, **named: tuple[str, tuple[str, ...]]) -> tuple[Component, ...]:
    """Return components from the name and the points of each part of a joint set."""
    found = []
    for part, (name, points) in named.items():
        joints = skeleton.parts[part]
        at = {joint: point for point, joint in enumerate(joints)}
        limbs = tuple((at[a], at[b]) for a, b in skeleton.limbs if a in at and b in at)
        found.append(Component(name, points, tuple(skeleton.joints[joint] for joint in joints), limbs))
    return tuple(found)


def _body(skeleton: Skeleton) -> list[str]:
    return [skeleton.joints[joint] for joint in skeleton.parts["body"]]


COMPONENTS = {
    HOLISTIC543: _components(
        HOLISTIC543,
        body=("POSE_LANDMARKS", tuple(map(_of_mediapipe, _body(HOLISTIC543)))),
        face=("FACE_LANDMARKS", tuple(map(str, range(468)))),
        left_hand=("LEFT_HAND_LANDMARKS", _HOLISTIC_HAND),
        right_hand=("RIGHT_HAND_LANDMARKS", _HOLISTIC_HAND),
    ),
    OPENPOSE_WHOLE: _components(
        OPENPOSE_WHOLE,
        body=("pose_keypoints_2d", tuple(map(_of_openpose, _body(OPENPOSE_WHOLE)))),
        face=("face_keypoints_2d", _openpose_face()),
        left_hand=("hand_left_keypoints_2d", _OPENPOSE_HAND),
        right_hand=("hand_right_keypoints_2d", _OPENPOSE_HAND),
    ),
    COCO_WHOLEBODY133: _components(
        COCO_WHOLEBODY133,
        body=("BODY", tuple(_body(COCO_WHOLEBODY133))),
        face=("FACE", tuple(f"face-{point}" for point in range(68))),
        left_hand=("LEFT_HAND", tuple(f"hand_{joint}" for joint in range(21))),
        right_hand=("RIGHT_HAND", tuple(f"hand_{joint}" for joint in range(21))),
    ),
}
"""Components by joint set, in pose-format's order."""
