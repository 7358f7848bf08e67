"""A source's people in the background: the newest frame to show, all of them for the recording."""

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

_WINDOW = 2.0  # seconds over which rates and times are means
_LATE = 0.25  # seconds behind a file's own pace from which it goes on from here instead of catching up
# Long enough for a slow network to finish its frame: a program that ends while one computes is aborted.
_STOP_SECONDS = 5.0


@dataclass(frozen=True)
class Pace:
    """How fast it goes.

    Attributes:
        frames: analysed since the start.
        dropped: frames of a live source that the network had no time for, since the start.
        fps: frames analysed a second, over the last two seconds; 0 until it is known.
        speed: seconds of the source analysed a second, over the same time.
        stages: milliseconds a frame of each stage, over the same time.
    """

    frames: int = 0
    dropped: int = 0
    fps: float = 0.0
    speed: float = 0.0
    stages: dict[str, float] | None = None


class Playback:
    """Runs a pipeline in a thread of its own, which opens it too.

    Args:
        opened: makes the pipeline; it is called in the thread.
        paced: play a source that is not live at the pace of its own times; else as fast as it goes.
        changed: called in the thread when there is a newer frame, and when the end is reached.
        each: called in the thread with every frame.

    Attributes:
        info: of the source, once it is open.
        times: by stage, once it is open.
        ended: there will be no more frames.
        error: what ended it, if it was an error.
    """

    def __init__(
        self,
        opened: Callable[[], Pipeline],
        paced: bool,
        changed: Callable[[], None],
        each: Callable[[AnalysedFrame], None] | None = None,
    ) -> None:
        self._opened, self._paced, self._changed, self._each = opened, paced, changed, each
        self.info: SourceInfo | None = None
        self.times = StageTimes()
        self.ended = False
        self.error: Exception | None = None
        self._pipeline: Pipeline | None = None
        self._newest: AnalysedFrame | None = None
        self._builder: SequenceBuilder | None = None
        self._frames, self._pace = 0, Pace()
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
        # A camera that no longer answers may hold the thread for long; it dies with the program.
        self._thread.join(_STOP_SECONDS)

    @property
    def pace(self) -> Pace:
        return self._pace

    @property
    def warnings(self) -> list[str]:
        """What is wrong with the source, a line each; complete once it has ended."""
        return [] if self._pipeline is None else self._pipeline.warnings

    @property
    def paused(self) -> bool:
        return not self._playing.is_set()

    def pause(self, paused: bool) -> None:
        """Holds a source that is not live where it is; a live one goes on."""
        if paused:
            self._playing.clear()
        else:
            self._playing.set()

    def take(self) -> AnalysedFrame | None:
        """The newest frame, once; None if it has been taken."""
        with self._lock:
            newest, self._newest = self._newest, None
        return newest

    def sequence(self) -> SkeletonSequence | None:
        """All people since the start; None before the first frame."""
        with self._lock:
            return self._builder.finish() if self._builder is not None and self._frames else None

    def _run(self) -> None:
        try:
            with self._opened() as pipeline:
                self._builder = builder = pipeline.builder()
                self._pipeline = pipeline
                self.times, self.info = pipeline.times, pipeline.info
                self._changed()
                self._play(pipeline, builder)
        except Exception as error:  # noqa: BLE001 - it is raised again where it can be told
            self.error = error
        self.ended = True
        self._changed()

    def _play(self, pipeline: Pipeline, builder: SequenceBuilder) -> None:
        clock = _FileClock() if self._paced and not pipeline.info.live else None
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
        while not self._stopped.is_set() and (left := clock.seconds_until(due)) > 0:
            self._stopped.wait(min(left, 0.05))
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
            self._pace = Pace(self._frames, self.times.dropped)
            return
        stages = {name: (s - before[name]) / frames * 1000 for name, s in self.times.seconds.items()}
        speed = (frame_time - first_time) / span
        self._pace = Pace(self._frames, self.times.dropped, frames / span, speed, stages)


class _FileClock:
    """When a file's frames are due."""

    def __init__(self) -> None:
        self._offset: float | None = None

    def restart(self) -> None:
        """The next frame is due now."""
        self._offset = None

    def seconds_until(self, due: float) -> float:
        now = time.monotonic()
        if self._offset is None or now - (self._offset + due) > _LATE:
            self._offset = now - due
        return self._offset + due - now
