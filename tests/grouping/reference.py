"""Grouping written down slowly and plainly, after the paper (Cao et al., arXiv 1812.08008, sections 3.1 to 3.4).

Loops over cells, pairs and people; nothing is shared with the package but the skeleton and the settings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from skelstream.settings.grouping import GroupingSettings
from skelstream.skeleton import Skeleton


@dataclass(frozen=True)
class Peak:
    joint: int
    x: float
    y: float
    score: float


@dataclass(frozen=True)
class Limb:
    limb: int
    a: int
    b: int
    score: float


@dataclass
class Person:
    peaks: dict[int, int]  # joint -> peak
    followed: set[int]  # these, and second peaks of a joint
    size: float  # from the longest limb


def _neighbours(cell: tuple[int, int], shape: tuple[int, int]) -> list[tuple[int, int]]:
    around = [(cell[0] + dy, cell[1] + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]
    return [(y, x) for y, x in around if 0 <= y < shape[0] and 0 <= x < shape[1]]


def _vertex(before: float, centre: float, after: float) -> tuple[float, float]:
    """Offset and height of the top of the parabola through three equally spaced logarithms."""
    least = 0.01 * centre
    left, c, right = (math.log(max(v, least)) for v in (before, centre, after))
    a, b = (left + right) / 2 - c, (right - left) / 2  # a x^2 + b x + c
    if a > -1e-9:
        return 0.0, c
    return -b / (2 * a), c - b * b / (4 * a)


def find_peaks(confidence: np.ndarray, settings: GroupingSettings) -> list[Peak]:
    peaks = []
    for joint, values in enumerate(confidence.astype(float)):
        height, width = values.shape
        found, seen = [], set()
        for cell in zip(*np.nonzero(values > settings.peak_threshold), strict=True):
            cell = (int(cell[0]), int(cell[1]))
            if cell in seen:
                continue
            plateau, front = {cell}, [cell]  # the cells of equal value that hang together
            while front:
                for n in _neighbours(front.pop(), values.shape):
                    if values[n] == values[cell] and n not in plateau:
                        plateau.add(n)
                        front.append(n)
            seen |= plateau
            if any(values[n] > values[cell] for c in plateau for n in _neighbours(c, values.shape)):
                continue
            y, x = min(plateau)
            dx = dy = 0.0
            top = math.log(values[cell])
            if 0 < x < width - 1:
                dx, height_x = _vertex(values[y, x - 1], values[y, x], values[y, x + 1])
                top += height_x - math.log(values[cell])
            if 0 < y < height - 1:
                dy, height_y = _vertex(values[y - 1, x], values[y, x], values[y + 1, x])
                top += height_y - math.log(values[cell])
            found.append((values[cell], Peak(joint, x + dx, y + dy, min(1.0, math.exp(top)))))
        found.sort(key=lambda f: -f[0])
        peaks += [peak for _, peak in found[: settings.max_peaks]]
    return peaks


def _bilinear(values: list[list[float]], x: float, y: float) -> float:
    total = 0.0
    for row in (math.floor(y), math.floor(y) + 1):
        for column in (math.floor(x), math.floor(x) + 1):
            if 0 <= row < len(values) and 0 <= column < len(values[0]):
                total += values[row][column] * (1 - abs(x - column)) * (1 - abs(y - row))
    return total


def find_limbs(
    pafs: np.ndarray, peaks: list[Peak], skeleton: Skeleton, settings: GroupingSettings
) -> list[Limb]:
    limbs = []
    fields = pafs.astype(float).tolist()
    for limb, (joint_a, joint_b) in enumerate(skeleton.limbs):
        for a, first in enumerate(peaks):
            for b, second in enumerate(peaks):
                if first.joint != joint_a or second.joint != joint_b:
                    continue
                dx, dy = second.x - first.x, second.y - first.y
                length = max(math.hypot(dx, dy), 1e-6)
                along = []
                for u in np.linspace(0, 1, settings.limb_samples):
                    x, y = first.x + u * dx, first.y + u * dy
                    field_x, field_y = (_bilinear(fields[c], x, y) for c in (2 * limb, 2 * limb + 1))
                    along.append((field_x * dx + field_y * dy) / length)
                good = sum(v > settings.limb_threshold for v in along) / len(along)
                score = sum(along) / len(along) + min(0, settings.long_limb * pafs.shape[1] / length - 1)
                if good >= settings.min_good_fraction - 1e-6 and score > 0:
                    limbs.append(Limb(limb, a, b, score))
    return limbs


def connect(
    limbs: list[Limb], peaks: list[Peak], skeleton: Skeleton, settings: GroupingSettings
) -> list[Person]:
    people: list[Person] = []

    def connection_score(limb: Limb) -> float:
        return limb.score**3 * peaks[limb.a].score * peaks[limb.b].score

    for limb in 2 * sorted(limbs, key=lambda c: (-connection_score(c), c.limb, -c.score, c.a, c.b)):
        joint_a, joint_b = skeleton.limbs[limb.limb]
        with_a = [p for p in people if limb.a in p.followed]
        with_b = [p for p in people if limb.b in p.followed]
        first, second = peaks[limb.a], peaks[limb.b]
        size = math.hypot(first.x - second.x, first.y - second.y) / skeleton.limb_lengths[limb.limb]
        known = [p.size for p in with_a + with_b]
        if known and size > settings.limb_ratio * max(known):
            continue
        if with_a and with_b:
            p, q = with_a[0], with_b[0]
            if p is not q and _same_person(p, q, peaks, settings):
                for joint, peak in q.peaks.items():
                    mine = p.peaks.setdefault(joint, peak)
                    p.peaks[joint] = max(mine, peak, key=lambda n: peaks[n].score)
                p.followed |= q.followed
                p.size = max(p.size, q.size, size)
                people = [person for person in people if person is not q]
        elif with_a or with_b:
            person, joint, peak = (with_a[0], joint_b, limb.b) if with_a else (with_b[0], joint_a, limb.a)
            if joint not in person.peaks:
                person.peaks[joint] = peak
                person.followed.add(peak)
                person.size = max(person.size, size)
        else:
            people.append(Person({joint_a: limb.a, joint_b: limb.b}, {limb.a, limb.b}, size))
    return people


def _same_person(p: Person, q: Person, peaks: list[Peak], settings: GroupingSettings) -> bool:
    common = p.peaks.keys() & q.peaks.keys()
    if len(common) > min(len(p.peaks), len(q.peaks)) / 2:
        return False
    xs = [peaks[n].x for person in (p, q) for n in person.peaks.values()]
    ys = [peaks[n].y for person in (p, q) for n in person.peaks.values()]
    extent = math.hypot(max(xs) - min(xs), max(ys) - min(ys))
    for joint in common:
        first, second = peaks[p.peaks[joint]], peaks[q.peaks[joint]]
        if math.hypot(first.x - second.x, first.y - second.y) > settings.double_peak * extent:
            return False
    return True


def _area(points: list[tuple[float, float]]) -> float:
    xs, ys = zip(*points, strict=True)
    return 0.53 * (max(xs) - min(xs)) * (max(ys) - min(ys))


def finish(
    people: list[Person],
    peaks: list[Peak],
    skeleton: Skeleton,
    scale: tuple[float, float],
    settings: GroupingSettings,
) -> list[tuple[float, dict[int, tuple[float, float, float]]]]:
    """(person score, joint -> x, y, score in source pixels), best first, duplicates and weak people dropped."""
    placed = []
    for person in people:
        joints = {}
        for joint, p in person.peaks.items():
            x, y = ((v + 0.5) * s - 0.5 for v, s in zip((peaks[p].x, peaks[p].y), scale, strict=True))
            joints[joint] = (x, y, peaks[p].score)
        score = sum(j[2] for j in joints.values()) / len(skeleton)
        if len(joints) >= settings.min_joints and score >= settings.min_person_score:
            placed.append((score, joints))
    placed.sort(key=lambda p: -p[0])
    kept: list[tuple[float, dict[int, tuple[float, float, float]]]] = []
    for score, joints in placed:
        repeated = False
        for _, better in kept:
            area = max(_area([j[:2] for j in p.values()]) for p in (joints, better))
            similarity = 0.0
            for joint in joints.keys() & better.keys():
                squared = sum((joints[joint][i] - better[joint][i]) ** 2 for i in (0, 1))
                similarity += math.exp(-squared / (2 * max(area, 1) * (2 * skeleton.oks_sigmas[joint]) ** 2))
            repeated |= similarity / len(joints) >= settings.duplicate_oks
        if not repeated:
            kept.append((score, joints))
    return kept


def group(
    confidence: np.ndarray,
    pafs: np.ndarray,
    skeleton: Skeleton,
    scale: tuple[float, float],
    settings: GroupingSettings,
) -> list[tuple[float, dict[int, tuple[float, float, float]]]]:
    """The people of one image from its maps (V, h, w) and (2L, h, w)."""
    peaks = find_peaks(confidence, settings)
    limbs = find_limbs(pafs, peaks, skeleton, settings)
    return finish(connect(limbs, peaks, skeleton, settings), peaks, skeleton, scale, settings)
