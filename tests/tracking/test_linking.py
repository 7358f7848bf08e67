"""Which tracklets are joined to one person."""

from __future__ import annotations

import time

import numpy as np
import pytest

from skelstream.tracking.appearance import packed
from skelstream.tracking.linking import Rows, link

RED = ((40, 40, 20), (20, 0, -5), (20, 0, -5), (40, 40, 20), (60, 12, 15))
GREEN = ((50, -30, 20), (60, 5, -30), (60, 5, -30), (50, -30, 20), (60, 12, 15))
RATE = 20


class Walk:
    """One tracklet: a person of 100 x 200 pixels with a colour, from ``start`` (seconds) on, in a straight line."""

    def __init__(self, track, start, seconds, x, speed=0.0, clothes=RED, scene=0, height=200.0):
        count = round(seconds * RATE)
        self.time = start + np.arange(count) / RATE
        middle = x + speed * (self.time - start)
        self.boxes = np.stack([middle - 50, 0 * middle, middle + 50, 0 * middle + height], 1)
        noise = np.random.default_rng(track).normal(0, 2, (count, 5, 3))
        self.colours = packed(np.float32(clothes) + noise if clothes else None, count)
        self.track, self.scene = np.full(count, track), np.full(count, scene)


def joined(*walks, gap=3.0):
    parts = [np.concatenate([getattr(w, name) for w in walks]) for name in Rows.__dataclass_fields__]
    order = np.argsort(parts[1], kind="stable")
    return link(Rows(*(part[order] for part in parts)), gap)


def test_a_person_who_returns_is_one_person():
    gone = Walk(1, 0, 2, 100, 80)
    assert joined(gone, Walk(5, 4, 2, 420, 80)) == [[1, 5]]  # walked on behind something
    assert joined(gone, Walk(5, 4, 2, 260, 80)) == [[1, 5]]  # stopped there
    assert joined(gone, Walk(5, 4, 2, 420, 80), Walk(9, 7, 1, 660, 80)) == [[1, 5, 9]]


@pytest.mark.parametrize(
    "other",
    [
        Walk(5, 4, 2, 420, 80, GREEN),
        Walk(5, 4, 2, 1400, 80),
        Walk(5, 5.2, 2, 420, 80),
        Walk(5, 1.5, 2, 240, 80),
        Walk(5, 4, 2, 420, 80, scene=1),
        Walk(5, 4, 2, 420, 80, height=600.0),
        Walk(5, 4, 2, 420, 80, clothes=None),
        Walk(5, 4, 0.05, 420, 80),
    ],
    ids=["other clothes", "too far", "too late", "at the same time", "after a cut", "another size",
         "colours unknown", "one frame"],
)  # fmt: skip
def test_tracks_that_may_be_two_people_stay_two(other):
    assert joined(Walk(1, 0, 2, 100, 80), other) == []


def test_colours_decide_where_two_come_back_crossed():
    left, right = Walk(1, 0, 2, 100, 40, RED), Walk(2, 0, 2, 420, -40, GREEN)
    assert joined(left, right, Walk(3, 3, 2, 300, 40, RED), Walk(4, 3, 2, 220, -40, GREEN)) == [
        [1, 3],
        [2, 4],
    ]


def test_one_assignment_serves_all():
    """The nearest return of the first person is that of the second, who has no other."""
    walks = [
        Walk(1, 0, 2, 100), Walk(2, 0, 2, 300),
        Walk(3, 3, 2, 290), Walk(4, 3, 2, 160),
    ]  # fmt: skip
    assert joined(*walks) == [[1, 4], [2, 3]]


def test_nobody_is_nobody():
    empty = Rows(
        np.empty(0, int),
        np.empty(0),
        np.empty(0, int),
        np.empty((0, 4), np.float32),
        np.empty((0, 5, 3), np.int8),
    )
    assert link(empty, 3.0) == []


def test_hours_of_many_people_take_seconds():
    walks = [Walk(n, n * 1.7, 1, 300 * (n % 7)) for n in range(2000)]
    before = time.process_time()
    joined(*walks)
    assert time.process_time() - before < 5
