"""Measurement of the speed at which a source is analysed, without drawing."""

from __future__ import annotations

import queue
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skelstream.pipeline import AnalysedFrame, Pipeline
from skelstream.preview.playback import Playback, Throughput
from skelstream.preview.recording import Recording
from skelstream.video import SourceInfo

_REPORT_SECONDS = 1.0


@dataclass(frozen=True)
class Measured:
    """Result of a measurement.

    Attributes:
        info: facts about the source.
        throughput: throughput at the end.
        seconds: time from the first frame to the last in seconds.
        people: mean number of people per frame.
        tracks: number of confirmed tracks.
        latencies: float (F,), seconds from decoding each frame to its result.
        stages: milliseconds per frame by stage, over all frames.
        recorded: recorded file and its number of frames; None without a recording.
        warnings: problems of the source, one line each.
        source_ended: whether the source ended by itself.
        interrupted: whether Ctrl-C ended the measurement.
    """

    info: SourceInfo
    throughput: Throughput
    seconds: float
    people: float
    tracks: int
    latencies: np.ndarray
    stages: dict[str, float]
    recorded: tuple[Path, int] | None
    warnings: list[str]
    source_ended: bool
    interrupted: bool


class _Tally:
    """Counters, updated in the playback's thread."""

    def __init__(self) -> None:
        self.began: float | None = None
        self.ended = 0.0
        self.latencies = array("d")
        self.people = 0
        self.ids: set[int] = set()
        self.newest: AnalysedFrame | None = None

    def add(self, analysed: AnalysedFrame) -> None:
        self.ended = time.monotonic()
        self.began = self.ended if self.began is None else self.began
        self.latencies.append(self.ended - analysed.arrived)
        ids = analysed.tracked.track_ids[analysed.tracked.confirmed].tolist()
        self.people += len(ids)
        self.ids.update(ids)
        self.newest = analysed


def measure(
    open_pipeline: Callable[[], Pipeline],
    stem: str,
    *,
    output: Path | None = None,
    overwrite: bool = False,
    seconds: float | None = None,
    report: Callable[[AnalysedFrame, Throughput], None] | None = None,
) -> Measured | None:
    """Analyse a source at full speed until it ends, the time is up or Ctrl-C is pressed.

    Args:
        open_pipeline: function that opens the pipeline; called in another thread.
        stem: beginning of the recording's file name.
        output: file to record to; None for no recording.
        overwrite: whether an existing file may be replaced.
        seconds: duration from the first frame on in seconds; None for no limit.
        report: function called about once a second with the newest frame and the throughput.

    Returns:
        the result; None if it ended before the first frame.

    Raises:
        SourceError: the source cannot be opened or read; the recording so far is kept.
        OutputError: the recording cannot be written.
    """
    changes: queue.SimpleQueue[None] = queue.SimpleQueue()
    tally, interrupted = _Tally(), False
    with Playback(open_pipeline, False, lambda: changes.put(None), tally.add) as playback:
        recording = Recording(playback, stem, output, overwrite)
        try:
            _wait(playback, tally, changes, seconds, report)
        except KeyboardInterrupt:
            interrupted = True
        source_ended = playback.ended
        if playback.error is not None:
            recording.keep(playback.error)
            raise playback.error
    if tally.began is None or playback.info is None:
        return None
    recording.write()
    throughput = playback.throughput
    return Measured(
        info=playback.info,
        throughput=throughput,
        seconds=tally.ended - tally.began,
        people=tally.people / throughput.frames,
        tracks=len(tally.ids),
        latencies=np.array(tally.latencies),
        stages={name: total / throughput.frames * 1000 for name, total in playback.times.seconds.items()},
        recorded=recording.written,
        warnings=list(playback.warnings),
        source_ended=source_ended,
        interrupted=interrupted,
    )


def _wait(
    playback: Playback,
    tally: _Tally,
    changes: queue.SimpleQueue[None],
    seconds: float | None,
    report: Callable[[AnalysedFrame, Throughput], None] | None,
) -> None:
    due = time.monotonic() + _REPORT_SECONDS
    while not playback.ended:
        now = time.monotonic()
        if seconds is not None and tally.began is not None and now - tally.began > seconds:
            return
        if report is not None and now >= due and tally.newest is not None:
            report(tally.newest, playback.throughput)
            due = now + _REPORT_SECONDS
        try:
            changes.get(timeout=_REPORT_SECONDS / 4)
        except queue.Empty:
            continue
