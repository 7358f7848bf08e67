"""Playback: analysis of a source in the background, with its newest frame and a recording of all people."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from skelstream.pipeline import AnalysedFrame, Pipeline, StageTimes
from skelstream.sequences.builder import SequenceBuilder
from skelstream.sequences.sequence import SkeletonSequence
from skelstream.video import SourceInfo

_WINDOW = 2.0  # seconds over which rates and times are averaged
_LATE = 0.25  # seconds behind real time from which playback continues from here instead of catching up
# Long enough for a slow network to finish its frame: a program that exits during inference is aborted.
_STOP_SECONDS = 5.0


@dataclass(frozen=True)
class Throughput:
    """Throughput of the analysis.

    Attributes:
        frames: number of frames analysed since the start.
        dropped: number of frames of a live source dropped since the start because the network was busy.
        fps: frames analysed per second, over the last two seconds; 0 until it is known.
        speed: seconds of the source analysed per second, over the same time.
        stages: milliseconds per frame of each stage, over the same time.
    """

    frames: int = 0
    dropped: int = 0
    fps: float = 0.0
    speed: float = 0.0
    stages: dict[str, float] | None = None


class Playback:
    """Pipeline that is opened and run in its own thread.

    Args:
        open_pipeline: function that opens the pipeline; called in the thread.
        real_time: whether a source that is not live plays in real time; if not, it plays at full speed.
        changed: function called in the thread when there is a newer frame, and at the end.
        each: function called in the thread with every frame.

    Attributes:
        info: facts about the source; None until it is open.
        times: times by stage.
        ended: whether there will be no more frames.
        error: error that ended the playback, or None.
    """

    def __init__(
        self,
        open_pipeline: Callable[[], Pipeline],
        real_time: bool,
        changed: Callable[[], None],
        each: Callable[[AnalysedFrame], None] | None = None,
    ) -> None:
        self._open_pipeline, self._real_time, self._changed, self._each = (
            open_pipeline,
            real_time,
            changed,
            each,
        )
        self.info: SourceInfo | None = None
        self.times = StageTimes()
        self.ended = False
        self.error: Exception | None = None
        self._pipeline: Pipeline | None = None
        self._newest: AnalysedFrame | None = None
        self._builder: SequenceBuilder | None = None
        self._frames, self._throughput = 0, Throughput()
        self._history: deque[tuple[float, float, int, dict[str, float]]] = deque()
        self._lock, self._stopped, self._playing = threading.Lock(), threading.Event(), threading.Event()
        self._playing.set()
        self._thread = threading.Thread(target=self._run, name="skelstream-playback", daemon=True)

    def __enter__(self) -> Playback:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._playing.set()
        # A camera that no longer responds may block the thread for long; the thread ends with the program.
        self._thread.join(_STOP_SECONDS)

    @property
    def throughput(self) -> Throughput:
        """Throughput of the analysis at the newest frame."""
        return self._throughput

    @property
    def warnings(self) -> list[str]:
        """Problems of the source, one line each; complete once it has ended."""
        return [] if self._pipeline is None else self._pipeline.warnings

    @property
    def paused(self) -> bool:
        """Whether the playback is paused."""
        return not self._playing.is_set()

    def pause(self, paused: bool) -> None:
        """Pause or continue a source that is not live; a live source continues always."""
        if paused:
            self._playing.clear()
        else:
            self._playing.set()

    def take(self) -> AnalysedFrame | None:
        """Return the newest frame; None if it has already been returned."""
        with self._lock:
            newest, self._newest = self._newest, None
        return newest

    def sequence(self) -> SkeletonSequence | None:
        """Return all people since the start; None before the first frame."""
        with self._lock:
            return self._builder.finish() if self._builder is not None and self._frames else None

    def _run(self) -> None:
        try:
            with self._open_pipeline() as pipeline:
                self._builder = builder = pipeline.builder()
                self._pipeline = pipeline
                self.times, self.info = pipeline.times, pipeline.info
                self._changed()
                self._play(pipeline, builder)
        except Exception as error:  # noqa: BLE001 - raised again in the main thread
            self.error = error
        self.ended = True
        self._changed()

    def _play(self, pipeline: Pipeline, builder: SequenceBuilder) -> None:
        clock = _FileClock() if self._real_time and not pipeline.info.live else None
        for analysed in pipeline:
            with self._lock:
                builder.add(analysed.tracked)
                self._frames += 1
            self._measure(analysed.frame.time)
            if self._each is not None:
                self._each(analysed)
            if clock is not None:
                self._wait_until_due(clock, analysed.frame.time)
            if self._stopped.is_set():
                return
            with self._lock:
                self._newest = analysed
            self._changed()

    def _wait_until_due(self, clock: _FileClock, due: float) -> None:
        if self.paused:
            self._playing.wait()
            clock.restart()
        while not self._stopped.is_set() and (remaining := clock.seconds_until(due)) > 0:
            self._stopped.wait(min(remaining, 0.05))
            if self.paused:
                self._playing.wait()
                clock.restart()

    def _measure(self, frame_time: float) -> None:
        now, history = time.monotonic(), self._history
        history.append((now, frame_time, self._frames, dict(self.times.seconds)))
        while len(history) > 2 and now - history[0][0] > _WINDOW:
            history.popleft()
        began, first_time, first, before = history[0]
        frames, span = self._frames - first, now - began
        if not frames or span <= 0:
            self._throughput = Throughput(self._frames, self.times.dropped)
            return
        stages = {name: (s - before[name]) / frames * 1000 for name, s in self.times.seconds.items()}
        speed = (frame_time - first_time) / span
        self._throughput = Throughput(self._frames, self.times.dropped, frames / span, speed, stages)


class _FileClock:
    """Clock of a file's playback in real time."""

    def __init__(self) -> None:
        self._offset: float | None = None

    def restart(self) -> None:
        """Make the next frame due now."""
        self._offset = None

    def seconds_until(self, due: float) -> float:
        """Return the seconds until a frame of that time is due."""
        now = time.monotonic()
        if self._offset is None or now - (self._offset + due) > _LATE:
            self._offset = now - due
        return self._offset + due - now
