"""Linking, after the last frame of a file: tracks that change the person are cut, tracklets of one person are joined."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

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
# Cost beside that of a join after a person was last seen at the left or right edge of the image, by this share of its width:
# who has left it rarely returns so soon, and others come in there.
_LEFT, _EDGE = 0.4, 0.03
# A person is alone if nobody else is within this many sizes, and leaps from this speed on, in sizes per second.
_ALONE, _LEAP = 1.5, 1.5
# Poses in the air are often wrong. So a leaping person who is alone before and after a gap of at most this many seconds may be joined
# at this share of the cost, over this many times the reach, and with this much more change of size.
_SOON, _SHARE, _FARTHER, _GROWN = 1.0, 0.5, 1.5, 0.25

# A track is cut where the colours of this many seconds before and after differ by more than for any one person, and where it
# meets another track: this share of the smaller box overlaps; or where it was not found for so long (seconds).
_CUT_SECONDS = 1.0
_CUT_DIFFERENCE = 2.0
_MEETING = 0.1
_PAUSE = 0.3
# Poses whose colours are compared at a time, to bound the memory.
_PART = 10_000


@dataclass(frozen=True)
class Rows:
    """The poses of a video, in order of time; N poses.

    Attributes:
        track: int (N,), track of each pose.
        frame: int (N,), row of the frame table.
        time: float64 (N,), seconds.
        scene: int (N,), number of the stretch of frames without a long interval.
        boxes: float32 (N, 4), x0, y0, x1, y1 in source pixels.
        colours: int8 (N, 5, 3), packed colours.
    """

    track: np.ndarray
    frame: np.ndarray
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
        at_edge: bool (M,), whether the box reaches the left or right edge of the image.
        alone: bool (M,), whether neither another person nor the left or right edge of the image is near.
        colours: description with arrays of M rows.
    """

    time: np.ndarray
    scene: np.ndarray
    place: np.ndarray
    size: np.ndarray
    velocity: np.ndarray
    at_edge: np.ndarray
    alone: np.ndarray
    colours: Description

    def take(self, rows: np.ndarray) -> _Ends:
        colours = Description(self.colours.mean[rows], self.colours.scatter[rows])
        return _Ends(
            self.time[rows],
            self.scene[rows],
            self.place[rows],
            self.size[rows],
            self.velocity[rows],
            self.at_edge[rows],
            self.alone[rows],
            colours,
        )


@dataclass(frozen=True)
class Links:
    """What was cut and joined.

    Attributes:
        track: int (N,), track of each pose afterwards: the first tracklet of its person.
        tracklets: number of tracklets that were joined or stayed alone.
        cut: list of cuts: the track, the time of the first pose after it in seconds, and the id of the tracklet from there on.
        joined: ids of the tracklets that are one person, first to last, for each person with more than one.
    """

    track: np.ndarray
    tracklets: int
    cut: list[tuple[int, float, int]]
    joined: list[list[int]]


def link(rows: Rows, longest_gap: float, width: float | None) -> Links:
    """Return the tracks after linking.

    A track is cut where its colours change while it meets another one. Two tracklets may be joined if the second begins after
    the first ends, and if the way between them, their sizes and their colours agree. Of all joins that are possible those with
    the least total cost are made: one assignment of ends to starts. Before that, tracks take in the tracklets that fill their
    pauses. Tracklets whose colours are unknown are left alone, and so are tracklets of different scenes.

    Args:
        rows: poses of confirmed tracks.
        longest_gap: seconds between two tracklets of one person.
        width: width of the image in pixels; None if unknown.
    """
    cut, track = [], rows.track.copy()
    highest = int(track.max(initial=0))
    for own, time in _cuts(rows):
        first, piece = int(np.searchsorted(rows.time[own], time)), highest + len(cut) + 1
        if 0 < first < len(own):
            cut.append((int(rows.track[own[0]]), round(float(rows.time[own[first]]), 6), piece))
            track[own[first:]] = piece
    tracklets, first, number = np.unique(track, return_index=True, return_inverse=True)
    crowded = _crowded(rows)
    filled = _filled(replace(rows, track=track), crowded, width)
    people = np.array([filled.get(one, one) for one in tracklets.tolist()], track.dtype)
    chains = _joined(replace(rows, track=people[number]), crowded, longest_gap, width)
    person = {other: head for head, *others in chains for other in others}
    people = np.array([person.get(one, one) for one in people.tolist()], track.dtype)
    order = np.lexsort(
        (first, people)
    )  # rows are in order of time, so the first row tells which tracklet is first
    joined = np.split(tracklets[order], np.flatnonzero(np.diff(people[order])) + 1)
    return Links(people[number], len(tracklets), cut, [one.tolist() for one in joined if len(one) > 1])


