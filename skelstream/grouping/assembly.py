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

    Connections are taken greedily, as in OpenPose, but the limbs of all kinds in one order, the surest first: by
    the cube of the limb's score times the scores of its two peaks. Peaks that connections join are one person. Where
    a connection joins two partial people they become one if they have no joint in common, or few joints that are
    two peaks of the same one. So redundant limbs, those that close cycles, keep a person whole of whom a joint or a
    limb is not found. A limb that is far too long for the person is refused.

    The person score is the sum of the joint scores over the number of joints of the skeleton: certainty
    times completeness. A person who resembles a better one (OKS over the worse one's joints) is dropped.

    Args:
        candidates: of one image.
        skeleton: V joints and their limbs.
        letterbox: where the image lies in the network's input.
        settings: thresholds, the defaults if None.

    Returns:
        People in image pixels, best first; boxes are the extent of the keypoints, without a margin.
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
    """How sure each limb candidate is, float64 (C,): the cube of its score times the scores of its two peaks."""
    first, second = (candidates.peak_scores[candidates.limbs[:, end]].astype(float) for end in (1, 2))
    return candidates.limb_scores.astype(float) ** 3 * first * second


@dataclass
class _Part:
    """A person as far as known.

    Attributes:
        joints: V peak indices.
        found: one bit a joint that has a peak.
        peaks: all peaks that led to this part, also second peaks of a joint.
        size: the person's, in map cells, as its longest limb tells: lengths over what is usual for the limb.
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
    """People as lists of V peak indices, in the order of their first connection."""
    parts: list[_Part] = []
    owner: list[_Part | None] = [None] * len(candidates.peaks)
    places, scores = candidates.peaks.tolist(), candidates.peak_scores.tolist()
    order = np.argsort(-connection_score(candidates), kind="stable")
    # Twice: what is refused since little of the person is known yet gets another chance.
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
                mine = part.joints[joint]
                if mine == _NONE or (peak != _NONE and scores[peak] > scores[mine]):
                    part.joints[joint] = peak
            for peak in other.peaks:
                owner[peak] = part
            part.found |= other.found
            part.peaks += other.peaks
            part.size = max(part.size, other.size, size)
            other.joints = []
    return [part.joints for part in parts if part.joints]


def _one_person(part: _Part, other: _Part, places: list[list[float]], double_peak: float) -> bool:
    """Whether two parts can be of one person: at most half of the smaller one's joints are in both, as close pairs."""
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
    """Which people do not repeat a better one: their indices, int (P,).

    Args:
        people: best first.
        skeleton: their joints.
        limit: a person at least this similar (OKS over its own joints) to a better one is the same person again.
    """
    if len(people) < 2:
        return np.arange(len(people))
    areas = AREA_OF_BOX * box_areas(people.boxes)
    areas = np.maximum(areas[:, None], areas[None])
    similarity, common = oks(people.keypoints, people.keypoints, areas, skeleton.oks_sigmas)
    repeats = similarity * common >= limit * (people.scores > 0).sum(1)
    kept: list[int] = []
    for row in range(len(people)):
        if not repeats[kept, row].any():
            kept.append(row)
    return np.array(kept)
