"""Which tracklets are joined to one person."""

from __future__ import annotations

import time

import numpy as np
import pytest

from skelstream.tracking.appearance import packed
from skelstream.tracking.linking import Rows, link

RED = ((40, 40, 20), (20, 0, -5), (20, 0, -5), (40, 40, 20), (60, 12, 15))
GREEN = ((50, -30, 20), (60, 5, -30), (60, 5, -30), (50, -30, 20), (60, 12, 15))
RATE, WIDTH = 20, 1000


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
        self.frame = np.rint(self.time * RATE).astype(int)

    def then(self, other):
        """This tracklet, continued by another one under the same id."""
        self.time = np.concatenate([self.time, other.time])
        for name in ("frame", "boxes", "colours", "scene"):
            setattr(self, name, np.concatenate([getattr(self, name), getattr(other, name)]))
        self.track = np.full(len(self.time), self.track[0])
        return self


def linked(*walks, gap=3.0, width=WIDTH):
    parts = [np.concatenate([getattr(w, name) for w in walks]) for name in Rows.__dataclass_fields__]
    order = np.argsort(parts[1], kind="stable")
    return link(Rows(*(part[order] for part in parts)), gap, width)


def joined(*walks):
    return linked(*walks).joined


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
    none = np.empty(0, int)
    empty = Rows(none, none, np.empty(0), none, np.empty((0, 4), np.float32), np.empty((0, 5, 3), np.int8))
    links = link(empty, 3.0, WIDTH)
    assert (len(links.track), links.tracklets, links.cut, links.joined) == (0, 0, [], [])


def test_hours_of_many_people_take_seconds():
    walks = [Walk(n, n * 1.7, 1, 300 * (n % 7)) for n in range(2000)]
    before = time.process_time()
    joined(*walks)
    assert time.process_time() - before < 5


def exchanged(second=GREEN):
    """Two people meet at two seconds and swap their tracks."""
    left = Walk(1, 0, 2, 100, 100, RED).then(Walk(1, 2, 2, 300, -100, second))
    right = Walk(2, 0, 2, 500, -100, GREEN).then(Walk(2, 2, 2, 300, 100, RED))
    return left, right


def test_tracks_that_swap_people_are_cut_and_joined_the_other_way():
    left, right = exchanged()
    links = linked(left, right)
    assert [(track, piece) for track, _, piece in links.cut] == [(1, 3), (2, 4)]
    assert all(time == pytest.approx(2, abs=0.11) for _, time, _ in links.cut)
    assert links.joined == [[1, 4], [2, 3]] and links.tracklets == 4
    last = links.track[-2:]  # the last frame: the one in red is person 1 again
    assert sorted(last.tolist()) == [1, 2]


def test_the_parts_of_a_long_track_give_the_same_cuts(monkeypatch):
    whole = linked(*exchanged())
    monkeypatch.setattr("skelstream.tracking.linking._PART", 7)
    parts = linked(*exchanged())
    assert parts.cut == whole.cut and parts.joined == whole.joined


def test_colours_that_change_without_a_meeting_cut_nothing():
    left = Walk(1, 0, 2, 100, 100, RED).then(Walk(1, 2, 2, 300, 100, GREEN))
    assert linked(left, Walk(2, 0, 4, 900, 0, RED)).cut == []


def test_a_meeting_of_people_who_stay_themselves_cuts_nothing():
    links = linked(Walk(1, 0, 4, 100, 100, RED), Walk(2, 0, 4, 500, -100, GREEN))
    assert links.cut == [] and links.joined == [] and links.tracklets == 2


def test_a_track_that_goes_over_to_somebody_else_after_a_pause_is_cut():
    links = linked(Walk(1, 0, 2, 100, 100, RED).then(Walk(1, 2.5, 2, 350, 100, GREEN)))
    assert links.cut == [(1, 2.5, 2)] and links.joined == []


def test_who_left_the_image_is_hardly_joined_to_whoever_comes_in_there():
    jacket = tuple((light + 13, a, b) for light, a, b in RED)  # much the same, and not quite
    there, comes = Walk(1, 0, 2, 500, 0), Walk(5, 3, 2, 500, 0, jacket)
    assert joined(there, comes) == [[1, 5]]
    left, enters = Walk(1, 0, 2, 930, 0), Walk(5, 3, 2, 930, 0, jacket)
    assert joined(left, enters) == []
    assert joined(left, Walk(5, 3, 2, 930, 0)) == [[1, 5]]  # the same clothes
    assert linked(left, enters, width=None).joined == [[1, 5]]  # nobody knows where the edge is


# As RED, with colours that cost too much to be joined to it but might be those of one person in other light.
PALE = ((60, 30, 15), (40, 5, 0), (40, 5, 0), (60, 30, 15), (60, 12, 15))
LEAPING = 400.0  # pixels per second, two sizes


def test_who_leaps_alone_needs_less_likeness():
    before, after = Walk(1, 0, 1, 100, LEAPING), Walk(5, 1.1, 1, 560, LEAPING, PALE)
    assert joined(before, after) == [[1, 5]]
    walking = Walk(1, 0, 1, 400, 80), Walk(5, 1.1, 1, 488, 80, PALE)
    assert joined(*walking) == [] and joined(walking[0], Walk(5, 1.1, 1, 488, 80)) == [[1, 5]]
    assert joined(before, Walk(2, 0.9, 1.2, 540), after) == []  # another person stands there
    assert joined(before, Walk(5, 1.1, 1, 560, LEAPING, GREEN)) == []
    assert joined(before, Walk(5, 2.3, 0.5, 950, LEAPING, PALE)) == []  # later


def test_a_tracklet_that_fills_the_pause_of_a_leap_is_taken_in():
    def leap():
        return Walk(1, 0, 1, 100, LEAPING).then(Walk(1, 1.5, 0.5, 700, LEAPING))

    between = Walk(5, 1.1, 0.3, 560, LEAPING, PALE)
    links = linked(leap(), between)
    assert links.joined == [[1, 5]] and links.tracklets == 2
    assert links.track.tolist() == [1] * len(links.track)
    later = Walk(7, 4, 1, 800)
    assert linked(Walk(1, 0, 1, 100, LEAPING).then(Walk(1, 1.5, 0.5, 700, 0)), between, later).joined == [
        [1, 5, 7]
    ]
    assert joined(leap(), Walk(5, 1.1, 0.3, 100, LEAPING, PALE)) == []  # elsewhere
    assert joined(leap(), Walk(2, 1.1, 0.3, 600), between) == []  # two people
    assert joined(leap(), Walk(5, 1.1, 0.5, 560, LEAPING, PALE)) == []  # at the same time


def test_only_one_of_two_people_fills_a_pause():
    """Both are within reach, and two sizes from each other."""
    leap = Walk(1, 0, 1, 300, LEAPING).then(Walk(1, 1.6, 0.5, 680, LEAPING))
    first, second = Walk(5, 1.1, 0.3, 520), Walk(6, 1.2, 0.2, 850)
    links = linked(leap, first, second)
    frames = np.sort(np.concatenate([w.frame for w in (leap, first, second)]))
    assert len(np.unique([links.track, frames], axis=1).T) == len(frames)
    assert links.joined == [[1, 5]]
