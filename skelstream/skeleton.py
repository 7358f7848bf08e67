"""Joint sets, limbs, flip pairs, and conversion between joint sets.

Joint orders are OpenPose's own (``POSE_COCO_BODY_PARTS`` and ``POSE_BODY_25_BODY_PARTS``) and COCO's
(``person_keypoints`` category). "Left" is the person's left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from skelstream.errors import FormatError


@dataclass(frozen=True)
class Skeleton:
    """A joint set and the limbs that connect it.

    Attributes:
        name: short name used in files and on the command line.
        joints: V joint names, in storage order.
        limbs: L pairs of joint indices; for OpenPose's set their order is the order of the PAF channels.
        oks_sigmas: V per-joint falloffs k of the object keypoint similarity (COCO keypoint evaluation);
            its variance is (2k)^2 times the person's area.
    """

    name: str
    joints: tuple[str, ...]
    limbs: tuple[tuple[int, int], ...]
    oks_sigmas: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        return self.joints.index(joint)

    @cached_property
    def flip_order(self) -> tuple[int, ...]:
        """V indices: joint ``i`` of a mirrored image is joint ``flip_order[i]`` of the original."""
        swap = {"left": "right", "right": "left"}

        def mirrored(name: str) -> str:
            side, _, rest = name.partition("_")
            return f"{swap[side]}_{rest}" if side in swap else name

        return tuple(self.index(mirrored(name)) for name in self.joints)

    @cached_property
    def limb_lengths(self) -> tuple[float, ...]:
        """L usual lengths of a limb that is seen from the side, in square roots of the person's area."""
        return tuple(
            _LENGTHS.get(frozenset(self.joints[end].rpartition("_")[2] for end in limb), _UNKNOWN_LENGTH)
            for limb in self.limbs
        )

    @cached_property
    def flip_pairs(self) -> tuple[tuple[int, int], ...]:
        """(left, right) index pairs."""
        return tuple((i, j) for i, j in enumerate(self.flip_order) if self.joints[i].startswith("left_"))


# COCO's published falloffs; the neck, which COCO lacks, takes the shoulders' value.
_SIGMA = {
    "nose": 0.026, "eye": 0.025, "ear": 0.035, "shoulder": 0.079, "elbow": 0.072, "wrist": 0.062,
    "hip": 0.107, "knee": 0.087, "ankle": 0.089, "neck": 0.079, "toe": 0.089, "heel": 0.089,
}  # fmt: skip

# Upper quartiles over 5,442 people of COCO: most limbs point towards the camera or away from it a little. Those from eye
# to eye, knee to knee and elbow to hip, which no packaged network knows, are guesses on the generous side.
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


def _skeleton(name: str, joints: str, limbs: tuple[tuple[int, int], ...]) -> Skeleton:
    names = tuple(joints.split())
    return Skeleton(name, names, limbs, tuple(_SIGMA[n.rpartition("_")[2]] for n in names))


OPENPOSE18 = _skeleton(
    "openpose18",
    "nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist"
    " right_hip right_knee right_ankle left_hip left_knee left_ankle right_eye left_eye right_ear left_ear",
    (
        (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13),
        (1, 0), (0, 14), (14, 16), (0, 15), (15, 17), (2, 16), (5, 17),
    ),
)  # fmt: skip
"""OpenPose's 18-joint COCO model with its 19 limbs, the last two being the redundant ear-shoulder limbs."""

DENSE18 = replace(
    OPENPOSE18,
    name="openpose18-dense",
    limbs=OPENPOSE18.limbs
    + ((2, 5), (8, 11), (2, 8), (5, 11), (0, 2), (0, 5), (2, 4), (5, 7), (8, 10), (11, 13)),
)
"""The same joints with ten more redundant limbs for grouping: across shoulders and hips, along the trunk, nose to
shoulders, and past elbows and knees. They keep people whole of whom a neck, an elbow or a limb is not found."""

LIMB_SETS = {"openpose": OPENPOSE18, "dense": DENSE18}
"""The limbs that a network may be trained for, by the name that its settings have for them."""

COCO17 = _skeleton(
    "coco17",
    "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow"
    " left_wrist right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle",
    (
        (15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7), (6, 8), (7, 9),
        (8, 10), (1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6),
    ),
)  # fmt: skip

BODY25 = _skeleton(
    "body25",
    "nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist mid_hip"
    " right_hip right_knee right_ankle left_hip left_knee left_ankle right_eye left_eye right_ear left_ear"
    " left_big_toe left_small_toe left_heel right_big_toe right_small_toe right_heel",
    (
        (1, 8), (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (8, 9), (9, 10), (10, 11), (8, 12), (12, 13),
        (13, 14), (1, 0), (0, 15), (15, 17), (0, 16), (16, 18), (14, 19), (19, 20), (14, 21), (11, 22), (22, 23),
        (11, 24),
    ),
)  # fmt: skip
"""OpenPose's 25-joint model: a target of conversion only, since feet are not estimated."""

SKELETONS: dict[str, Skeleton] = {s.name: s for s in (OPENPOSE18, COCO17, BODY25)}

# Joints that are the middle of two others: the joint exists where both ends exist.
_MIDPOINTS = {"neck": ("left_shoulder", "right_shoulder"), "mid_hip": ("left_hip", "right_hip")}


def skeleton_named(name: str) -> Skeleton:
    """The joint set called ``name``.

    Raises:
        FormatError: no such joint set.
    """
    try:
        return SKELETONS[name]
    except KeyError:
        raise FormatError(f"unknown joint set {name!r}; known: {', '.join(SKELETONS)}") from None


def convert(
    keypoints: np.ndarray, scores: np.ndarray, source: Skeleton, target: Skeleton
) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints of one joint set in the order of another.

    A neck or mid-hip that the source lacks is the mean of both shoulders or hips, its score the mean of
    theirs. Any other joint that the source lacks is missing: NaN, score 0.

    Args:
        keypoints: float (..., V, 2), NaN where missing.
        scores: float (..., V).

    Returns:
        float32 (..., W, 2) and float32 (..., W).
    """
    keypoints, scores = np.asarray(keypoints, np.float32), np.asarray(scores, np.float32)
    if source == target:
        return keypoints.copy(), scores.copy()
    shape = keypoints.shape[:-2]
    out_keypoints = np.full((*shape, len(target), 2), np.nan, np.float32)
    out_scores = np.zeros((*shape, len(target)), np.float32)
    for i, name in enumerate(target.joints):
        if name in source.joints:
            j = source.index(name)
            out_keypoints[..., i, :], out_scores[..., i] = keypoints[..., j, :], scores[..., j]
        elif name in _MIDPOINTS:
            a, b = (source.index(end) for end in _MIDPOINTS[name])
            out_keypoints[..., i, :] = (keypoints[..., a, :] + keypoints[..., b, :]) / 2
            both = np.isfinite(out_keypoints[..., i, 0])
            out_scores[..., i] = np.where(both, (scores[..., a] + scores[..., b]) / 2, 0)
    return out_keypoints, out_scores
