"""Joint sets, limbs, flip pairs, and conversion between joint sets.

Joint orders follow OpenPose (``POSE_COCO_BODY_PARTS`` and ``POSE_BODY_25_BODY_PARTS``) and COCO
(``person_keypoints`` category). "Left" is the person's left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from skelstream.errors import FormatError


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
        swap = {"left": "right", "right": "left"}

        def mirrored(name: str) -> str:
            side, _, rest = name.partition("_")
            return f"{swap[side]}_{rest}" if side in swap else name

        return tuple(self.index(mirrored(name)) for name in self.joints)

    @cached_property
    def limb_lengths(self) -> tuple[float, ...]:
        """L typical lengths of limbs parallel to the image plane, in units of the square root of the person's
        area."""
        return tuple(
            _LENGTHS.get(frozenset(self.joints[end].rpartition("_")[2] for end in limb), _UNKNOWN_LENGTH)
            for limb in self.limbs
        )

    @cached_property
    def flip_pairs(self) -> tuple[tuple[int, int], ...]:
        """Pairs (left, right) of joint indices."""
        return tuple((i, j) for i, j in enumerate(self.flip_order) if self.joints[i].startswith("left_"))


# COCO's published falloffs; a joint that COCO lacks has the value of a joint nearby.
_SIGMA = {
    "nose": 0.026, "eye": 0.025, "ear": 0.035, "shoulder": 0.079, "elbow": 0.072, "wrist": 0.062,
    "hip": 0.107, "knee": 0.087, "ankle": 0.089, "neck": 0.079, "toe": 0.089, "heel": 0.089,
    "spine": 0.107, "head": 0.079, "top": 0.079, "hand": 0.062, "tip": 0.062, "thumb": 0.062, "foot": 0.089,
}  # fmt: skip

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
"""OpenPose's 18-joint COCO model with its 19 limbs; the last two are the redundant ear-shoulder limbs."""

DENSE18 = replace(
    OPENPOSE18,
    name="openpose18-dense",
    limbs=OPENPOSE18.limbs
    + ((2, 5), (8, 11), (2, 8), (5, 11), (0, 2), (0, 5), (2, 4), (5, 7), (8, 10), (11, 13)),
)
"""OpenPose's 18 joints with ten more redundant limbs for grouping: across shoulders and hips, along the
trunk, nose to shoulders, and past elbows and knees. They keep a person in one piece when a neck, an elbow or
a limb is not found."""

LIMB_SETS = {"openpose": OPENPOSE18, "dense": DENSE18}
"""Limb sets that a network can be trained for, by their name in its settings."""

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
"""OpenPose's 25-joint model; a conversion target only, since feet are not estimated."""

H36M17 = _skeleton(
    "h36m17",
    "mid_hip right_hip right_knee right_ankle left_hip left_knee left_ankle spine neck nose head"
    " left_shoulder left_elbow left_wrist right_shoulder right_elbow right_wrist",
    (
        (0, 1), (1, 2), (2, 3), (0, 4), (4, 5), (5, 6), (0, 7), (7, 8), (8, 9), (9, 10), (8, 11), (11, 12), (12, 13),
        (8, 14), (14, 15), (15, 16),
    ),
)  # fmt: skip
"""Human3.6M's 17 joints as 3D lifting networks take them; the root is ``mid_hip``, the thorax ``neck``. A
conversion target: spine and head are derived from other joints."""

MPII16 = _skeleton(
    "mpii16",
    "right_ankle right_knee right_hip left_hip left_knee left_ankle mid_hip neck upper_neck head_top"
    " right_wrist right_elbow right_shoulder left_shoulder left_elbow left_wrist",
    (
        (0, 1), (1, 2), (2, 6), (6, 3), (3, 4), (4, 5), (6, 7), (7, 8), (8, 9), (10, 11), (11, 12), (12, 7), (7, 13),
        (13, 14), (14, 15),
    ),
)  # fmt: skip
"""MPII's 16 joints; the pelvis is ``mid_hip``, the thorax ``neck``. A conversion target: the top of the head
is missing."""

NTU25 = _skeleton(
    "ntu25",
    "mid_hip spine upper_neck head left_shoulder left_elbow left_wrist left_hand"
    " right_shoulder right_elbow right_wrist right_hand left_hip left_knee left_ankle left_foot"
    " right_hip right_knee right_ankle right_foot neck left_hand_tip left_thumb right_hand_tip right_thumb",
    (
        (0, 1), (1, 20), (2, 20), (3, 2), (4, 20), (5, 4), (6, 5), (7, 6), (8, 20), (9, 8), (10, 9), (11, 10), (12, 0),
        (13, 12), (14, 13), (15, 14), (16, 0), (17, 16), (18, 17), (19, 18), (21, 22), (22, 7), (23, 24), (24, 11),
    ),
)  # fmt: skip
"""NTU RGB+D's 25 joints (Kinect); its joint 21, the spine at the shoulders, is ``neck``, its neck is
``upper_neck``. A conversion target: spine, neck, head, hands and feet are derived from other joints."""

