"""The stages side by side: decoding, network, grouping and tracking of one source, with bounded queues between.

Decoding and the network each have a thread of their own, grouping and tracking run in the caller's; the whole takes
about as long as the slowest stage. Nothing is held but a few frames.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from skelstream.errors import SourceError
from skelstream.estimator import PoseEstimator
from skelstream.grouping.candidates import Candidates
from skelstream.grouping.people import People
from skelstream.letterbox import Letterbox
from skelstream.region import Region
from skelstream.sequences.builder import SequenceBuilder
from skelstream.tracking.settings import TrackerSettings
from skelstream.tracking.tracked import TrackedPeople
from skelstream.tracking.tracker import Tracker
from skelstream.video import Frame, Source, SourceInfo, open_source

_END = object()

# Frames in flight between two stages, over what a batch takes.
_SLACK = 4


@dataclass
class StageTimes:
    """Seconds that each stage was busy, by its name, and frames that a live source dropped.

    The network's time includes the peaks and limb scores, which are found on its device.

    Attributes:
        crops: people looked at again.
        passed_over: people for whom the second look had no time.
    """

    seconds: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(
            ("decode", "network", "grouping", "second look", "tracking"), 0.0
        )
    )
    dropped: int = 0
    crops: int = 0
    passed_over: int = 0

    def timed(self, stage: str) -> _Clock:
        """A context manager that adds its time to ``stage``."""
        return _Clock(self, stage)


class _Clock:
    def __init__(self, times: StageTimes, stage: str):
        self._times, self._stage = times, stage

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._times.seconds[self._stage] += time.perf_counter() - self._began


class Budget:
    """How many people of a live source's frame there is time to look at again: one fewer after each dropped frame, and
    one more after a second's worth of frames without."""

    _MOST, _PATIENCE = 32, 30

    def __init__(self) -> None:
        self._looks, self._dropped, self._kept = 4, 0, 0

    def looks(self, dropped: int) -> int:
        """The number for the next frame, by the frames dropped so far."""
        if dropped > self._dropped:
            self._looks, self._kept = max(0, self._looks - 1), 0
        else:
            self._kept += 1
            if self._kept >= self._PATIENCE:
                self._looks, self._kept = min(self._MOST, self._looks + 1), 0
        self._dropped = dropped
        return self._looks


@dataclass(frozen=True)
class Analysed:
    """A frame and the people in it.

    Attributes:
        frame: with its picture, or without one if it failed to decode.
        tracked: its people.
        arrived: ``time.monotonic()`` when the frame was decoded, for measuring delay.
    """

    frame: Frame
    tracked: TrackedPeople
    arrived: float


@dataclass(frozen=True)
class _Prepared:
    frame: Frame
    arrived: float
    picture: np.ndarray | None
    letterbox: Letterbox | None


@dataclass(frozen=True)
class _Found:
    prepared: _Prepared
    candidates: Candidates | None
    stride: int


class _Queue:
    """A bounded queue that either end can close; what it was closed with reaches the reader last.

    Args:
        newest: when full, the oldest item gives way instead of the writer waiting.
    """

    def __init__(self, size: int, newest: bool = False):
        self._items: queue.Queue = queue.Queue(size)
        self._newest, self._closed = newest, threading.Event()
        self.dropped = 0

    def put(self, item: object, last: bool = False) -> bool:
        """False once the reader has gone. The last item, which ends the queue, takes no frame's place."""
        newest = self._newest and not last
        while not self._closed.is_set():
            try:
                self._items.put(item, timeout=0 if newest else 0.1)
                return True
            except queue.Full:
                if newest:
                    self._drop()
        return False

    def _drop(self) -> None:
        with suppress(queue.Empty):
            self._items.get_nowait()
            self.dropped += 1

    def get(self) -> object:
        """The next item; the end if the queue is closed and empty."""
        while True:
            try:
                return self._items.get(timeout=0.1)
            except queue.Empty:
                if self._closed.is_set():
                    return _END

    def close(self) -> None:
        """Lets a waiting writer and a waiting reader go."""
        self._closed.set()


