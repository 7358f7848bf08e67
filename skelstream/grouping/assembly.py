"""Assembly of limb candidates into people on the CPU."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from skelstream.geometry.letterbox import Letterbox
from skelstream.geometry.similarity import AREA_OF_BOX, box_areas, oks
from skelstream.grouping.candidates import Candidates
from skelstream.people import People
from skelstream.settings.grouping import GroupingSettings
from skelstream.skeleton import Skeleton

_NONE = -1


def assemble(
    candidates: Candidates,
    skeleton: Skeleton,
    *,
    letterbox: Letterbox,
    settings: GroupingSettings | None = None,
) -> People:
    """Group the candidates of one image into people (after OpenPose, Cao et al. 2019, section 3.4).

    Connections are taken greedily, as in OpenPose, but limbs of all kinds in one order, highest connection
    score first: the cube of the limb's score times the scores of its two peaks. Connected peaks are one
    person. Two partial people joined by a connection become one if they have no joint in common, or only a
    few that are close double peaks. So redundant limbs, which close cycles, keep a person in one piece when a
    joint or a limb is not found. A limb that is far too long for the person is refused.

    The person score is the sum of the joint scores divided by the number of joints of the skeleton: certainty
    times completeness. A person similar to one with a higher score (OKS over the former's joints) is dropped as a
    duplicate.

    Args:
        candidates: candidates of one image.
        skeleton: V joints and their limbs.
        letterbox: map from the image to the network's input.
        settings: thresholds; None for the defaults.

    Returns:
        People in image pixels, highest score first; boxes are the extent of the keypoints, without a margin.
    """
    settings = settings or GroupingSettings()
    least = settings.min_joints
    rows = [r for r in _connect(candidates, skeleton, settings) if len(skeleton) - r.count(_NONE) >= least]
    if not rows:
        return People.none(len(skeleton))
    index = np.array(rows)
    missing = index == _NONE
    places = letterbox.to_image((candidates.peaks + 0.5) * candidates.stride - 0.5)
    keypoints = places.astype(np.float32)[index]
    keypoints[missing] = np.nan
    scores = candidates.peak_scores[index]
    scores[missing] = 0
    person_scores = scores.mean(1)
    boxes = np.concatenate([np.nanmin(keypoints, 1), np.nanmax(keypoints, 1)], 1)
    people = People(keypoints, scores, person_scores, boxes)
    order = np.argsort(-person_scores, kind="stable")
    people = people.take(order[person_scores[order] >= settings.min_person_score])
    return people.take(distinct(people, skeleton, settings.duplicate_oks))


def connection_score(candidates: Candidates) -> np.ndarray:
    """Return each limb candidate's connection score, float64 (C,): its score cubed times the scores of its peaks."""
    first, second = (candidates.peak_scores[candidates.limbs[:, end]].astype(float) for end in (1, 2))
    return candidates.limb_scores.astype(float) ** 3 * first * second


@dataclass
class _Part:
    """Partial person.

    Attributes:
        joints: V peak indices, -1 for joints without a peak.
        found: bit mask of the joints with a peak.
        peaks: all peaks connected to this part, including second peaks of a joint.
        size: size of the person in map cells: the greatest limb length divided by that limb's typical length.
    """

    joints: list[int]
    found: int
    peaks: list[int]
    size: float

    def add(self, joint: int, peak: int, size: float) -> None:
        self.joints[joint] = peak
        self.found |= 1 << joint
        self.peaks.append(peak)
        self.size = max(self.size, size)


def _connect(candidates: Candidates, skeleton: Skeleton, settings: GroupingSettings) -> list[list[int]]:
    """Return people as lists of V peak indices, in the order of their first connection."""
    parts: list[_Part] = []
    owner: list[_Part | None] = [None] * len(candidates.peaks)
    places, scores = candidates.peaks.tolist(), candidates.peak_scores.tolist()
    order = np.argsort(-connection_score(candidates), kind="stable")
    # Two passes: a limb refused while little of the person was known gets a second chance.
    for limb, a, b in 2 * candidates.limbs[order].tolist():
        joint_a, joint_b = skeleton.limbs[limb]
        part, other = owner[a], owner[b]
        if part is not None and part is other:
            continue
        size = math.dist(places[a], places[b]) / skeleton.limb_lengths[limb]
        if part is None and other is None:
            owner[a] = owner[b] = part = _Part([_NONE] * len(skeleton), 0, [], size)
            part.add(joint_a, a, size)
            part.add(joint_b, b, size)
            parts.append(part)
        elif size > settings.limb_ratio * max(one.size for one in (part, other) if one is not None):
            continue
        elif part is None:
            if not other.found >> joint_a & 1:
                other.add(joint_a, a, size)
                owner[a] = other
        elif other is None:
            if not part.found >> joint_b & 1:
                part.add(joint_b, b, size)
                owner[b] = part
        elif _one_person(part, other, places, settings.double_peak):
            for joint, peak in enumerate(other.joints):
                own = part.joints[joint]
                if own == _NONE or (peak != _NONE and scores[peak] > scores[own]):
                    part.joints[joint] = peak
            for peak in other.peaks:
                owner[peak] = part
            part.found |= other.found
            part.peaks += other.peaks
            part.size = max(part.size, other.size, size)
            other.joints = []
    return [part.joints for part in parts if part.joints]


def _one_person(part: _Part, other: _Part, places: list[list[float]], double_peak: float) -> bool:
    """Return whether two parts may be one person: at most half of the smaller one's joints are in both, as close peaks."""
    both = part.found & other.found
    if not both:
        return True
    if 2 * both.bit_count() > min(part.found.bit_count(), other.found.bit_count()):
        return False
    xs, ys = zip(
        *(places[peak] for one in (part, other) for peak in one.joints if peak != _NONE), strict=True
    )
    limit = double_peak * math.hypot(max(xs) - min(xs), max(ys) - min(ys))
    return all(
        math.dist(places[p], places[o]) <= limit
        for p, o in zip(part.joints, other.joints, strict=True)
        if p != _NONE != o
    )


def distinct(people: People, skeleton: Skeleton, limit: float) -> np.ndarray:
    """Return the indices, int (P,), of people who are not duplicates of one with a higher score.

    Args:
        people: people, highest score first.
        skeleton: joint set of the people.
        limit: least similarity (OKS over its own joints) of a duplicate to a person with a higher score.
    """
    if len(people) < 2:
        return np.arange(len(people))
    return unrepeated(repeated(people, people, skeleton, limit).T)


def repeated(people: People, others: People, skeleton: Skeleton, limit: float) -> np.ndarray:
    """Return bool (P, Q), whether a person is as similar to another as ``limit`` (OKS over the person's own joints)."""
    areas = AREA_OF_BOX * np.maximum(box_areas(people.boxes)[:, None], box_areas(others.boxes))
    similarity, common = oks(people.keypoints, others.keypoints, areas, skeleton.oks_sigmas)
    return similarity * common >= limit * (people.scores > 0).sum(1)[:, None]


def unrepeated(repeats: np.ndarray) -> np.ndarray:
    """Return the indices of people, best first, who repeat no better one that is kept.

    Args:
        repeats: bool (P, P), whether the person of a row and that of a column are one.
    """
    kept: list[int] = []
    for row in range(len(repeats)):
        if not repeats[kept, row].any():
            kept.append(row)
    return np.array(kept, int)
