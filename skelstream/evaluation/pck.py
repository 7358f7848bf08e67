"""Percentage of correct keypoints for sets with one labelled person per image, such as Leeds Sports Pose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skelstream.evaluation.error_kinds import missing_joints
from skelstream.evaluation.scoring import CocoScores
from skelstream.skeleton import COCO17

LIMBS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
_LIMB_JOINTS = np.asarray([name.rpartition("_")[2] in LIMBS for name in COCO17.joints])
_TORSO = (COCO17.index("left_shoulder"), COCO17.index("right_hip"))


@dataclass(frozen=True)
class Pck:
    """PCK in percent.

    Attributes:
        total: PCK over all labelled shoulders, elbows, wrists, hips, knees and ankles.
        joints: PCK by those six names, left and right together; NaN if none is labelled.
        fraction: greatest distance of a correct joint, as a part of the torso.
        persons: number of people scored.
        without_torso: number of people left out because an end of their torso is not labelled, or both ends
            coincide.
    """

    total: float
    joints: dict[str, float]
    fraction: float
    persons: int
    without_torso: int


def pck(scores: CocoScores, fraction: float = 0.2) -> Pck:
    """Return the PCK relative to the torso.

    A joint is correct within ``fraction`` of the distance between left shoulder and right hip. This is the
    torso diameter of Sapp and Taskar ("MODEC", CVPR 2013), which is usual for Leeds Sports Pose; MMPose
    scores JHMDB in the same way.

    Each labelled person is scored on the most similar estimate (OKS), because single-person methods know the
    person's position and the sets leave bystanders unlabelled. Without an estimate all joints are wrong, and
    a missing joint is wrong. Published LSP means also count neck and head top, which COCO's joints lack and
    which are easier than the limbs.

    Args:
        scores: scores of a set with one labelled person per image.
        fraction: greatest distance of a correct joint as a part of the torso; usually 0.2.
    """
    correct, labelled = np.zeros(len(COCO17)), np.zeros(len(COCO17))
    persons = without_torso = 0
    for image in scores.images:
        for g, person in enumerate(image.persons):
            if person.ignored:
                continue
            torso = float(np.linalg.norm(np.subtract(*person.keypoints[_TORSO, :2])))
            if not person.labelled[list(_TORSO)].all() or torso == 0:
                without_torso += 1
                continue
            persons += 1
            labelled += person.labelled
            if not len(image.oks):
                continue
            estimate = image.keypoints[image.oks[:, g].argmax()]
            off = np.linalg.norm(estimate[:, :2] - person.keypoints[:, :2], axis=1)
            correct += person.labelled & ~missing_joints(estimate) & (off <= fraction * torso)
    joints = {}
    for limb in LIMBS:
        both = [COCO17.index(f"{side}_{limb}") for side in ("left", "right")]
        joints[limb] = _percent(correct[both].sum(), labelled[both].sum())
    total = _percent(correct[_LIMB_JOINTS].sum(), labelled[_LIMB_JOINTS].sum())
    return Pck(total, joints, fraction, persons, without_torso)


def _percent(part: float, whole: float) -> float:
    return 100 * float(part) / float(whole) if whole else float("nan")
