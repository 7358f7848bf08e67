"""How fast a source is analysed, without drawing it."""

from __future__ import annotations

import queue
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skelstream.pipeline import AnalysedFrame, Pipeline
from skelstream.preview.playback import Pace, Playback
from skelstream.preview.recording import Recording
from skelstream.video import SourceInfo

_REPORT_SECONDS = 1.0


@dataclass(frozen=True)
class Measured:
    """How a source was analysed.

    Attributes:
        info: facts about the source.
        pace: at the end.
        seconds: from the first frame to the last.
        people: mean number of people a frame.
        tracks: number of tracks that were confirmed.
        latencies: float (F,), seconds from decoding each frame to knowing its people.
        stages: milliseconds a frame by stage, over all frames.
        recorded: the file of skeletons that was written and its number of frames, if one was.
        warnings: what is wrong with the source, a line each.
        gone: the source ended, before anyone ended it.
        interrupted: Ctrl-C ended it.
    """

    info: SourceInfo
    pace: Pace
    seconds: float
    people: float
    tracks: int
    latencies: np.ndarray
    stages: dict[str, float]
    recorded: tuple[Path, int] | None
    warnings: list[str]
    gone: bool
    interrupted: bool


class _Tally:
    """Counts in the playback's thread."""

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
    opened: Callable[[], Pipeline],
    stem: str,
    *,
    output: Path | None = None,
    overwrite: bool = False,
    seconds: float | None = None,
    report: Callable[[AnalysedFrame, Pace], None] | None = None,
) -> Measured | None:
    """Analyses a source as fast as it goes, until it ends, the time is up or Ctrl-C.

    Args:
        opened: makes the pipeline; called in another thread.
        stem: beginning of the recording's name.
        output: record to this file.
        overwrite: whether that file may be there already.
        seconds: end so long after the first frame.
        report: called about once a second with the newest frame.

    Returns:
        None if no frame came before it was ended.

    Raises:
        SourceError: the source cannot be opened or read; what was recorded is kept.
        OutputError: the recording cannot be written.
    """
    changes: queue.SimpleQueue[None] = queue.SimpleQueue()
    tally, interrupted = _Tally(), False
    with Playback(opened, False, lambda: changes.put(None), tally.add) as playback:
        recording = Recording(playback, stem, output, overwrite)
        try:
            _wait(playback, tally, changes, seconds, report)
        except KeyboardInterrupt:
            interrupted = True
        gone = playback.ended
        if playback.error is not None:
            recording.keep(playback.error)
            raise playback.error
    if tally.began is None or playback.info is None:
        return None
    recording.write()
    pace = playback.pace
    return Measured(
        info=playback.info,
        pace=pace,
        seconds=tally.ended - tally.began,
        people=tally.people / pace.frames,
        tracks=len(tally.ids),
        latencies=np.array(tally.latencies),
        stages={name: total / pace.frames * 1000 for name, total in playback.times.seconds.items()},
        recorded=recording.written,
        warnings=list(playback.warnings),
        gone=gone,
        interrupted=interrupted,
    )


def _wait(
    playback: Playback,
    tally: _Tally,
    changes: queue.SimpleQueue[None],
    seconds: float | None,
    report: Callable[[AnalysedFrame, Pace], None] | None,
) -> None:
    due = time.monotonic() + _REPORT_SECONDS
    while not playback.ended:
        now = time.monotonic()
        if seconds is not None and tally.began is not None and now - tally.began > seconds:
            return
        if report is not None and now >= due and tally.newest is not None:
            report(tally.newest, playback.pace)
            due = now + _REPORT_SECONDS
        try:
            changes.get(timeout=_REPORT_SECONDS / 4)
        except queue.Empty:
            continue