class Pipeline:
    """One source's way through all stages; iterate it once, inside a ``with``.

    Frames come in order. Those that fail to decode have their place. From a live source the newest frame wins: what
    the network has no time for is dropped and counted in ``times``.

    Args:
        source: what ``skelstream.video.open_source`` takes.
        estimator: or what makes it, once the source is open.
        start, end, every, rate: the part of the source and the rate of images, as in ``open_source``.
        region: only people whose box has its middle in there are followed and given.
        slow_motion: how many times slower than it happened the source shows it: its times are divided by this.
        max_people: give only so many people a frame: those whose tracks have the most seen of them so far.
        tracking: settings of the tracker.

    Raises:
        SourceError: the source cannot be opened; or, from the iteration, where it fails.
    """

    def __init__(
        self,
        source: str | Path | int,
        estimator: PoseEstimator | Callable[[], PoseEstimator],
        *,
        start: float | None = None,
        end: float | None = None,
        every: int = 1,
        rate: float | None = None,
        region: Region | None = None,
        slow_motion: float = 1.0,
        max_people: int | None = None,
        tracking: TrackerSettings = TrackerSettings(),
    ):
        if not 0 < slow_motion < float("inf"):
            raise SourceError(
                f"slow_motion is {slow_motion}: give how many times slower than life the source is"
            )
        self._region, self._slow = region, slow_motion
        self._source = open_source(source, start=start, end=end, every=every, rate=rate)
        try:
            if region is not None:
                region.check(self.info.height, self.info.width)
            estimator = estimator() if callable(estimator) else estimator
        except BaseException:
            self._source.close()
            raise
        self._estimator, self._max_people = estimator, max_people
        if self.info.photos:
            tracking = replace(tracking, max_step=0.0)
        self._tracker = Tracker(tracking, estimator.skeleton)
        self._look_again = estimator.second_look()
        self._budget = Budget() if self.info.live else None
        self._importance: Counter[int] = Counter()
        self._settings = {
            "start": start, "end": end, "every": every, "rate": rate, "slow_motion": slow_motion,
            "region": None if region is None else str(region), "max_people": max_people, "size": estimator.size,
            "runtime": estimator.name, "grouping": asdict(estimator.grouping), "tracking": asdict(tracking),
            "second_look": estimator.second and asdict(estimator.second) | {"sha256": estimator.second_sha256},
        }  # fmt: skip
        self.times = StageTimes()

    @property
    def info(self) -> SourceInfo:
        """Facts about the source."""
        return self._source.info

    @property
    def expected_end(self) -> float | None:
        """Seconds at which the frames should end, going by the container; None if nobody knows."""
        ends = [t for t in (self._settings["end"], self.info.duration) if t is not None]
        return min(ends) / self._slow if ends else None

    @property
    def warnings(self) -> list[str]:
        """What was wrong with the source so far and what was assumed, a line each."""
        tracker = self._tracker.warning
        return [*self._source.warnings, *([f"{self.info.name}: {tracker}"] if tracker else [])]

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, *_: object) -> None:
        self._source.close()

    def builder(self) -> SequenceBuilder:
        """An empty sequence that knows where it comes from, for the frames that this pipeline gives."""
        info, estimator = self.info, self._estimator
        return SequenceBuilder(
            estimator.skeleton,
            source=info.name,
            height=info.height,
            width=info.width,
            rotation=info.rotation,
            model=estimator.model.path.stem,
            weights_sha256=estimator.weights_sha256,
            settings=self._settings,
            images=info.images,
            warnings=lambda: self.warnings,
        )

    def __iter__(self) -> Iterator[Analysed]:
        live, estimator = self.info.live, self._estimator
        batch = 1 if live else estimator.runtime.batch
        prepared = _Queue(1 if live else batch + _SLACK, newest=live)
        found = _Queue(1 if live else batch + _SLACK)

        def decode() -> None:
            _forward(prepared, _prepared_frames(self._source, estimator, self.times))

        def infer() -> None:
            _forward(found, _find(_items(prepared), estimator, batch, self.times))

        threads = [
            threading.Thread(target=run, name=f"skelstream-{run.__name__}", daemon=True)
            for run in (decode, infer)
        ]
        for thread in threads:
            thread.start()
        try:
            for item in _items(found):
                self.times.dropped = prepared.dropped
                yield self._analysed(item)
        finally:
            self.times.dropped = prepared.dropped
            prepared.close()
            found.close()
            for thread in threads:
                thread.join()

    def _analysed(self, item: _Found) -> Analysed:
        frame = item.prepared.frame
        if self._slow != 1:
            frame = replace(frame, time=frame.time / self._slow)
        if item.candidates is None or item.prepared.letterbox is None:
            tracked = TrackedPeople.failed(frame.index, frame.time, len(self._estimator.skeleton))
        else:
            with self.times.timed("grouping"):
                people = self._estimator.group(item.candidates, item.prepared.letterbox, item.stride)
            people = self._looked_again(frame, people)
            with self.times.timed("tracking"):
                if self._region is not None:
                    people = people.take(self._region.holds(people.boxes, self.info.height, self.info.width))
                tracked = self._most_important(self._tracker.update(frame.index, frame.time, people))
        return Analysed(frame, tracked, item.prepared.arrived)

    def _looked_again(self, frame: Frame, people: People) -> People:
        """The people after a second look, by the boxes of those whom the tracker expects."""
        look = self._look_again
        if look is None or frame.image is None:
            return people
        looks = None if self._budget is None else self._budget.looks(self.times.dropped)
        with self.times.timed("second look"):
            people = look(frame.image, people, self._tracker.expected(frame.time), looks)
        self.times.crops, self.times.passed_over = look.crops, look.passed_over
        return people

    def _most_important(self, tracked: TrackedPeople) -> TrackedPeople:
        if self._max_people is None:
            return tracked
        ids = tracked.track_ids.tolist()
        for track, score in zip(ids, tracked.people.person_scores.tolist(), strict=True):
            self._importance[track] += score
        rank = sorted(range(len(ids)), key=lambda i: -self._importance[ids[i]])
        return tracked.take(np.sort(np.array(rank[: self._max_people], np.intp)))


