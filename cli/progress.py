"""A progress bar over a video's time, with frames a second."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from skelstream.files.text import printable

if TYPE_CHECKING:
    from skelstream.pipeline import Analysed, Pipeline


class FrameProgress:
    """Shows how far one source, or each of several, has come. Time is what it counts by: frame counts often lie.

    Args:
        title: what is being worked on.
        quiet: show nothing.
        sources: how many sources there will be.
    """

    def __init__(self, title: str, quiet: bool, sources: int = 1):
        self._progress = Progress(
            TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(),
            TextColumn("{task.fields[rate]}"), TimeRemainingColumn(),
            console=Console(stderr=True), disable=quiet, transient=True,
        )  # fmt: skip
        title = printable(title)
        self._overall = self._progress.add_task(title, total=sources, rate="") if sources > 1 else None
        self._task = self._progress.add_task(title, total=None, rate="", visible=sources == 1)
        self._source: Pipeline | None = None
        self._frames, self._began = 0, time.monotonic()

    def __enter__(self) -> FrameProgress:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # the terminal may have gone
            self._progress.stop()

    def report(self, pipeline: Pipeline, analysed: Analysed) -> None:
        """One more frame."""
        if pipeline is not self._source:
            self._source, self._first = pipeline, analysed.frame.time
            self._frames, self._began = 0, time.monotonic()
            span = None if pipeline.expected_end is None else max(0.0, pipeline.expected_end - self._first)
            self._progress.reset(
                self._task,
                total=span,
                description=printable(Path(pipeline.info.name).name),
                visible=True,
                rate="",
            )
        self._frames += 1
        rate = self._frames / max(1e-6, time.monotonic() - self._began)
        self._progress.update(
            self._task,
            completed=analysed.frame.time - self._first,
            rate=f"frame {analysed.frame.index}, {rate:.1f} frames/s",
        )

    def source_done(self) -> None:
        """One more of several sources is through."""
        if self._overall is not None:
            self._progress.advance(self._overall)


class ClipProgress:
    """Shows how many of some clips are through, how many a second, and how long the rest will take.

    Args:
        title: what is done to them.
        clips: their number.
        quiet: show nothing.
    """

    def __init__(self, title: str, clips: int, quiet: bool):
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(), console=console, disable=quiet or not console.is_terminal, transient=True,
        )  # fmt: skip
        self._task = self._progress.add_task(title, total=clips, rate="")
        self._done, self._began = 0, time.monotonic()

    def __enter__(self) -> ClipProgress:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # the terminal may have gone
            self._progress.stop()

    def advance(self) -> None:
        """One more is through."""
        self._done += 1
        rate = self._done / max(1e-6, time.monotonic() - self._began)
        self._progress.update(self._task, advance=1, rate=f"{rate:.1f} clips/s")


class InputProgress:
    """Shows how many of some inputs are read; a context manager.

    Args:
        title: what is done to them.
        quiet: show nothing.
    """

    def __init__(self, title: str, quiet: bool):
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            console=Console(stderr=True), transient=True, disable=quiet,
        )  # fmt: skip
        self._task = self._progress.add_task(title, total=None, visible=False)

    def __enter__(self) -> InputProgress:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # the terminal may have gone
            self._progress.stop()

    def report(self, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` inputs are read."""
        self._progress.update(self._task, completed=done, total=total, visible=True)