def _beside(rows: Rows) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the pairs of poses in one frame, as the indices of the first (K,) and the second (K,)."""
    most = int(np.unique(rows.frame, return_counts=True)[1].max(initial=0))
    for step in range(1, most):  # people of one frame are neighbours
        first = np.flatnonzero(rows.frame[:-step] == rows.frame[step:])
        yield first, first + step


def _crowded(rows: Rows) -> np.ndarray:
    """Return whether each pose is near another one in its frame, bool (N,)."""
    crowded = np.zeros(len(rows.track), bool)
    boxes = rows.boxes.astype(np.float64)
    centres, size = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]).max(1)
    for first, second in _beside(rows):
        away = np.hypot(*(centres[first] - centres[second]).T)
        near = away < _ALONE * np.maximum(size[first], size[second])
        crowded[first[near]] = crowded[second[near]] = True
    return crowded


def _filled(rows: Rows, crowded: np.ndarray, width: float | None) -> dict[int, int]:
    """Return the tracklets that fill a pause of another one, each with that one's id: a person who is lost alone and found alone
    is the one who was there in between."""
    slices, filled = _slices(rows.track), dict[int, int]()
    begins = np.array([rows.time[own[0]] for own in slices])
    order = np.argsort(begins, kind="stable")
    for own in slices:
        time = rows.time[own]
        for last in np.flatnonzero((np.diff(time) > _PAUSE) & (np.diff(time) <= _SOON)).tolist():
            low, high = np.searchsorted(begins[order], time[last : last + 2], side="right")
            until = time[last]
            for inside in (slices[i] for i in order[low:high].tolist()):
                between = rows.time[inside[0]] > until and rows.time[inside[-1]] < time[last + 1]
                if between and _fits(rows, [own[: last + 1], inside, own[last + 1 :]], crowded, width):
                    filled[int(rows.track[inside[0]])] = int(rows.track[own[0]])
                    until = rows.time[inside[-1]]
    return {one: own for one, own in filled.items() if own not in filled}


def _fits(rows: Rows, parts: list[np.ndarray], crowded: np.ndarray, width: float | None) -> bool:
    """Return whether the second of three stretches of rows may be the person of both others, with nobody else near."""
    last, first = (_ends(rows, parts, crowded, width, last=last) for last in (True, False))
    ends, starts = last.take(np.array([0, 1])), first.take(np.array([1, 2]))
    return bool((ends.alone & starts.alone & np.isfinite(_cost(ends, starts))).all())


def _meeting(rows: Rows) -> np.ndarray:
    """Return whether each pose's box overlaps that of another track in its frame, bool (N,)."""
    meeting = np.zeros(len(rows.track), bool)
    boxes = rows.boxes.astype(np.float64)
    area = np.maximum(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), 1)
    for first, second in _beside(rows):
        low = np.maximum(boxes[first, :2], boxes[second, :2])
        high = np.minimum(boxes[first, 2:], boxes[second, 2:])
        shared = np.prod(np.maximum(high - low, 0), axis=1)
        met = shared > _MEETING * np.minimum(area[first], area[second])
        meeting[first[met]] = meeting[second[met]] = True
    return meeting


def _cuts(rows: Rows) -> list[tuple[np.ndarray, float]]:
    """Return the rows of each track that is cut, and the time of the cut, in order of track and time.

    Two people who meet exchange their tracks at one time: cuts that lie close to each other are made where the colours change
    most.
    """
    meeting = _meeting(rows)
    changes = [
        (change, number, time, own)
        for number, own in enumerate(_slices(rows.track))
        for time, change in _changes(rows, own, meeting[own])
    ]
    times: list[float] = []
    cuts = []
    for _, number, time, own in sorted(changes, key=lambda found: (-found[0], *found[1:3])):
        near = [other for other in times if abs(other - time) <= _CUT_SECONDS / 2]
        times += [] if near else [time]
        cuts.append((number, near[0] if near else time, own))
    return [(own, time) for _, time, own in sorted(cuts, key=lambda cut: cut[:2])]


