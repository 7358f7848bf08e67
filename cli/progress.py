"""Progress bars of commands on standard error."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from skelstream.files.text import printable

if TYPE_CHECKING:
    from skelstream.pipeline import Analysed, Pipeline


class _Bar:
    """A bar on standard error while a block runs; nothing where that is no terminal.

    Args:
        columns: parts of the bar after its description.
        quiet: whether to show nothing.
    """

    def __init__(self, columns: Iterable[ProgressColumn], quiet: bool):
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False), *columns,
            console=console, disable=quiet or not console.is_terminal, transient=True,
        )  # fmt: skip

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # the terminal may be closed
            self._progress.stop()


class FrameProgress(_Bar):
    """A progress bar of one or several sources, by time in the video: frame counts are often wrong.

    Args:
        title: text beside the bar.
        quiet: whether to show nothing.
        sources: number of sources.
    """

    def __init__(self, title: str, quiet: bool, sources: int = 1):
        rate = TextColumn("{task.fields[rate]}")
        super().__init__((BarColumn(), TaskProgressColumn(), rate, TimeRemainingColumn()), quiet)
        title = printable(title)
        self._overall = self._progress.add_task(title, total=sources, rate="") if sources > 1 else None
        self._task = self._progress.add_task(f"{title}: loading the networks", total=None, rate="")
        self._source: Pipeline | None = None
        self._frames, self._start = 0, time.monotonic()

    def report(self, pipeline: Pipeline, analysed: Analysed) -> None:
        """Show a pipeline's next frame."""
        if pipeline is not self._source:
            self._source, self._first = pipeline, analysed.frame.time
            self._frames, self._start = 0, time.monotonic()
            span = None if pipeline.expected_end is None else max(0.0, pipeline.expected_end - self._first)
            self._progress.reset(
                self._task,
                total=span,
                description=printable(Path(pipeline.info.name).name),
                visible=True,
                rate="",
            )
        self._frames += 1
        rate = self._frames / max(1e-6, time.monotonic() - self._start)
        self._progress.update(
            self._task,
            completed=analysed.frame.time - self._first,
            rate=f"frame {analysed.frame.index}, {rate:.1f} frames/s",
        )

    def source_done(self) -> None:
        """Count a finished source."""
        if self._overall is not None:
            self._progress.advance(self._overall)


class ClipProgress(_Bar):
    """A progress bar of clips, with clips per second and the time left.

    Args:
        title: text beside the bar.
        clips: number of clips.
        quiet: whether to show nothing.
        waiting: text in place of the rate until the first clip is finished.
    """

    def __init__(self, title: str, clips: int, quiet: bool, waiting: str = ""):
        rate = TextColumn("{task.fields[rate]}")
        super().__init__(
            (BarColumn(), MofNCompleteColumn(), rate, TimeElapsedColumn(), TimeRemainingColumn()), quiet
        )
        self._task = self._progress.add_task(title, total=clips, rate=waiting)
        self._done, self._start = 0, time.monotonic()

    def advance(self) -> None:
        """Count a finished clip."""
        self._done += 1
        rate = self._done / max(1e-6, time.monotonic() - self._start)
        self._progress.update(self._task, advance=1, rate=f"{rate:.1f} clips/s")


class InputProgress(_Bar):
    """A progress bar of inputs, or of the frames of one.

    Args:
        title: text beside the bar.
        quiet: whether to show nothing.
        unit: plural noun for the speed, such as ``frames`` per second; empty for no speed.
    """

    def __init__(self, title: str, quiet: bool, unit: str = ""):
        rate = TextColumn("{task.fields[rate]}")
        super().__init__((BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn()), quiet)
        self._unit = unit
        self._task = self._progress.add_task(title, total=None, visible=False, rate="")

    def report(self, done: int, total: int | None) -> None:
        """Show that ``done`` of ``total`` are done."""
        speed = self._progress.tasks[0].speed
        rate = f"{speed:.0f} {self._unit}/s" if speed and self._unit else ""
        self._progress.update(self._task, completed=done, total=total, visible=True, rate=rate)
