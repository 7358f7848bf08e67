"""Grouping written down slowly and plainly from the paper (Cao et al., arXiv 1812.08008, sections 3.1 to 3.4).

Loops over cells, pairs and people; nothing is shared with the package but the skeleton and the settings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from skelstream.grouping.settings import GroupingSettings
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


def connect(limbs: list[Limb], skeleton: Skeleton, redundant: set[int]) -> list[Person]:
    people: list[Person] = []
    for limb, (joint_a, joint_b) in enumerate(skeleton.limbs):
        waiting = sorted((c for c in limbs if c.limb == limb), key=lambda c: (-c.score, c.a, c.b))
        while waiting:
            best = waiting.pop(0)
            waiting = [c for c in waiting if c.a != best.a and c.b != best.b]
            with_a = [p for p in people if p.peaks.get(joint_a) == best.a]
            with_b = [p for p in people if p.peaks.get(joint_b) == best.b]
            if with_a and with_b:
                p, q = with_a[0], with_b[0]
                if p is not q and not p.peaks.keys() & q.peaks.keys():
                    p.peaks.update(q.peaks)
                    people = [person for person in people if person is not q]
            elif with_a:
                with_a[0].peaks.setdefault(joint_b, best.b)
            elif with_b:
                with_b[0].peaks.setdefault(joint_a, best.a)
            elif limb not in redundant:
                people.append(Person({joint_a: best.a, joint_b: best.b}))
    return people


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
    redundant: set[int],
    scale: tuple[float, float],
    settings: GroupingSettings,
) -> list[tuple[float, dict[int, tuple[float, float, float]]]]:
    """The people of one image from its maps (V, h, w) and (2L, h, w)."""
    peaks = find_peaks(confidence, settings)
    limbs = find_limbs(pafs, peaks, skeleton, settings)
    return finish(connect(limbs, skeleton, redundant), peaks, skeleton, scale, settings)
