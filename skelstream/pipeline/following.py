"""Following: estimation and tracking of people through the frames of one source.

A file's frames between two detections are analysed with both of them known. A person who comes into view between them, or
is missed on the way, is found by the later one and then followed back, to where a track has that person or refinement
finds nobody. So a file loses hardly anybody between detections; a live source cannot wait for its next one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from skelstream.people import People
from skelstream.pipeline.detection import DecodedFrame
from skelstream.pipeline.policy import EstimationPolicy, PolicyState, When
from skelstream.pipeline.times import StageTimes
from skelstream.pipeline.watch import Watch
from skelstream.settings.pipeline import PipelineSettings
from skelstream.tracking.appearance import PartColours
from skelstream.tracking.tracked import TrackedPeople
from skelstream.tracking.tracker import Tracker
from skelstream.video import SourceInfo

# Bytes of the frames that wait for the next detection.
_MOST_BYTES = 250_000_000
_LEAST_FRAMES = 8


def most_frames(info: SourceInfo) -> int:
    """Return how many frames of a source may wait for the next detection in memory; a live source's do not wait."""
    return 1 if info.live else max(_LEAST_FRAMES, _MOST_BYTES // (3 * info.height * info.width))


def spans(frames: Iterable[DecodedFrame], most: int) -> Iterator[list[DecodedFrame]]:
    """Yield the frames in spans: lists that end with a frame to detect in, with ``most`` frames, or with the last frame."""
    span: list[DecodedFrame] = []
    for item in frames:
        span.append(item)
        if item.views or len(span) == most:
            yield span
            span = []
    if span:
        yield span


class FollowingState(NamedTuple):
    """What later frames depend on. May be pickled.

    Attributes:
        policy: state of detection and refinement.
        tracker: tracker with its tracks.
        watch: people who are missed.
        times: times and counts of the stages.
    """

    policy: PolicyState
    tracker: Tracker
    watch: Watch
    times: StageTimes


class Following:
    """Finds the people of one source's frames and gives them their identities.

    Args:
        policy: finds the people of each frame.
        tracker: gives them their identities.
        info: facts about the source.
        settings: region and clock of the frames, and whether colours tell people apart.
        times: counts and seconds of the stages, which this object adds to.
    """

    def __init__(
        self,
        policy: EstimationPolicy,
        tracker: Tracker,
        info: SourceInfo,
        settings: PipelineSettings,
        times: StageTimes,
    ):
        self.policy, self.tracker = policy, tracker
        self._info, self._video, self._times = info, settings.video, times
        by_colours = not settings.tracking.alone and (
            settings.tracking.linking or settings.tracking.appearance_weight > 0
        )
        self._colours = PartColours(policy.skeleton) if by_colours else None
        self.watch = Watch(info.height, info.width)

    @property
    def state(self) -> FollowingState:
        """What later frames depend on."""
        return FollowingState(self.policy.state, self.tracker, self.watch, self._times)

    def resume(self, state: FollowingState) -> None:
        """Continue with the state of another object after frames of the same source."""
        self.policy.resume(state.policy)
        self.tracker, self.watch = state.tracker, state.watch

    def time(self, item: DecodedFrame) -> float:
        """Return a frame's time on the tracker's clock, seconds."""
        return item.frame.time / self._video.slow_motion

    def tracked(self, span: Sequence[DecodedFrame]) -> list[TrackedPeople]:
        """Return the people of a span's frames, as ``spans`` gives them."""
        if len(span) == 1 or not span[-1].views or span[-1].begins_shot:
            # The people of another shot say nothing about this one.
            return [self._analysed(item, "needed").tracked for item in span]
        before, done = deepcopy((self.tracker, self.watch)), list[_Analysed]()
        for item in span:
            state = deepcopy(self.policy.state)
            watched = self.watch.on(self.time(item))
            one = self._analysed(item, "always" if watched else "due")
            if not watched and not item.views and self.watch.on(self.time(item)):
                # Somebody is missed in this frame, so it is detected after all.
                self.tracker, self.watch = deepcopy(before)
                self.policy.resume(state)
                done = [self._followed(earlier.item, earlier.people) for earlier in done]
                one = self._analysed(item, "always")
            done.append(one)
        added = self._followed_back(done)
        if any(map(len, added)):
            self.tracker, self.watch = before
            done = [
                self._followed(one.item, None if one.people is None else People.joined(one.people, more))
                for one, more in zip(done, added, strict=True)
            ]
        return [one.tracked for one in done]

    def _followed_back(self, span: Sequence[_Analysed]) -> list[People]:
        """Return for each frame the people to add: those who are new, or return, in the last one."""
        last, before = span[-1].tracked, span[-2].tracked
        new = ~np.isin(last.track_ids, before.track_ids)
        later, ids = last.people.take(new), last.track_ids[new]
        added = [last.people.take([])]
        for one in reversed(span[:-1]):
            known = np.isin(ids, one.tracked.track_ids)
            later, rows = self.policy.people_before(one.item, later.take(~known), one.tracked.people)
            inside = self._inside(later)
            later, ids = later.take(inside), ids[~known][rows][inside]
            added.append(later)
        return added[::-1]

    def _analysed(self, item: DecodedFrame, when: When) -> _Analysed:
        """Find and track the people of a frame."""
        if item.begins_shot:
            self.tracker.end()
            self.watch = Watch(self._info.height, self._info.width)
        if item.frame.image is None:
            self.policy.skip()
            return self._followed(item, None)
        people = self.policy.people(item, self.tracker, self.time(item), when)
        return self._followed(item, people.take(self._inside(people)))

    def _inside(self, people: People) -> np.ndarray:
        """Return bool (P,), whether each person is centred in the region."""
        if self._video.region is None:
            return np.ones(len(people), bool)
        return self._video.region.holds(people.boxes, self._info.height, self._info.width)

    def _followed(self, item: DecodedFrame, people: People | None) -> _Analysed:
        """Track the people of a frame; None for one that failed to decode."""
        index, time = item.frame.index, self.time(item)
        image = item.frame.image
        if people is None or image is None:
            return _Analysed(item, None, TrackedPeople.failed(index, time, len(self.policy.skeleton)))
        with self._times.timed("tracking"):
            if self._colours is not None and people.colours is None:
                people = replace(people, colours=self._colours.measure(image, people))
            tracked = replace(self.tracker.update(index, time, people), begins_shot=item.begins_shot)
        self.watch.see(tracked)
        return _Analysed(item, people, tracked)


class _Analysed(NamedTuple):
    """A frame with its people, None for one that failed to decode, and with those who are tracked."""

    item: DecodedFrame
    people: People | None
    tracked: TrackedPeople
