"""Live preview of a source's people in the terminal, with keys to pause, save, record and quit."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from skelstream.drawing.sheet import write_png
from skelstream.errors import SkelstreamError
from skelstream.pipeline import AnalysedFrame, Pipeline
from skelstream.preview.playback import Playback
from skelstream.preview.recording import Recording
from skelstream.preview.screen import Facts, Panel, lay_out, too_small
from skelstream.preview.terminal import Terminal
from skelstream.preview.terminal_image import TerminalImage, cell_pixels, choose_graphics, snapshot
from skelstream.preview.terminal_input import HUNG_UP
from skelstream.skeleton import Skeleton

_PANEL_SECONDS = 0.25
_MESSAGE_SECONDS = 5.0
_ZOOM_STEP, _SMALLEST_ZOOM = 1.2, 0.2
_SMOOTHING = 0.9


@dataclass(frozen=True)
class Previewed:
    """Result of a preview.

    Attributes:
        frames: number of frames analysed.
        dropped: number of frames of a live source dropped because the network was busy.
        seconds: time from the first frame to the end in seconds.
        source_ended: whether the preview ended because a live source did.
        recorded: recorded file and its number of frames; None without a recording.
        warnings: problems of the source, one line each.
    """

    frames: int
    dropped: int
    seconds: float
    source_ended: bool
    recorded: tuple[Path, int] | None
    warnings: list[str]


def preview(
    open_pipeline: Callable[[], Pipeline],
    skeleton: Skeleton,
    name: str,
    *,
    output: Path | None = None,
    overwrite: bool = False,
    graphics: str = "auto",
    seconds: float | None = None,
) -> Previewed:
    """Show a source in the terminal until the user quits or a live source ends.

    A file is played in real time, or as fast as the network can; frames for which the terminal is too slow
    are analysed but not drawn. After the end of a file the last image stays.

    Args:
        open_pipeline: function that opens the pipeline; called in another thread.
        skeleton: joint set of the people.
        name: name of the source, with which the names of snapshots and recordings begin.
        output: file to record to from the start; None for no recording.
        overwrite: whether an existing file may be replaced.
        graphics: one of ``terminal_image.GRAPHICS``.
        seconds: duration from the first frame on in seconds; None for no limit.

    Raises:
        SourceError: the source cannot be opened or read; the recording so far is kept.
        OutputError: the recording cannot be written.
    """
    inbox: queue.Queue[str] = queue.Queue()
    with Playback(open_pipeline, True, lambda: inbox.put("")) as playback:
        recording = Recording(playback, Path(name).stem or "camera", output, overwrite)
        view = _View(playback, recording, inbox, skeleton, name)
        try:
            with Terminal(inbox) as terminal:
                view.run(terminal, graphics, seconds)
            if playback.error is not None:
                raise playback.error
        except BaseException as error:
            recording.keep(error)
            raise
        if playback.throughput.frames:
            recording.write()
        throughput, warnings = playback.throughput, list(playback.warnings)
        return Previewed(
            throughput.frames,
            throughput.dropped,
            view.seconds,
            view.source_ended,
            recording.written,
            warnings,
        )


class _View:
    """Screen of the preview and its reaction to keys.

    Attributes:
        source_ended: whether it ended because a live source did.
        seconds: seconds since the first frame.
    """

    def __init__(
        self, playback: Playback, recording: Recording, inbox: queue.Queue[str], skeleton: Skeleton, name: str
    ) -> None:
        self._playback, self._recording, self._inbox = playback, recording, inbox
        self._skeleton, self._name = skeleton, name
        self.source_ended = False
        self._began: float | None = None
        self._frame: AnalysedFrame | None = None
        self._drawn, self._latency, self._drawing, self._sending = 0, 0.0, 0.0, 0.0
        self._zoom, self._skeletons_only, self._paused, self._quit = 1.0, False, False, False
        self._message, self._message_until = "", 0.0
        self._panel_due = 0.0
        self._laid_out: tuple | None = None  # screen size and source of the present layout
        self._image: TerminalImage | None = None
        self._panel: Panel | None = None

    @property
    def seconds(self) -> float:
        return 0.0 if self._began is None else time.monotonic() - self._began

    def run(self, terminal: Terminal, graphics: str, seconds: float | None) -> None:
        """Show the source until the user quits, a live source ends, or the time is up."""
        self._graphics = choose_graphics(graphics, terminal.abilities)
        while not self._quit and not (seconds is not None and self.seconds > seconds):
            if terminal.ready():
                self._refresh(terminal)
            self._take_keys()
            playback = self._playback
            if playback.ended and (playback.error is not None or playback.info is None or playback.info.live):
                self.source_ended = playback.error is None
                return

    def _take_keys(self) -> None:
        """Wait for an event, and react to keys."""
        items = []
        with suppress(queue.Empty):
            items.append(self._inbox.get(timeout=_PANEL_SECONDS))
            while True:
                items.append(self._inbox.get_nowait())
        for key in filter(None, items):
            self._press(key)

    def _press(self, key: str) -> None:
        if key in ("q", "Q", HUNG_UP):
            self._quit = True
        elif key == " ":
            self._paused = not self._paused
            self._playback.pause(self._paused)
        elif key == "b":
            self._skeletons_only, self._laid_out = not self._skeletons_only, None
        elif key in "+=":
            self._zoom, self._laid_out = min(1.0, self._zoom * _ZOOM_STEP), None
        elif key == "-":
            self._zoom, self._laid_out = max(_SMALLEST_ZOOM, self._zoom / _ZOOM_STEP), None
        elif key in "sr":
            try:
                self._notify(self._save_image() if key == "s" else self._record())
            except SkelstreamError as error:
                self._notify(str(error))
        self._panel_due = 0.0

    def _save_image(self) -> str:
        frame, info = self._frame, self._playback.info
        if frame is None or info is None:
            return "no frame to save yet"
        path = Path(f"{self._recording.stem}-{datetime.now():%Y%m%d-%H%M%S}-{frame.frame.index}.png")
        write_png(path, snapshot(frame, self._skeleton, (info.height, info.width), self._skeletons_only))
        return f"{path} written"

    def _record(self) -> str:
        self._recording.begin()
        return f"{self._recording.path}: {self._recording.frames} frames; the rest is added when you quit"

    def _notify(self, message: str) -> None:
        self._message, self._message_until = message, time.monotonic() + _MESSAGE_SECONDS

    def _status(self, now: float) -> str:
        """Return the message shown in place of the keys; empty if there is none."""
        if now < self._message_until:
            return self._message
        if self._playback.info is None:
            return f"opening {self._name} …"
        return "waiting for the network's first frame …" if self._frame is None else ""

    def _refresh(self, terminal: Terminal) -> None:
        """Send the changed parts of the screen."""
        started = time.monotonic()
        parts = self._arrange(terminal)
        newest = None if self._paused else self._playback.take()
        if newest is not None:
            self._frame = newest
            self._began = started if self._began is None else self._began
        draws = False
        if self._image is not None and self._frame is not None and (newest is not None or parts):
            draws = True
            parts += self._image.encode(self._frame, self._skeletons_only)
        if self._panel is not None and started >= self._panel_due:
            parts += self._panel.encode(self._facts(), self._status(started))
            self._panel_due = started + _PANEL_SECONDS
        encoded = time.monotonic()
        if parts:
            terminal.show(parts)
        if newest is not None and draws:
            self._account(newest, started, encoded)

    def _account(self, newest: AnalysedFrame, started: float, encoded: float) -> None:
        now = time.monotonic()
        kept = _SMOOTHING if self._drawn else 0.0
        self._drawn += 1
        self._latency += (1 - kept) * (now - newest.arrived - self._latency)
        self._drawing += (1 - kept) * ((encoded - started) * 1000 - self._drawing)
        self._sending += (1 - kept) * ((now - encoded) * 1000 - self._sending)

    def _arrange(self, terminal: Terminal) -> bytes:
        """Update the layout if the screen's size has changed or it must be redrawn; return what clears the screen."""
        info, screen = self._playback.info, terminal.size()
        if self._laid_out == (screen, info):
            return b""
        cleared = b"\x1b[0m\x1b[2J" + (self._image.clear() if self._image else b"")
        self._laid_out, self._panel_due = (screen, info), 0.0
        cell = cell_pixels(terminal.abilities)
        source = (info.height, info.width) if info else (3, 4)
        layout = lay_out(screen, source, cell, self._zoom)
        if layout.image is None:
            self._image = self._panel = None
            return cleared + too_small(*screen)
        self._panel = Panel(layout, terminal.abilities.truecolor)
        if info is not None:
            self._image = TerminalImage(layout.image, self._graphics, cell, source, self._skeleton)
        return cleared

    def _facts(self) -> Facts:
        playback, info = self._playback, self._playback.info
        frame = self._frame
        return Facts(
            name=self._name,
            size=(info.height, info.width) if info else None,
            live=info is not None and info.live,
            state="paused" if self._paused else "ended" if playback.ended else "playing",
            time=frame.frame.time if frame else 0.0,
            throughput=playback.throughput,
            latency=self._latency,
            drawing=self._drawing,
            sending=self._sending,
            skipped=max(0, playback.throughput.frames - self._drawn),
            ids=frame.tracked.track_ids[frame.tracked.confirmed].tolist() if frame else [],
            recording=self._recording.path.name if self._recording.path else None,
        )
