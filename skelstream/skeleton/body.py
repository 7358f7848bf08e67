"""Joint sets of the body.

Joint orders follow OpenPose (``POSE_COCO_BODY_PARTS`` and ``POSE_BODY_25_BODY_PARTS``) and COCO
(``person_keypoints`` category). "Left" is the person's left.
"""

from __future__ import annotations

from dataclasses import replace

from skelstream.skeleton.skeleton import Skeleton

# COCO's published falloffs; a joint that COCO lacks has the value of a joint nearby.
_SIGMA = {
    "nose": 0.026, "eye": 0.025, "ear": 0.035, "shoulder": 0.079, "elbow": 0.072, "wrist": 0.062,
    "hip": 0.107, "knee": 0.087, "ankle": 0.089, "neck": 0.079, "toe": 0.089, "heel": 0.089,
    "spine": 0.107, "head": 0.079, "top": 0.079, "hand": 0.062, "tip": 0.062, "thumb": 0.062, "foot": 0.089,
    "inner": 0.025, "outer": 0.025, "mouth": 0.026, "knuckle": 0.062, "index": 0.089,
}  # fmt: skip


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

HOLISTIC33 = _skeleton(
    "holistic33",
    "nose left_eye_inner left_eye left_eye_outer right_eye_inner right_eye right_eye_outer left_ear right_ear"
    " left_mouth right_mouth left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist"
    " left_pinky_knuckle right_pinky_knuckle left_index_knuckle right_index_knuckle left_thumb_knuckle right_thumb_knuckle"
    " left_hip right_hip left_knee right_knee left_ankle right_ankle left_heel right_heel left_foot_index right_foot_index",
    (
        (0, 1), (1, 2), (2, 3), (3, 7), (0, 4), (4, 5), (5, 6), (6, 8), (9, 10), (11, 12), (11, 13), (13, 15), (15, 17),
        (15, 19), (15, 21), (17, 19), (12, 14), (14, 16), (16, 18), (16, 20), (16, 22), (18, 20), (11, 23), (12, 24),
        (23, 24), (23, 25), (24, 26), (25, 27), (26, 28), (27, 29), (28, 30), (29, 31), (30, 32), (27, 31), (28, 32),
    ),
)  # fmt: skip
"""MediaPipe's 33 joints of the body, the first part of its Holistic; limbs are its ``POSE_CONNECTIONS``."""
