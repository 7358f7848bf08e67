"""Percentage of correct keypoints of sets with one labelled person an image, such as Leeds Sports Pose."""

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
        total: over all labelled joints of shoulders, elbows, wrists, hips, knees and ankles.
        joints: by those six names, left and right together; NaN where none is labelled.
        fraction: of the torso that a joint may be off.
        persons: people scored.
        without_torso: people left out since an end of their torso is not labelled, or both ends coincide.
    """

    total: float
    joints: dict[str, float]
    fraction: float
    persons: int
    without_torso: int


def pck(scores: CocoScores, fraction: float = 0.2) -> Pck:
    """PCK with the torso as measure: a joint is correct within ``fraction`` of the distance between the left
    shoulder and the right hip, the torso diameter of Sapp and Taskar ("MODEC", CVPR 2013) that is usual for
    Leeds Sports Pose; MMPose scores JHMDB in the same way.

    Each labelled person is scored on the estimate that is most similar to it (OKS), as single-person methods
    are told where the person stands and the sets leave bystanders unlabelled; with no estimate, all joints
    are wrong, and so is a joint that the estimate lacks. Published LSP means also count neck and head top,
    which COCO's joints lack and which are easier than the limbs.

    Args:
        scores: of a set with one labelled person an image.
        fraction: 0.2 is usual.
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
