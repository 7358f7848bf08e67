"""The stages side by side: decoding, network, grouping, second look and tracking of one source.

Decoding and the network each have a thread of their own, the rest runs in the caller's; the whole takes about as long as
the slowest stage. Nothing is held but a few frames.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from skelstream.errors import SourceError
from skelstream.estimation.pose_estimator import Estimator
from skelstream.people import People
from skelstream.pipeline.detection import Seen, decoded, first_look, looked_at, prepared
from skelstream.pipeline.queues import StageQueue
from skelstream.pipeline.schedule import Budget, FirstLooks
from skelstream.pipeline.settings import PipelineSettings
from skelstream.pipeline.times import StageTimes
from skelstream.refinement.refinement import LookState, SecondLook
from skelstream.sequences.builder import SequenceBuilder
from skelstream.tracking.tracked import TrackedPeople
from skelstream.tracking.tracker import Tracker
from skelstream.video import Frame, SourceInfo, open_source

# Frames in flight between two stages, over what a batch takes.
_SLACK = 4


@dataclass(frozen=True)
class Analysed:
    """A frame and the people in it.

    Attributes:
        frame: with its image, or without one if it failed to decode.
        tracked: its people.
        arrived: ``time.monotonic()`` when the frame was decoded, for measuring delay.
    """

    frame: Frame
    tracked: TrackedPeople
    arrived: float


@dataclass
class PipelineState:
    """Where a pipeline stands between two frames: all that the frames to come depend on. May be pickled.

    Attributes:
        frames: given so far.
        tracker: with its tracks.
        look: as of the second look; None for one look.
        first_look: number of the last frame that had one, and its time by the source; None before there was any.
        importance: of each track so far, by its id.
        times: of the stages.
    """

    frames: int
    tracker: Tracker
    look: LookState | None
    first_look: tuple[int, float] | None
    importance: Counter[int]
    times: StageTimes


class Pipeline:
    """One source's way through all stages; iterate it once, inside a ``with``.

    Frames come in order. Those that fail to decode have their place. From a live source the newest frame wins: what
    the network has no time for is dropped and counted in ``times``.

    Args:
        source: what ``skelstream.video.open_source`` takes.
        estimator: or what makes it, once the source is open.
        settings: what of the source is looked at, and how people are followed.
        name: what the source is called, in messages and in what is made of it; None: as ``source`` has it.

    Raises:
        SourceError: the source cannot be opened; or, from the iteration, where it fails.
    """

    def __init__(
        self,
        source: str | Path | int,
        estimator: Estimator | Callable[[], Estimator],
        settings: PipelineSettings = PipelineSettings(),
        *,
        name: str | None = None,
    ):
        self._first_looks = FirstLooks(settings.first_look_every)
        self._source = open_source(
            source, name=name, start=settings.start, end=settings.end, every=settings.every, fps=settings.fps
        )
        try:
            if settings.region is not None:
                settings.region.check(self.info.height, self.info.width)
            made = estimator() if callable(estimator) else estimator
        except BaseException:
            self._source.close()
            raise
        self._estimator = made
        if self.info.photos:
            settings = replace(settings, tracking=replace(settings.tracking, max_step=0.0))
            self._first_looks = FirstLooks()
        self._settings = settings
        self._tracker = Tracker(settings.tracking, made.skeleton)
        self._look_again = made.second_look()
        if self._look_again is None:
            if settings.first_look_every not in (1, None):
                self._source.close()
                raise SourceError("without a second look, every frame needs a first one")
            self._first_looks = FirstLooks()
        keep_up = self._look_again is not None and self._look_again.settings.keep_up
        self._budget = Budget() if self.info.live and keep_up else None
        self._importance: Counter[int] = Counter()
        self.times = StageTimes()
        self._given = self._skipped = 0
        self._first_look: tuple[int, float] | None = None

    @property
    def info(self) -> SourceInfo:
        """Facts about the source."""
        return self._source.info

    @property
    def expected_end(self) -> float | None:
        """Seconds at which the frames should end, going by the container; None if nobody knows."""
        ends = [t for t in (self._settings.end, self.info.duration) if t is not None]
        return min(ends) / self._settings.slow_motion if ends else None

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
        info, provenance = self.info, self._estimator.provenance
        return SequenceBuilder(
            self._estimator.skeleton,
            source=info.name,
            height=info.height,
            width=info.width,
            rotation=info.rotation,
            model=provenance.model,
            weights_sha256=provenance.weights_sha256,
            settings=self._settings.as_meta() | provenance.settings,
            images=info.images,
            warnings=lambda: self.warnings,
        )

    def state(self) -> PipelineState:
        """Where it stands, between two frames; it goes on from there, so it is to be pickled at once."""
        look = None if self._look_again is None else self._look_again.state
        return PipelineState(self._given, self._tracker, look, self._first_look, self._importance, self.times)

    def go_on_from(self, state: PipelineState) -> None:
        """Gives the frames that come after a state of another pipeline of the same source and settings.

        To be called before the iteration. The frames before are decoded again and left out: what becomes of later
        frames, and what is wrong with the source, may depend on them.
        """
        self._skipped = self._given = state.frames
        self._tracker, self._importance, self.times = state.tracker, state.importance, state.times
        self._first_look = state.first_look
        if self._look_again is not None and state.look is not None:
            self._look_again.crops, self._look_again.passed_over = self.times.crops, self.times.passed_over
            self._look_again.state = state.look

    def __iter__(self) -> Iterator[Analysed]:
        live, estimator, times = self.info.live, self._estimator, self.times
        batch = 1 if live else estimator.batch
        # The network sees the same frames together as if it had seen all from the start.
        whole_batches = self._skipped - self._skipped % batch
        frames = StageQueue(1 if live else batch + _SLACK, newest=live)
        found = StageQueue(1 if live else batch + _SLACK)
        stages = {
            "decode": (frames, decoded(self._source, estimator, self._first_looks, times, whole_batches)),
            "infer": (found, looked_at(frames, estimator, batch, times)),
        }
        threads = [
            threading.Thread(target=queue.fill, args=(items,), name=f"skelstream-{name}", daemon=True)
            for name, (queue, items) in stages.items()
        ]
        for thread in threads:
            thread.start()
        try:
            for seen in islice(found, self._skipped - whole_batches, None):
                times.dropped = frames.dropped
                analysed = self._analysed(seen)
                self._given += 1
                yield analysed
        finally:
            times.dropped = frames.dropped
            frames.close()
            found.close()
            for thread in threads:
                thread.join()

    def _analysed(self, seen: Seen) -> Analysed:
        frame = seen.frame
        time = frame.time / self._settings.slow_motion
        if frame.image is None:
            tracked = TrackedPeople.failed(frame.index, time, len(self._estimator.skeleton))
        else:
            people = self._people(seen, time)
            with self.times.timed("tracking"):
                region = self._settings.region
                if region is not None:
                    people = people.take(region.holds(people.boxes, self.info.height, self.info.width))
                tracked = self._most_important(self._tracker.update(frame.index, time, people))
        return Analysed(replace(frame, time=time), tracked, seen.arrived)

    def _people(self, seen: Seen, time: float) -> People:
        """The people of a frame after as many looks as it gets."""
        looks = None if self._budget is None else self._budget.looks(self.times.dropped)
        if seen.candidates is None:
            people = self._carried(seen, time, looks)
            if people is not None:
                return people
            (seen,) = first_look([prepared(seen, self._estimator)], self._estimator, self.times)
        assert seen.candidates is not None and seen.letterbox is not None
        with self.times.timed("grouping"):
            people = self._estimator.group(seen.candidates, seen.letterbox)
        self.times.first_looks += 1
        self._first_look = self._given, seen.frame.time
        look, image = self._look_again, seen.frame.image
        if look is not None and image is not None:
            with self.times.timed("second look"):
                expected = self._tracker.expected(time, searched=True)
                people = look(image, people, expected, looks)
            self._count(look)
        return people

    def _carried(self, seen: Seen, time: float, looks: int | None) -> People | None:
        """The people of a frame without a first look; None if it needs one."""
        look, image = self._look_again, seen.frame.image
        if look is None or image is None:
            return None
        with self.times.timed("second look"):
            expected = self._tracker.expected(time)
            people = None
            if expected is not None and self._first_look is not None:
                number, at = self._first_look
                early = self._first_looks.early(self._given - number, seen.frame.time - at)
                people = look.carried(image, expected, self._tracker.lost(time), looks, anyway=not early)
        self._count(look)
        return people

    def _count(self, look: SecondLook) -> None:
        self.times.crops, self.times.passed_over = look.crops, look.passed_over

    def _most_important(self, tracked: TrackedPeople) -> TrackedPeople:
        if self._settings.max_people is None:
            return tracked
        ids = tracked.track_ids.tolist()
        for track, score in zip(ids, tracked.people.person_scores.tolist(), strict=True):
            self._importance[track] += score
        rank = sorted(range(len(ids)), key=lambda i: -self._importance[ids[i]])
        return tracked.take(np.sort(np.array(rank[: self._settings.max_people], np.intp)))
