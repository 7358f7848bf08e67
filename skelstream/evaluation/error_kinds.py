"""Errors by kind, and distances between estimated and labelled joints.

The kinds good, jitter, inversion, swap and miss are those of Ronchi and Perona, "Benchmarking and Error
Diagnosis in Multi-Instance Pose Estimation", ICCV 2017, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skelstream.datasets.coco import JOINTS
from skelstream.evaluation.annotations import LabelledPerson
from skelstream.evaluation.scoring import CocoScores, ImageMatch
from skelstream.geometry.similarity import joint_similarity
from skelstream.skeleton import COCO17

KINDS = ("good", "jitter", "inversion", "swap", "miss")

MATCH = 0.1
"""Least object keypoint similarity of an estimate and its labelled person; low, so that bad poses are
diagnosed and not left out (the authors' ``oksLocThrs``)."""

NEAR, RIGHT = 0.5, 0.85
"""Least keypoint similarity of a joint that is near a labelled one, and of a good joint (section 3.1)."""

_FLIP = list(COCO17.flip_order)


@dataclass(frozen=True)
class Diagnosis:
    """Errors of the labelled joints of all matched people.

    Attributes:
        kinds: int64 (17, 5), number of joints by kind, in the order of ``KINDS``.
        missing: int64 (17,), number of those misses where the estimate lacks the joint.
        distance: float64 (17,), mean distance in pixels between estimated and labelled joint, over people
            with both; NaN if there are none.
        relative: float64 (17,), mean distance in percent of the square root of the person's area.
        matched: number of labelled people with an estimate of similarity 0.1 or more.
        missed: number of labelled people without such an estimate.
        spurious: number of estimates of any score without a labelled person, except at crowds.
    """

    kinds: np.ndarray
    missing: np.ndarray
    distance: np.ndarray
    relative: np.ndarray
    matched: int
    missed: int
    spurious: int

    @property
    def shares(self) -> np.ndarray:
        """float64 (18, 5), percent of each kind by joint, in the last row for all; NaN without joints."""
        counts = np.vstack([self.kinds, self.kinds.sum(0)]).astype(np.float64)
        total = counts.sum(1, keepdims=True)
        return 100 * np.divide(counts, total, out=np.full_like(counts, np.nan), where=total > 0)


def keypoint_similarity(keypoints: np.ndarray, person: LabelledPerson) -> np.ndarray:
    """Return the similarity exp(-d² / 2 s² k²) of each joint to the person's joint of the same name (a term of OKS).

    Args:
        keypoints: float (17, 2 or more), pixels.
        person: the labelled person; its area is s².

    Returns:
        float64 (17,); -1 where the person's joint is not labelled.
    """
    squared = ((keypoints[:, :2] - person.keypoints[:, :2]) ** 2).sum(1)
    similarity = joint_similarity(squared, person.area + np.spacing(1), COCO17.oks_sigmas)
    return np.where(person.labelled, similarity, -1)


def joint_kinds(keypoints: np.ndarray, person: LabelledPerson, others: list[LabelledPerson]) -> np.ndarray:
    """Return the kind of each joint of one estimate.

    The labelled joint of the greatest similarity decides: the joint's own (good from 0.85, jitter from 0.5),
    the same person's opposite joint (inversion), or another person's same or opposite joint (swap). A joint
    with a similarity below 0.5 to all of them is a miss, and so is a missing joint.

    Args:
        keypoints: float64 (17, 3), the estimate; a missing joint is at (0, 0).
        person: the labelled person that the estimate belongs to.
        others: the other labelled people of the image.

    Returns:
        intp (17,), indices into ``KINDS``; -1 where the person's joint is not labelled.
    """
    own = keypoint_similarity(keypoints, person)
    opposite = _to_opposite(keypoints, person)
    foreign = [f(keypoints, other) for other in others for f in (keypoint_similarity, _to_opposite)]
    swap = np.max(foreign, axis=0) if foreign else np.full(JOINTS, -1.0)
    kinds = np.full(JOINTS, KINDS.index("miss"))
    kinds[(swap >= NEAR) & (swap > own) & (swap > opposite)] = KINDS.index("swap")
    kinds[(opposite >= NEAR) & (opposite > own) & (opposite >= swap)] = KINDS.index("inversion")
    nearest = (own >= opposite) & (own >= swap)
    kinds[nearest & (own >= NEAR)] = KINDS.index("jitter")
    kinds[nearest & (own >= RIGHT)] = KINDS.index("good")
    kinds[missing_joints(keypoints)] = KINDS.index("miss")
    return np.where(person.labelled, kinds, -1)


def diagnose(scores: CocoScores) -> Diagnosis:
    """Return the errors and distances over all images."""
    kinds = np.zeros((JOINTS, len(KINDS)), np.int64)
    missing, measured = np.zeros(JOINTS, np.int64), np.zeros(JOINTS, np.int64)
    distance, relative = np.zeros(JOINTS), np.zeros(JOINTS)
    matched = missed = spurious = 0
    for image in scores.images:
        pairs, unmatched = match(image)
        matched += len(pairs)
        missed += sum(not p.ignored for p in image.persons) - len(pairs)
        spurious += len(unmatched)
        for d, g in pairs:
            person, keypoints = image.persons[g], image.keypoints[d]
            others = [p for i, p in enumerate(image.persons) if i != g and not p.ignored]
            kind = joint_kinds(keypoints, person, others)
            rows = np.flatnonzero(kind >= 0)
            kinds[rows, kind[rows]] += 1
            lacking = missing_joints(keypoints)
            missing += lacking & person.labelled
            both = person.labelled & ~lacking
            off = np.where(both, np.linalg.norm(keypoints[:, :2] - person.keypoints[:, :2], axis=1), 0)
            measured += both
            distance += off
            relative += 100 * off / np.sqrt(person.area)
    with np.errstate(invalid="ignore"):
        distance, relative = distance / measured, relative / measured
    return Diagnosis(kinds, missing, distance, relative, matched, missed, spurious)


def match(image: ImageMatch, threshold: float = MATCH) -> tuple[list[tuple[int, int]], list[int]]:
    """Match estimates to labelled people as COCO does: by falling score, each to the most similar free person.

    Args:
        image: labelled people and estimates.
        threshold: least object keypoint similarity of a pair.

    Returns:
        Pairs (estimate, person), and the estimates without a person. An estimate that fits only a crowd, or a
        person without labelled joints, is in neither.
    """
    ignored = np.asarray([p.ignored for p in image.persons], bool)
    free = ~ignored
    pairs, unmatched = [], []
    for d, similarity in enumerate(image.oks):
        left = np.where(free, similarity, -1)
        if left.size and left.max() >= threshold:
            person = int(left.argmax())
            free[person] = False
            pairs.append((d, person))
        elif not (ignored & (similarity >= threshold)).any():
            unmatched.append(d)
    return pairs, unmatched


def missing_joints(keypoints: np.ndarray) -> np.ndarray:
    """Return bool (..., 17), the missing joints of estimates in COCO's results format: those at (0, 0)."""
    return (keypoints[..., :2] == 0).all(-1)


def _to_opposite(keypoints: np.ndarray, person: LabelledPerson) -> np.ndarray:
    """Return ``keypoint_similarity`` to the person's opposite joints; -1 for the nose, which has none."""
    similarity = keypoint_similarity(keypoints[_FLIP], person)[_FLIP]
    return np.where(np.asarray(_FLIP) == np.arange(JOINTS), -1, similarity)
