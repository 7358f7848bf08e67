"""Assembly of limb candidates into people on the CPU."""

from __future__ import annotations

import numpy as np

from skelstream.grouping.candidates import Candidates
from skelstream.grouping.people import People
from skelstream.grouping.settings import GroupingSettings
from skelstream.skeleton import Skeleton

_NONE = -1
_AREA_OF_BOX = (
    0.53  # a person's segment area over its box area, as measured on COCO; OKS is defined by the former
)


def assemble(
    candidates: Candidates,
    skeleton: Skeleton,
    *,
    scale: tuple[float, float],
    settings: GroupingSettings | None = None,
) -> People:
    """Group the candidates of one image into people (OpenPose, Cao et al. 2019, section 3.4).

    Limb by limb, in the skeleton's order, the best-scored connections are taken greedily so that no part
    candidate serves two limbs of one kind; connections that share a part candidate make one person. Two
    partial people whom a connection joins become one if they share no joint. A redundant limb, one that
    closes a cycle (ear to shoulder in OpenPose's set), never starts a person and never replaces a joint.

    The person score is the sum of the joint scores over the number of joints of the skeleton: certainty
    times completeness. A person who resembles a better one (OKS over the worse one's joints) is dropped.

    Args:
        candidates: of one image.
        skeleton: V joints and their limbs.
        scale: source pixels per map cell in x and y; ``x = (x_cell + 0.5) * sx - 0.5``.
        settings: thresholds, the defaults if None.

    Returns:
        People, best first; boxes are the extent of the keypoints, without a margin.
    """
    settings = settings or GroupingSettings()
    least = settings.min_joints
    rows = [r for r in _connect(candidates, skeleton) if len(skeleton) - r.count(_NONE) >= least]
    if not rows:
        return People.none(len(skeleton))
    index = np.array(rows)
    missing = index == _NONE
    keypoints = ((candidates.peaks + 0.5) * np.array(scale) - 0.5).astype(np.float32)[index]
    keypoints[missing] = np.nan
    scores = candidates.peak_scores[index]
    scores[missing] = 0
    person_scores = scores.mean(1)
    boxes = np.concatenate([np.nanmin(keypoints, 1), np.nanmax(keypoints, 1)], 1)
    people = People(keypoints, scores, person_scores, boxes)
    order = np.argsort(-person_scores, kind="stable")
    people = people.take(order[person_scores[order] >= settings.min_person_score])
    return people.take(_first_of_each(people, skeleton, settings.duplicate_oks))


def _connect(candidates: Candidates, skeleton: Skeleton) -> list[list[int]]:
    """People as lists of V peak indices, in the order of their first connection."""
    people: list[list[int]] = []
    owner: list[list[int] | None] = [None] * len(candidates.peaks)
    redundant = _redundant_limbs(skeleton)
    current, taken = _NONE, set[int]()
    for limb, a, b in candidates.limbs.tolist():
        if limb != current:
            current, taken = limb, set()
        if a in taken or b in taken:
            continue
        taken.update((a, b))
        joint_a, joint_b = skeleton.limbs[limb]
        person, other = owner[a], owner[b]
        if person is None and other is None:
            if limb not in redundant:
                owner[a] = owner[b] = person = [_NONE] * len(skeleton)
                person[joint_a], person[joint_b] = a, b
                people.append(person)
        elif person is None:
            if other[joint_a] == _NONE:
                other[joint_a], owner[a] = a, other
        elif other is None:
            if person[joint_b] == _NONE:
                person[joint_b], owner[b] = b, person
        elif person is not other and not any(p != _NONE != o for p, o in zip(person, other, strict=True)):
            for joint, peak in enumerate(other):
                if peak != _NONE:
                    person[joint], owner[peak], other[joint] = peak, person, _NONE
    return people


def _redundant_limbs(skeleton: Skeleton) -> set[int]:
    """The limbs whose two joints earlier limbs have connected already."""
    part = list(range(len(skeleton)))
    redundant = set()
    for limb, (a, b) in enumerate(skeleton.limbs):
        if part[a] == part[b]:
            redundant.add(limb)
        else:
            part = [part[a] if p == part[b] else p for p in part]
    return redundant


def _first_of_each(people: People, skeleton: Skeleton, limit: float) -> np.ndarray:
    """Rows of ``people`` (best first) without those that repeat a better row that is kept."""
    if len(people) < 2:
        return np.arange(len(people))
    distance = ((people.keypoints[:, None] - people.keypoints[None]) ** 2).sum(-1)
    width, height = people.boxes[:, 2] - people.boxes[:, 0], people.boxes[:, 3] - people.boxes[:, 1]
    area = _AREA_OF_BOX * width * height
    area = np.maximum(np.maximum(area[:, None], area[None]), 1)
    variance = (2 * np.array(skeleton.oks_sigmas)) ** 2
    similarity = np.nan_to_num(np.exp(-distance / (2 * area[..., None] * variance))).sum(-1)
    repeats = similarity >= limit * (people.scores > 0).sum(1)
    kept: list[int] = []
    for row in range(len(people)):
        if not repeats[kept, row].any():
            kept.append(row)
    return np.array(kept)