HALPE26 = _skeleton(
    "halpe26",
    " ".join(COCO17.joints) + " head_top neck mid_hip left_big_toe right_big_toe left_small_toe right_small_toe"
    " left_heel right_heel",
    (
        (0, 1), (0, 2), (1, 3), (2, 4), (5, 18), (6, 18), (5, 7), (7, 9), (6, 8), (8, 10), (0, 18), (17, 18), (18, 19),
        (19, 11), (19, 12), (11, 13), (12, 14), (13, 15), (14, 16), (20, 24), (21, 25), (23, 25), (22, 24), (15, 24),
        (16, 25),
    ),
)  # fmt: skip
"""Halpe's 26 body joints, which AlphaPose and MMPose have: COCO's 17, then the head, whose joint is its top, neck,
hip and feet. Limbs are AlphaPose's, with one from the nose to the neck. Files of others have all of them; as a
conversion target it lacks the top of the head and the feet."""

SKELETONS: dict[str, Skeleton] = {
    s.name: s for s in (OPENPOSE18, COCO17, BODY25, H36M17, MPII16, NTU25, HALPE26)
}

# Joints derived from others: the mean of the first group; where that is missing, the mean of the next group.
_DERIVED: dict[str, tuple[tuple[str, ...], ...]] = {
    "neck": (("left_shoulder", "right_shoulder"),),
    "mid_hip": (("left_hip", "right_hip"),),
    "spine": (("neck", "mid_hip"),),
    "head": (("left_ear", "right_ear"), ("left_eye", "right_eye"), ("nose",)),
    "upper_neck": (("neck", "head"), ("neck",)),
    **{
        f"{side}_{part}": ((f"{side}_wrist",),)
        for side in ("left", "right")
        for part in ("hand", "hand_tip", "thumb")
    },
    **{f"{side}_foot": ((f"{side}_ankle",),) for side in ("left", "right")},
}


def skeleton_named(name: str) -> Skeleton:
    """Return the joint set called ``name``.

    Raises:
        FormatError: there is no such joint set.
    """
    if isinstance(name, str) and name in SKELETONS:
        return SKELETONS[name]
    shown = repr(name) if isinstance(name, str) else f"of type {type(name).__name__}"
    raise FormatError(f"unknown joint set {shown}; known: {', '.join(SKELETONS)}")


def convert(
    keypoints: np.ndarray, scores: np.ndarray, source: Skeleton, target: Skeleton
) -> tuple[np.ndarray, np.ndarray]:
    """Convert keypoints from one joint set to another.

    A joint that the source set lacks is derived from its neighbours where they determine it roughly, with the
    mean of their scores: neck and mid-hip are the middle of both shoulders or hips; the spine is between neck
    and mid-hip; the head is between the ears, else between the eyes, else at the nose; NTU's neck is between
    neck and head; hands are at the wrists and feet at the ankles. Any other joint that the source set lacks
    is missing: NaN, score 0.

    Args:
        keypoints: float (..., V, 2), NaN where missing.
        scores: float (..., V) in [0, 1].
        source: joint set of ``keypoints``, V joints.
        target: joint set to convert to, W joints.

    Returns:
        keypoints float32 (..., W, 2) and scores float32 (..., W).
    """
    keypoints, scores = np.asarray(keypoints, np.float32), np.asarray(scores, np.float32)
    if source == target:
        return keypoints.copy(), scores.copy()
    shape = keypoints.shape[:-2]
    out_keypoints = np.full((*shape, len(target), 2), np.nan, np.float32)
    out_scores = np.zeros((*shape, len(target)), np.float32)
    known = {name: (keypoints[..., i, :], scores[..., i]) for i, name in enumerate(source.joints)}
    for i, name in enumerate(target.joints):
        found = _joint(name, known)
        if found is not None:
            out_keypoints[..., i, :], out_scores[..., i] = found
    return out_keypoints, out_scores


def _joint(
    name: str, known: dict[str, tuple[np.ndarray, np.ndarray]]
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return position (..., 2) and score (...) of a joint, known or derived; None if it cannot be derived
    either."""
    if name in known:
        return known[name]
    found = None
    for group in _DERIVED.get(name, ()):
        parts = [part for end in group if (part := _joint(end, known)) is not None]
        if len(parts) < len(group):
            continue
        place = np.asarray(sum(place for place, _ in parts) / len(parts))
        score = np.where(np.isfinite(place[..., 0]), sum(score for _, score in parts) / len(parts), 0)
        if found is not None:
            first = np.isfinite(found[0][..., 0])
            place, score = np.where(first[..., None], found[0], place), np.where(first, found[1], score)
        found = place, score
    return found