def _changes(rows: Rows, own: np.ndarray, meeting: np.ndarray) -> list[tuple[float, float]]:
    """Return when a track, whose rows are given, changes the person, and by how much: time of the first pose after the change,
    and difference of the colours."""
    time = rows.time[own]
    doubtful = np.flatnonzero(meeting[1:] | meeting[:-1] | (np.diff(time) > _PAUSE)) + 1
    if not len(doubtful):
        return []
    before = np.searchsorted(time, time[doubtful] - _CUT_SECONDS, side="left")
    after = np.searchsorted(time, time[doubtful] + _CUT_SECONDS, side="right")
    change = np.empty(len(doubtful))
    for part in np.split(np.arange(len(doubtful)), np.flatnonzero(np.diff(doubtful // _PART)) + 1):
        low, high = before[part[0]], after[part[-1]]
        colours = unpacked(rows.colours[own[low:high]])
        a, middle, b = before[part] - low, doubtful[part] - low, after[part] - low
        change[part] = difference(describe(colours, a, middle), describe(colours, middle, b))
    chosen: list[tuple[float, float]] = []
    for i in np.argsort(-np.nan_to_num(change), kind="stable").tolist():
        if not change[i] > _CUT_DIFFERENCE:
            break
        if all(abs(time[doubtful[i]] - other) > _CUT_SECONDS for other, _ in chosen):
            chosen.append((float(time[doubtful[i]]), float(change[i])))
    return chosen


def _joined(rows: Rows, crowded: np.ndarray, longest_gap: float, width: float | None) -> list[list[int]]:
    """Return the tracklets that are one person, first to last, for each person with more than one tracklet."""
    slices = _slices(rows.track)
    last, first = (_ends(rows, slices, crowded, width, last=last) for last in (True, False))
    end, start = _neighbours(last.time, first.time, longest_gap)
    cost = _cost(last.take(end), first.take(start))
    possible = cost < _GREATEST_COST
    follower = dict(_assigned(end[possible], start[possible], cost[possible], len(slices)))
    people = []
    for head in sorted(set(follower) - set(follower.values())):
        chain = [head]
        while chain[-1] in follower:
            chain.append(follower[chain[-1]])
        people.append([int(rows.track[slices[t][0]]) for t in chain])
    return people


def _slices(track: np.ndarray) -> list[np.ndarray]:
    """Return the rows of each of M tracks, in order of their ids."""
    order = np.argsort(track, kind="stable")
    _, starts = np.unique(track[order], return_index=True)
    return np.split(order, starts[1:]) if len(track) else []


def _ends(
    rows: Rows, slices: list[np.ndarray], crowded: np.ndarray, width: float | None, last: bool
) -> _Ends:
    """Return one end of each tracklet, whose rows are given."""
    time, scene, place, size, velocity, sides, alone, mean, scatter = [], [], [], [], [], [], [], [], []
    for own in slices:
        times = rows.time[own]
        away = times[-1] - times if last else times - times[0]
        near = own[away <= _MOTION_SECONDS]
        boxes = rows.boxes[near].astype(np.float64)
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2
        time.append(times[-1 if last else 0])
        scene.append(rows.scene[own[0]])
        place.append(centres[-1 if last else 0])
        sides.append(boxes[-1 if last else 0, [0, 2]])
        alone.append(not crowded[own[-1 if last else 0]])
        size.append(max(1.0, float(np.median((boxes[:, 2:] - boxes[:, :2]).max(1)))))
        velocity.append(_velocity(rows.time[near], centres))
        worn = unpacked(rows.colours[own[away <= _COLOUR_SECONDS]])
        colours = describe(worn, np.array([0]), np.array([len(worn)]))
        mean.append(colours.mean[0])
        scatter.append(colours.scatter[0])
    count = len(slices)
    at_edge = _at_edge(np.reshape(sides, (count, 2)), width)
    return _Ends(
        np.array(time, np.float64),
        np.array(scene, int),
        np.reshape(place, (count, 2)),
        np.array(size, np.float64),
        np.reshape(velocity, (count, 2)),
        at_edge,
        np.array(alone, bool) & ~at_edge,
        Description(np.reshape(mean, (count, len(PARTS), 3)), np.reshape(scatter, (count, len(PARTS)))),
    )


def _at_edge(sides: np.ndarray, width: float | None) -> np.ndarray:
    """Return whether boxes, whose left and right sides (M, 2) are given, reach the left or right edge of the image."""
    if width is None:
        return np.zeros(len(sides), bool)
    return (sides[:, 0] < _EDGE * width) | (sides[:, 1] > (1 - _EDGE) * width)


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
    fastest = np.maximum(np.hypot(*end.velocity.T), np.hypot(*start.velocity.T)) / size
    growth = np.abs(np.log(start.size / end.size))
    colours = difference(end.colours, start.colours)
    cost = colours + _WAY * way + _TURN * turn + _SIZE * growth + _LEFT * end.at_edge
    leaps = end.alone & start.alone & (gap <= _SOON) & (fastest >= _LEAP) & (colours <= _CUT_DIFFERENCE)
    possible = (start.scene == end.scene) & (way <= np.where(leaps, _FARTHER, 1))
    possible &= growth <= _GROWTH + _GROWTH_PER_SECOND * gap + _GROWN * leaps
    return np.where(possible & np.isfinite(cost), cost * np.where(leaps, _SHARE, 1), np.inf)


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
