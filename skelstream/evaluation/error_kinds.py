"""Errors by kind: good, jitter, inversion, swap, miss (Ronchi and Perona, "Benchmarking and Error Diagnosis
in Multi-Instance Pose Estimation", ICCV 2017, section 3), and how far joints lie from where they should
be."""

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
"""Object keypoint similarity from which an estimate belongs to a labelled person, low so that bad poses are
diagnosed rather than left out (the authors' ``oksLocThrs``)."""

NEAR, RIGHT = 0.5, 0.85
"""Keypoint similarity from which a joint is near a labelled one, and from which it is good (section 3.1)."""

_FLIP = list(COCO17.flip_order)


@dataclass(frozen=True)
class Diagnosis:
    """What went wrong, over the labelled joints of all matched people.

    Attributes:
        kinds: int64 (17, 5), joints by kind, in the order of ``KINDS``.
        absent: int64 (17,), those misses where the estimate has no such joint at all.
        distance: float64 (17,), mean pixels between estimated and labelled joint, where both exist; else NaN.
        relative: float64 (17,), the same in percent of the square root of the person's area.
        matched: people with an estimate of similarity 0.1 or more.
        missed: labelled people without one.
        spurious: estimates without a labelled person, crowds aside, whatever their score.
    """

    kinds: np.ndarray
    absent: np.ndarray
    distance: np.ndarray
    relative: np.ndarray
    matched: int
    missed: int
    spurious: int

    @property
    def shares(self) -> np.ndarray:
        """float64 (18, 5), percent of each kind for each joint, and in the last row for all; NaN if none."""
        counts = np.vstack([self.kinds, self.kinds.sum(0)]).astype(np.float64)
        total = counts.sum(1, keepdims=True)
        return 100 * np.divide(counts, total, out=np.full_like(counts, np.nan), where=total > 0)


def keypoint_similarity(keypoints: np.ndarray, person: LabelledPerson) -> np.ndarray:
    """Similarity exp(-d² / 2 s² k²) of each joint to the person's joint of the same kind (COCO's OKS,
    unsummed).

    Args:
        keypoints: float (17, 2 or more), pixels.
        person: its area is s².

    Returns:
        float64 (17,); -1 where the person's joint is not labelled.
    """
    squared = ((keypoints[:, :2] - person.keypoints[:, :2]) ** 2).sum(1)
    similarity = joint_similarity(squared, person.area + np.spacing(1), COCO17.oks_sigmas)
    return np.where(person.labelled, similarity, -1)


def joint_kinds(keypoints: np.ndarray, person: LabelledPerson, others: list[LabelledPerson]) -> np.ndarray:
    """The kind of each joint of one estimate.

    A joint takes the kind of the labelled joint that it is most similar to: its own (good from 0.85, jitter
    from 0.5), the same person's opposite one (inversion), or another person's same or opposite one (swap). A
    joint below 0.5 to all of them is a miss, and so is a joint that the estimate lacks.

    Args:
        keypoints: float64 (17, 3), the estimate; a missing joint is at (0, 0).
        person: the labelled person that it belongs to.
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
    """Kinds of error and distances over all images."""
    kinds = np.zeros((JOINTS, len(KINDS)), np.int64)
    absent, measured = np.zeros(JOINTS, np.int64), np.zeros(JOINTS, np.int64)
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
            absent += lacking & person.labelled
            both = person.labelled & ~lacking
            off = np.where(both, np.linalg.norm(keypoints[:, :2] - person.keypoints[:, :2], axis=1), 0)
            measured += both
            distance += off
            relative += 100 * off / np.sqrt(person.area)
    with np.errstate(invalid="ignore"):
        distance, relative = distance / measured, relative / measured
    return Diagnosis(kinds, absent, distance, relative, matched, missed, spurious)


def match(image: ImageMatch, threshold: float = MATCH) -> tuple[list[tuple[int, int]], list[int]]:
    """Pairs estimates with labelled people as COCO does: best score first, each takes the most similar one
    left.

    Returns:
        (estimate, person) pairs, and the estimates that belong to nobody. An estimate that fits only a crowd,
        or a person without labelled joints, is in neither.
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
    """bool (..., 17): joints that an estimate in COCO's results format lacks, which are at (0, 0)."""
    return (keypoints[..., :2] == 0).all(-1)


def _to_opposite(keypoints: np.ndarray, person: LabelledPerson) -> np.ndarray:
    """As ``keypoint_similarity``, to the person's joints of the other side; -1 for the nose, which has
    none."""
    similarity = keypoint_similarity(keypoints[_FLIP], person)[_FLIP]
    return np.where(np.asarray(_FLIP) == np.arange(JOINTS), -1, similarity)
