"""Linking: tracklets that are one person are joined, after the last frame of a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from skelstream.tracking.appearance import PARTS, Description, describe, difference, unpacked

# Seconds of a tracklet's end that give its velocity, and its colours.
_MOTION_SECONDS = 0.5
_COLOUR_SECONDS = 2.0
# Farthest way over a gap, in person sizes: at once, and for each second.
_REACH, _REACH_PER_SECOND = 0.6, 0.8
# Greatest change of size (logarithm) over a gap: at once, and for each second.
_GROWTH, _GROWTH_PER_SECOND = 0.5, 0.1
# A join costs the difference in colour, plus these shares of the way over its reach, of the change of velocity in sizes
# per second, and of the change of size; it is made below the greatest cost.
_WAY, _TURN, _SIZE = 0.5, 0.3, 0.5
_GREATEST_COST = 1.25


@dataclass(frozen=True)
class Rows:
    """The poses of a video, in order of time; N poses.

    Attributes:
        track: int (N,), track of each pose.
        time: float64 (N,), seconds.
        scene: int (N,), number of the stretch of frames without a long interval.
        boxes: float32 (N, 4), x0, y0, x1, y1 in source pixels.
        colours: int8 (N, 5, 3), packed colours.
    """

    track: np.ndarray
    time: np.ndarray
    scene: np.ndarray
    boxes: np.ndarray
    colours: np.ndarray


@dataclass(frozen=True)
class _Ends:
    """One end of each of M tracklets.

    Attributes:
        time: float64 (M,), seconds.
        scene: int (M,), as that of the rows.
        place: float64 (M, 2), centre of the box.
        size: float64 (M,), longer side of the box.
        velocity: float64 (M, 2), pixels per second.
        colours: description with arrays of M rows.
    """

    time: np.ndarray
    scene: np.ndarray
    place: np.ndarray
    size: np.ndarray
    velocity: np.ndarray
    colours: Description

    def take(self, rows: np.ndarray) -> _Ends:
        colours = Description(self.colours.mean[rows], self.colours.scatter[rows])
        return _Ends(
            self.time[rows], self.scene[rows], self.place[rows], self.size[rows], self.velocity[rows], colours
        )


def link(rows: Rows, longest_gap: float) -> list[list[int]]:
    """Return the tracks that are one person, first to last, for each person with more than one track.

    Two tracklets may be joined if the second begins after the first ends, and if the way between them, their sizes and their
    colours agree. Of all joins that are possible those with the least total cost are made: one assignment of ends to
    starts. Tracklets whose colours are unknown are left alone, and so
    are tracklets of different scenes.

    Args:
        rows: poses of confirmed tracks.
        longest_gap: seconds between two tracklets of one person.
    """
    tracks, last, first = _tracklets(rows)
    end, start = _neighbours(last.time, first.time, longest_gap)
    cost = _cost(last.take(end), first.take(start))
    possible = cost < _GREATEST_COST
    follower = dict(_assigned(end[possible], start[possible], cost[possible], len(tracks)))
    people = []
    for head in sorted(set(follower) - set(follower.values())):
        chain = [head]
        while chain[-1] in follower:
            chain.append(follower[chain[-1]])
        people.append([int(tracks[t]) for t in chain])
    return people


def _tracklets(rows: Rows) -> tuple[np.ndarray, _Ends, _Ends]:
    """Return the ids of the M tracks, their last ends and their first ends."""
    order = np.argsort(rows.track, kind="stable")
    tracks, starts = np.unique(rows.track[order], return_index=True)
    slices = np.split(order, starts[1:]) if len(tracks) else []
    return tracks, _ends(rows, slices, last=True), _ends(rows, slices, last=False)


def _ends(rows: Rows, slices: list[np.ndarray], last: bool) -> _Ends:
    """Return one end of each tracklet, whose rows are given."""
    time, scene, place, size, velocity, mean, scatter = [], [], [], [], [], [], []
    for own in slices:
        times = rows.time[own]
        away = times[-1] - times if last else times - times[0]
        near = own[away <= _MOTION_SECONDS]
        boxes = rows.boxes[near].astype(np.float64)
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2
        time.append(times[-1 if last else 0])
        scene.append(rows.scene[own[0]])
        place.append(centres[-1 if last else 0])
        size.append(max(1.0, float(np.median((boxes[:, 2:] - boxes[:, :2]).max(1)))))
        velocity.append(_velocity(rows.time[near], centres))
        colours = describe(unpacked(rows.colours[own[away <= _COLOUR_SECONDS]]))
        mean.append(colours.mean)
        scatter.append(colours.scatter)
    count = len(slices)
    return _Ends(
        np.array(time, np.float64),
        np.array(scene, int),
        np.reshape(place, (count, 2)),
        np.array(size, np.float64),
        np.reshape(velocity, (count, 2)),
        Description(np.reshape(mean, (count, len(PARTS), 3)), np.reshape(scatter, (count, len(PARTS)))),
    )


def _velocity(time: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the velocity of places (F, 2) by least squares; 0 where there are too few."""
    since = time - time.mean()
    spread = (since**2).sum()
    return since @ places / spread if len(time) >= 3 and spread > 0 else np.zeros(2)