def _forward(target: _Queue, items: Iterator) -> None:
    """A thread's work: everything from ``items`` to ``target``, then the end or the error that ended it."""
    last: object = _END
    try:
        for item in items:
            if not target.put(item):
                return
    except BaseException as error:  # noqa: BLE001 - it is raised again where the queue is read
        last = error
    target.put(last, last=True)


def _items(source: _Queue) -> Iterator:
    try:
        while (item := source.get()) is not _END:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        source.close()


def _prepared_frames(source: Source, estimator: PoseEstimator, times: StageTimes) -> Iterator[_Prepared]:
    frames = iter(source)
    while True:
        with times.timed("decode"):
            frame = next(frames, None)
            if frame is None:
                return
            picture, letterbox = (None, None) if frame.image is None else estimator.letterbox(frame.image)
        yield _Prepared(frame, time.monotonic(), picture, letterbox)


def _find(
    items: Iterator[_Prepared], estimator: PoseEstimator, batch: int, times: StageTimes
) -> Iterator[_Found]:
    """Full batches whatever the timing, so that two runs give the same numbers."""
    waiting: list[_Prepared] = []
    for item in items:
        waiting.append(item)
        if len(waiting) == batch:
            yield from _find_batch(waiting, estimator, times)
            waiting = []
    yield from _find_batch(waiting, estimator, times)


def _find_batch(batch: list[_Prepared], estimator: PoseEstimator, times: StageTimes) -> list[_Found]:
    pictures = [item.picture for item in batch if item.picture is not None]
    with times.timed("network"):
        candidates, stride = estimator.candidates(pictures) if pictures else ([], 0)
    remaining = iter(candidates)
    return [_Found(item, None if item.picture is None else next(remaining), stride) for item in batch]
