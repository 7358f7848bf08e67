"""The stages side by side: decoding, detection, refinement and tracking of one source.

Decoding and the detection network have a thread each, the rest runs in the caller's; the whole takes about as long as the
slowest stage. Only a few frames are in memory.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from skelstream.errors import FormatError
from skelstream.estimation.protocol import Estimator
from skelstream.pipeline.detection import DecodedFrame, decoded, detected
from skelstream.pipeline.following import Following, FollowingState, most_frames, spans
from skelstream.pipeline.parts import PartStage, PartState
from skelstream.pipeline.policy import EstimationPolicy, PolicyState
from skelstream.pipeline.queues import StageQueue
from skelstream.pipeline.schedule import LiveBudget
from skelstream.pipeline.shots import ShotChanges
from skelstream.pipeline.times import StageTimes
from skelstream.pipeline.watch import Watch
from skelstream.sequences.builder import SequenceBuilder
from skelstream.settings.pipeline import PipelineSettings
from skelstream.skeleton import Skeleton
from skelstream.tracking.registry import make_tracker
from skelstream.tracking.tracked import TrackedPeople
from skelstream.tracking.tracker import Tracker
from skelstream.video import Frame, SourceInfo, open_source

# Frames between two stages, beyond a batch.
_SLACK = 4
# Number of hands from which on their sides say something of the people's; single ones are often mistaken.
_MANY_HANDS = 20


@dataclass(frozen=True)
class AnalysedFrame:
    """A frame and its people.

    Attributes:
        frame: frame with its image, or without one if it failed to decode.
        tracked: people of the frame with their identities.
        arrived: ``time.monotonic()`` when the frame was decoded, to measure latency.
    """

    frame: Frame
    tracked: TrackedPeople
    arrived: float


@dataclass
class PipelineState:
    """What the frames to come depend on, between two frames. May be pickled.

    Attributes:
        policy: state of detection and refinement.
        tracker: tracker with its tracks.
        watch: people who are missed.
        parts: hands and faces of the last frame's people.
        importance: sum of each track's person scores, by track id.
        times: times and counts of the stages.
    """

    policy: PolicyState
    tracker: Tracker
    watch: Watch
    parts: PartState
    importance: Counter[int]
    times: StageTimes


class Pipeline:
    """One source's way through all stages; iterate it once, inside a ``with``.

    Frames come in order; those that fail to decode keep their place. From a live source the newest frame wins: frames that
    there is no time for are dropped and counted in ``times``.

    Args:
        source: anything that ``skelstream.video.open_source`` takes.
        estimator: an estimator, or a function that makes one once the source is open.
        settings: part of the source, tracking, and how often to detect.
        name: name of the source in messages and results; None for ``source`` itself.

    Raises:
        SourceError: the source cannot be opened; or, from the iteration, cannot be read on.
        SettingsError: a setting does not fit the estimator.
    """

    def __init__(
        self,
        source: str | Path | int,
        estimator: Estimator | Callable[[], Estimator],
        settings: PipelineSettings = PipelineSettings(),
        *,
        name: str | None = None,
    ):
        video = settings.video
        self._source = open_source(
            source, name=name, start=video.start, end=video.end, every=video.every, fps=video.rate
        )
        self.times = StageTimes()
        try:
            if video.region is not None:
                video.region.check(self.info.height, self.info.width)
            self._estimator = estimator() if callable(estimator) else estimator
            # Where nobody is followed, only detection finds people.
            every = 1 if settings.tracking.alone else settings.detect_every
            parts, budget = self._estimator.parts, LiveBudget() if self.info.live else None
            policy = EstimationPolicy(
                self._estimator, every, self.info, self.times, budget if parts else None
            )
            if self.info.photos:
                settings = replace(settings, tracking=replace(settings.tracking, follow=False))
            tracker = make_tracker(settings.tracking, self._estimator.skeleton)
            self._following = Following(policy, tracker, self.info, settings, self.times)
            self._parts = PartStage(parts, policy.skeleton, self.times, budget)
        except BaseException:
            self._source.close()
            raise
        self._settings = settings
        self._linked = settings.tracking.linking and not settings.tracking.alone
        self._importance: Counter[int] = Counter()
        self._skipped = self._held = 0
        self._followed: FollowingState | None = None

    @property
    def info(self) -> SourceInfo:
        """Facts about the source."""
        return self._source.info

    @property
    def skeleton(self) -> Skeleton:
        """The joints of the people, with those of their parts."""
        return self._parts.skeleton

    @property
    def tracked_skeleton(self) -> Skeleton:
        """The joints that people are tracked by, to which ``skeleton`` adds those of their parts."""
        return self._estimator.skeleton

    @property
    def expected_end(self) -> float | None:
        """Time at which the frames should end by the container's word, seconds; None if unknown."""
        ends = [t for t in (self._settings.video.end, self.info.duration) if t is not None]
        return min(ends) / self._settings.video.slow_motion if ends else None

    @property
    def warnings(self) -> list[str]:
        """Lines about what was wrong with the source so far and what was assumed."""
        tracker, hands = self._following.tracker.warning, self.times.parts["hands"]
        lines = [tracker] if tracker else []
        if hands >= _MANY_HANDS and self.times.opposed > hands / 2:
            lines.append(
                f"{self.times.opposed} of {hands} hands look like those of the other side; left and right of the people may"
                " be exchanged"
            )
        return [*self._source.warnings, *(f"{self.info.name}: {line}" for line in lines)]

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, *_: object) -> None:
        self._source.close()

    def builder(self) -> SequenceBuilder:
        """Return an empty sequence with the facts about this pipeline's source and making."""
        info, provenance = self.info, self._estimator.provenance
        parts = {
            name: sha256 for part in self._estimator.parts for name, sha256 in part.weights_sha256.items()
        }
        return SequenceBuilder(
            self.skeleton,
            source=info.name,
            height=info.height,
            width=info.width,
            rotation=info.rotation,
            images=info.images,
            made_with={
                "start": info.start,
                "model": provenance.model,
                "weights_sha256": provenance.weights_sha256,
                "refiner": provenance.refiner,
                "refiner_sha256": provenance.refiner_sha256,
                **({"parts_sha256": parts} if parts else {}),
                "runtime": provenance.runtime,
                "settings": self._settings.to_json() | {"estimator": provenance.settings},
            },
            warnings=lambda: self.warnings,
            linking=None if self.info.live or not self._linked else self._settings.tracking,
        )

    def state(self) -> PipelineState | None:
        """Return what the frames to come depend on, to be pickled before the next frame; None while frames are held that
        are analysed already."""
        if self._held:
            return None
        followed = self._followed or self._following.state
        # Frames may have been followed ahead of the one whose parts were found last.
        counts = {name: getattr(followed.times, name) for name in ("detections", "crops", "unrefined")}
        times = replace(self.times, **counts)
        return PipelineState(
            followed.policy, followed.tracker, followed.watch, self._parts.state, self._importance, times
        )

    def resume(self, state: PipelineState) -> None:
        """Continue after the frames of another pipeline with the same source and settings.

        Call it before the iteration. The earlier frames are decoded again and left out, because later frames and warnings
        may depend on them.

        Raises:
            FormatError: the state is not one that such a pipeline wrote.
        """
        own = self.state()
        assert own is not None, "a frame was analysed already"
        parts = (
            (state.policy, PolicyState), (state.tracker, type(own.tracker)), (state.watch, Watch), (state.parts, dict), (state.importance, Counter), (state.times, StageTimes),
            (state.policy.frames, int), (state.policy.refinement, type(own.policy.refinement)), (state.times.seconds, dict),
        )  # fmt: skip
        if not all(isinstance(part, kind) for part, kind in parts):
            raise FormatError("not the state of a pipeline with these settings")
        self._skipped = state.policy.frames
        self._importance = state.importance
        vars(self.times).update(vars(state.times))
        self._parts.resume(state.parts)
        self._following.resume(FollowingState(state.policy, state.tracker, state.watch, self.times))

    def __iter__(self) -> Iterator[AnalysedFrame]:
        live, estimator, times = self.info.live, self._estimator, self.times
        batch = 1 if live else estimator.batch
        # Batches hold the same frames as if the pipeline had started at the first one.
        whole_batches = self._skipped - self._skipped % batch
        # Live sources are not edited, and photos are no shots.
        shots = None if live or self._settings.tracking.alone else ShotChanges()
        frames = StageQueue(1 if live else batch + _SLACK, newest=live)
        found = StageQueue(1 if live else batch + _SLACK)
        spans_found = spans(islice(found, self._skipped - whole_batches, None), most_frames(self.info))
        followed: Iterable[_Followed] = self._followed_spans(spans_found, frames)
        stages: dict[str, tuple[StageQueue, Iterator[Any]]] = {
            "decode": (
                frames,
                decoded(self._source, estimator, self._following.policy.due, times, whole_batches, shots),
            ),
            "infer": (found, detected(frames, estimator, batch, times)),
        }
        if estimator.parts:
            # Hands and faces take about as long as refinement, so both run side by side.
            ahead = StageQueue(1)
            stages["follow"] = (ahead, followed if live else (one.kept() for one in followed))
            followed = ahead
        threads = [
            threading.Thread(target=queue.fill, args=(items,), name=f"skelstream-{name}", daemon=True)
            for name, (queue, items) in stages.items()
        ]
        for thread in threads:
            thread.start()
        try:
            for span, tracked, self._followed in followed:
                self._held = len(span)
                for item, one in zip(span, tracked, strict=True):
                    self._held -= 1
                    frame = replace(item.frame, time=self._following.time(item))
                    whole = self._parts.added(frame.image, self._most_important(one))
                    yield AnalysedFrame(frame, whole, item.arrived)
        finally:
            times.dropped = frames.dropped
            for queue, _ in stages.values():
                queue.close()
            for thread in threads:
                thread.join()

    def _followed_spans(self, found: Iterable[list[DecodedFrame]], frames: StageQueue) -> Iterator[_Followed]:
        """Yield the spans of frames with their people and the state after them."""
        for span in found:
            self.times.dropped = frames.dropped
            tracked = self._following.tracked(span)
            yield _Followed(span, tracked, self._following.state)

    def _most_important(self, tracked: TrackedPeople) -> TrackedPeople:
        most = self._settings.tracking.max_people
        if most is None:
            return tracked
        ids = tracked.track_ids.tolist()
        for track, score in zip(ids, tracked.people.person_scores.tolist(), strict=True):
            self._importance[track] += score
        rank = sorted(range(len(ids)), key=lambda i: -self._importance[ids[i]])
        return tracked.take(np.sort(np.array(rank[:most], np.intp)))


class _Followed(NamedTuple):
    """A span of frames with their people, and the state after them."""

    span: list[DecodedFrame]
    tracked: list[TrackedPeople]
    state: FollowingState

    def kept(self) -> _Followed:
        """Return the span with a state that later spans do not change."""
        return self._replace(state=deepcopy(self.state))