def _neighbours(ends: np.ndarray, starts: np.ndarray, longest: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs of an end and a start that follows it within ``longest`` seconds, as indices (K,) and (K,)."""
    by_time = np.argsort(starts, kind="stable")
    low = np.searchsorted(starts[by_time], ends, side="right")
    high = np.searchsorted(starts[by_time], ends + longest, side="right")
    pairs = [by_time[a:b] for a, b in zip(low, high, strict=True)]
    end = np.repeat(np.arange(len(ends)), [len(p) for p in pairs])
    return end, np.concatenate([np.empty(0, int), *pairs])


def _cost(end: _Ends, start: _Ends) -> np.ndarray:
    """Return the costs (K,) of joining ends to starts; infinite where one person cannot be both."""
    gap = start.time - end.time
    size = np.sqrt(end.size * start.size)
    step = start.place - end.place
    # A person may have stopped, or gone on as before or as after the gap.
    stayed = np.hypot(*step.T)
    moved = (
        np.hypot(*(step - end.velocity * gap[:, None]).T)
        + np.hypot(*(step - start.velocity * gap[:, None]).T)
    ) / 2
    way = np.minimum(stayed, moved) / size / (_REACH + _REACH_PER_SECOND * gap)
    turn = np.minimum(np.hypot(*(start.velocity - end.velocity).T) / size, 1)
    growth = np.abs(np.log(start.size / end.size))
    cost = difference(end.colours, start.colours) + _WAY * way + _TURN * turn + _SIZE * growth
    possible = (start.scene == end.scene) & (way <= 1) & (growth <= _GROWTH + _GROWTH_PER_SECOND * gap)
    return np.where(possible & np.isfinite(cost), cost, np.inf)


def _assigned(end: np.ndarray, start: np.ndarray, cost: np.ndarray, tracks: int) -> Iterator[tuple[int, int]]:
    """Yield the pairs (end, start) of the assignment with the most gain, where a pair gains what it costs less than allowed.

    Tracklets that no possible pair connects do not influence each other, so that each group has an assignment of its own.
    """
    graph = coo_array((np.ones(len(end)), (end, start + tracks)), shape=(2 * tracks, 2 * tracks))
    _, group = connected_components(graph, directed=False)
    for number in np.unique(group[end]):
        pairs = np.flatnonzero(group[end] == number)
        ends, row = np.unique(end[pairs], return_inverse=True)
        starts, column = np.unique(start[pairs], return_inverse=True)
        gain = np.zeros((len(ends), len(starts)))
        gain[row, column] = _GREATEST_COST - cost[pairs]
        for r, c in zip(*linear_sum_assignment(gain, maximize=True), strict=True):
            if gain[r, c] > 0:
                yield int(ends[r]), int(starts[c])
