"""Following: estimation and tracking of people through the frames of one source.

A file's frames between two detections are analysed with both of them known. A person who comes into view between them, or
is missed on the way, is found by the later one and then followed back, to where a track has that person or refinement
finds nobody. So a file loses hardly anybody between
detections; a live source cannot wait for its next one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from typing import NamedTuple

import numpy as np

from skelstream.people import People
from skelstream.pipeline.detection import DecodedFrame
from skelstream.pipeline.policy import EstimationPolicy, PolicyState, When
from skelstream.pipeline.times import StageTimes
from skelstream.settings.video import VideoSettings
from skelstream.tracking.tracked import TrackedPeople
from skelstream.tracking.tracker import Tracker
from skelstream.video import SourceInfo

# Seconds for which a missed person is looked for in every frame; least share of the box inside the image, and greatest
# share of it that another person's box covers, of somebody in plain view.
_WATCHED, _INSIDE, _HIDDEN = 0.5, 0.9, 0.3

MOST_FRAMES = 16
"""Frames that wait for the next detection at most; they are in memory."""


def gaps(frames: Iterable[DecodedFrame], most: int) -> Iterator[list[DecodedFrame]]:
    """Yield the frames in lists that end with a frame to detect in, with ``most`` frames, or with the last frame."""
    gap: list[DecodedFrame] = []
    for item in frames:
        gap.append(item)
        if item.views or len(gap) == most:
            yield gap
            gap = []
    if gap:
        yield gap


class Following:
    """Finds the people of one source's frames and gives them their identities.

    Args:
        policy: finds the people of each frame.
        tracker: gives them their identities.
        info: facts about the source.
        video: region and clock of the frames.
        times: counts and seconds of the stages, which this object adds to.
    """

    def __init__(
        self,
        policy: EstimationPolicy,
        tracker: Tracker,
        info: SourceInfo,
        video: VideoSettings,
        times: StageTimes,
    ):
        self.policy, self.tracker = policy, tracker
        self._info, self._video, self._times = info, video, times
        self._watch = Watch(info.height, info.width)

    def resume(self, state: PolicyState, tracker: Tracker) -> None:
        """Continue after the frames of another source's beginning: its policy's state and its tracker."""
        self.policy.resume(state)
        self.tracker = tracker

    def time(self, item: DecodedFrame) -> float:
        """Return a frame's time on the tracker's clock, seconds."""
        return item.frame.time / self._video.slow_motion

    def tracked(self, gap: Sequence[DecodedFrame]) -> list[TrackedPeople]:
        """Return the people of a gap's frames, as ``gaps`` gives them."""
        if len(gap) == 1 or not gap[-1].views:
            return [self._analysed(item, "needed").tracked for item in gap]
        if self._watch.on(self.time(gap[0])):
            return [self._analysed(item, "always").tracked for item in gap]
        return self._tracked_ahead(gap)

    def _tracked_ahead(self, gap: Sequence[DecodedFrame]) -> list[TrackedPeople]:
        """Return the people of frames whose last one is detected."""
        before, watch = deepcopy(self.tracker), deepcopy(self._watch)
        states: list[PolicyState] = []
        done: list[_Analysed] = []
        for item in gap:
            states.append(deepcopy(self.policy.state))
            done.append(self._analysed(item, "due"))
            if item is not gap[-1] and self._watch.on(self.time(item)):
                break
        if len(done) < len(gap):
            # Restore
            end = len(done) - 1
            self.tracker, self._watch = before, watch
            self.policy.resume(states[end])
            done = [self._followed(one.item, one.people) for one in done[:end]]
            done += [self._analysed(item, "always") for item in gap[end:]]
            return [one.tracked for one in done]
        added = self._followed_back(gap, [one.tracked for one in done])
        if not any(map(len, added)):
            return [one.tracked for one in done]
        self.tracker, self._watch = before, watch
        return [
            self._followed(one.item, one.people and People.joined(one.people, more)).tracked
            for one, more in zip(done, added, strict=True)
        ]

    def _followed_back(self, gap: Sequence[DecodedFrame], tracked: Sequence[TrackedPeople]) -> list[People]:
        """Return for each frame the people to add: those who are new, or return, in the last one."""
        last = tracked[-1]
        added = [last.people.take([]) for _ in gap]
        if len(gap) < 2:
            return added
        new = ~np.isin(last.track_ids, tracked[-2].track_ids)
        later, ids = last.people.take(new), last.track_ids[new]
        for number in range(len(gap) - 2, -1, -1):
            known = np.isin(ids, tracked[number].track_ids)
            later, ids = later.take(~known), ids[~known]
            if not len(later):
                break
            later, rows = self.policy.people_before(gap[number], later, tracked[number].people)
            added[number], ids = later, ids[rows]
        return added

    def _analysed(self, item: DecodedFrame, when: When) -> _Analysed:
        """Find and track the people of a frame."""
        if item.frame.image is None:
            self.policy.skip()
            return self._followed(item, None)
        people = self.policy.people(item, self.tracker, self.time(item), when)
        if self._video.region is not None:
            people = people.take(self._video.region.holds(people.boxes, self._info.height, self._info.width))
        return self._followed(item, people)

    def _followed(self, item: DecodedFrame, people: People | None) -> _Analysed:
        """Track the people of a frame; None for one that failed to decode."""
        index, time = item.frame.index, self.time(item)
        if people is None:
            return _Analysed(item, None, TrackedPeople.failed(index, time, self.policy.joints))
        with self._times.timed("tracking"):
            tracked = self.tracker.update(index, time, people)
        self._watch.see(tracked)
        return _Analysed(item, people, tracked)


class _Analysed(NamedTuple):
    item: DecodedFrame
    people: People | None
    tracked: TrackedPeople


class Watch:
    """Tells when somebody is missed who should be in plain view: inside the image, with nobody before them.

    Detection is worth its time then: a person who leaps or falls is found again by it alone.
    """

    def __init__(self, height: int, width: int):
        self._image = np.array([[0, 0, width, height]], np.float32)
        self._last: TrackedPeople | None = None
        self._missed: dict[int, float] = {}

    def on(self, time: float) -> bool:
        """Return whether somebody is missed at ``time`` (seconds)."""
        return any(time - since < _WATCHED for since in self._missed.values())

    def see(self, tracked: TrackedPeople) -> None:
        """Take note of the people of the next frame."""
        last, self._last = self._last, tracked
        there = set(tracked.track_ids.tolist())
        self._missed = {
            one: since
            for one, since in self._missed.items()
            if one not in there and tracked.time - since < _WATCHED
        }
        if last is None:
            return
        missed = last.confirmed & ~np.isin(last.track_ids, tracked.track_ids)
        for row in np.flatnonzero(missed).tolist():
            box = last.people.boxes[row : row + 1]
            others = last.people.boxes[last.confirmed & (np.arange(len(last)) != row)]
            inside = covered(box, self._image).max()
            hidden = covered(box, np.concatenate([others, tracked.people.boxes[tracked.confirmed]])).max(
                initial=0
            )
            if inside >= _INSIDE and hidden <= _HIDDEN:
                self._missed[int(last.track_ids[row])] = tracked.time


def covered(box, others):
    low, high = np.maximum(box[:, :2], others[:, :2]), np.minimum(box[:, 2:], others[:, 2:])
    return (high - low).clip(0).prod(1) / max(float((box[0, 2:] - box[0, :2]).prod()), 1e-6)
