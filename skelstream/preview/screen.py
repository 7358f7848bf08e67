"""Layout of the preview's screen, and the text of its panel."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

from rich.color import Color, ColorSystem
from rich.console import Console
from rich.style import Style
from rich.table import Table
from rich.text import Text

from skelstream.drawing.colors import text_on, track_color
from skelstream.files.text import printable
from skelstream.preview.playback import Throughput
from skelstream.preview.terminal_image import CellArea

_PANEL = 27  # columns of the panel
_NARROWEST = 64  # least number of columns of a screen with a panel
_SMALLEST = 16, 5
_BAR = 8
_KEYS = (
    ("q", "quit"), ("space", "pause"), ("s", "snapshot"), ("r", "record"), ("b", "skeletons only"),
    ("+ -", "size"),
)  # fmt: skip


@dataclass(frozen=True)
class Facts:
    """Content of the panel.

    Attributes:
        name: name of the source.
        size: height and width of its frames in pixels; None until it is open.
        live: whether the source is live.
        state: ``playing``, ``paused`` or ``ended``.
        time: time of the shown frame in seconds.
        throughput: throughput of the analysis.
        latency: seconds from decoding a frame to showing it, for a live source.
        drawing, sending: milliseconds to draw a frame, and to send it to the terminal.
        skipped: number of frames analysed but not drawn.
        ids: ids of the tracks in the shown frame.
        recording: name of the recorded file, or None.
    """

    name: str
    size: tuple[int, int] | None
    live: bool
    state: str
    time: float
    throughput: Throughput
    latency: float
    drawing: float
    sending: float
    skipped: int
    ids: list[int]
    recording: str | None


@dataclass(frozen=True)
class Layout:
    """Areas of the image and the panel, None if there is no room; the last line is for keys and messages."""

    columns: int
    rows: int
    image: CellArea | None
    panel: CellArea | None


def lay_out(
    screen: tuple[int, int], source: tuple[int, int], cell: tuple[int, int], zoom: float = 1.0
) -> Layout:
    """Return a layout with the image as large as fits in its aspect ratio, beside the panel on a wide screen.

    Args:
        screen: columns and rows of the screen.
        source: height and width of the frames in pixels.
        cell: width and height of a character cell in pixels.
        zoom: size of the image divided by the largest that fits.
    """
    columns, rows = screen
    if columns < _SMALLEST[0] or rows < _SMALLEST[1]:
        return Layout(columns, rows, None, None)
    panel = CellArea(0, columns - _PANEL, rows - 1, _PANEL) if columns >= _NARROWEST else None
    free = columns - _PANEL - 1 if panel else columns
    height, width = source
    per_row = width / height * cell[1] / cell[0]  # columns per row of the image
    high = min(rows - 1, free / per_row) * zoom
    image_rows, image_columns = max(2, round(high)), max(4, round(high * per_row))
    image_rows, image_columns = min(image_rows, rows - 1), min(image_columns, free)
    top, left = (rows - 1 - image_rows) // 2, (free - image_columns) // 2
    return Layout(columns, rows, CellArea(top, left, image_rows, image_columns), panel)


class Panel:
    """Writer of the panel and the last line.

    Args:
        layout: layout of the screen.
        truecolor: whether to use 24-bit colours; if not, xterm's 256 colours.
    """

    def __init__(self, layout: Layout, truecolor: bool) -> None:
        self._layout = layout
        self._colors = ColorSystem.TRUECOLOR if truecolor else ColorSystem.EIGHT_BIT
        self._shown: dict[tuple[int, int], str] = {}

    def encode(self, facts: Facts, message: str) -> bytes:
        """Return the bytes that update the changed lines; ``message``, if any, replaces the keys."""
        place, lines = self._layout.panel, {}
        if place is not None:
            text = self._rendered(_table(facts, self._colors), place.columns)
            for i in range(place.rows):
                lines[place.row + i + 1, place.column + 1] = text[i] if i < len(text) else ""
        bottom = (
            Text(f" {printable(message)}") if message else _keys() if place is not None else _short(facts)
        )
        bottom.truncate(self._layout.columns - 1, overflow="ellipsis")
        lines[self._layout.rows, 1] = self._rendered(bottom, self._layout.columns)[0]
        changed = [at for at, line in lines.items() if self._shown.get(at) != line]
        self._shown = lines
        # Each line clears the rest of its row.
        parts = [f"\x1b[0m\x1b[{row};{column}H\x1b[K{lines[row, column]}" for row, column in changed]
        return "".join(parts).encode()

    def _rendered(self, what: Table | Text, columns: int) -> list[str]:
        # The styles are already in the terminal's colours, which rich keeps whatever this console supports.
        text = io.StringIO()
        console = Console(
            file=text,
            force_terminal=True,
            color_system="truecolor",
            width=columns,
            legacy_windows=False,
        )
        console.print(what, end="")
        return text.getvalue().split("\n")


def too_small(columns: int, rows: int) -> bytes:
    """Return the message for a screen without room for an image."""
    text = f"{columns}x{rows} is too small"[:columns]
    return f"\x1b[0m\x1b[1;1H\x1b[2J{text}".encode()


def _table(facts: Facts, colors: ColorSystem) -> Table:
    title = Text(printable(re.split(r"[/\\]", facts.name.rstrip("/"))[-1] or facts.name), style="bold")
    title.truncate(_PANEL - 1, overflow="ellipsis")
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(no_wrap=True)
    whole = Table.grid()
    whole.add_row(title)
    if facts.size:
        height, width = facts.size
        whole.add_row(Text(f"{width}x{height}, {'live' if facts.live else 'file'}", style="dim"))
    whole.add_row(Text(""))
    throughput = facts.throughput
    table.add_row("time", f"{facts.time:.1f} s" + ("" if facts.state == "playing" else f", {facts.state}"))
    table.add_row("frames/s", f"{throughput.fps:.1f}")
    if facts.live:
        table.add_row("latency", f"{facts.latency * 1000:.0f} ms")
        table.add_row("dropped", f"{throughput.dropped} of {throughput.frames + throughput.dropped}")
    else:
        table.add_row("speed", f"{throughput.speed:.2f} x")
    table.add_row("not drawn", f"{facts.skipped}")
    table.add_row("people", f"{len(facts.ids)}")
    table.add_row("ids", _ids(facts.ids, colors))
    table.add_row("")
    stages = {**(throughput.stages or {}), "drawing": facts.drawing, "sending": facts.sending}
    slowest = max(stages.values(), default=0) or 1
    for name, milliseconds in stages.items():
        bar = "━" * round(_BAR * milliseconds / slowest)
        table.add_row(name, Text.assemble(f"{milliseconds:5.1f} ms ", (bar, "cyan")))
    whole.add_row(table)
    if facts.recording:
        whole.add_row(Text(""))
        recording = Text.assemble(("● ", "red"), printable(facts.recording))
        recording.truncate(_PANEL - 1, overflow="ellipsis")
        whole.add_row(recording)
    return whole


def _ids(ids: list[int], colors: ColorSystem) -> Text:
    text = Text()
    for track in ids:
        color = track_color(track)
        ink, ground = (Color.from_rgb(*rgb).downgrade(colors) for rgb in (text_on(color), color))
        style = Style.from_color(ink, ground)
        if len(text) + len(f" {track} ") > 14:
            return text + Text("…")
        text.append(f" {track} ", style=style).append(" ")
    return text


def _keys() -> Text:
    return Text(" ") + Text("  ").join(
        Text.assemble((key, "bold"), " ", (what, "dim")) for key, what in _KEYS
    )


def _short(facts: Facts) -> Text:
    people = f"{len(facts.ids)} people" if len(facts.ids) != 1 else "1 person"
    state = "" if facts.state == "playing" else f"  {facts.state}"
    return Text.assemble(" ", ("q", "bold"), f" quit  {people}  {facts.throughput.fps:.1f} frames/s{state}")
