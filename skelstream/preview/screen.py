"""The preview's screen: where the image and the panel stand, and what the panel says."""

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
from skelstream.preview.playback import Pace
from skelstream.preview.terminal_image import Place

_PANEL = 27  # columns
_NARROWEST = 64  # columns of a screen that has room for the panel
_SMALLEST = 16, 5
_BAR = 8
_KEYS = (
    ("q", "quit"), ("space", "pause"), ("s", "snapshot"), ("r", "record"), ("b", "skeletons only"),
    ("+ -", "size"),
)  # fmt: skip


@dataclass(frozen=True)
class Facts:
    """What the panel tells.

    Attributes:
        name: of the source.
        size: height and width of its frames; None until it is open.
        live: it goes on without us.
        state: ``playing``, ``paused`` or ``ended``.
        time: seconds of the frame shown.
        pace: of the analysis.
        latency: seconds from decoding a frame to showing it; of a live source.
        drawing, sending: milliseconds to draw a frame, and until the terminal has taken it.
        skipped: frames analysed but not drawn.
        ids: tracks in the frame shown.
        recording: name of the file that is kept, or None.
    """

    name: str
    size: tuple[int, int] | None
    live: bool
    state: str
    time: float
    pace: Pace
    latency: float
    drawing: float
    sending: float
    skipped: int
    ids: list[int]
    recording: str | None


@dataclass(frozen=True)
class Layout:
    """Where things stand; None for what there is no room for. Below all is one line for keys and messages."""

    columns: int
    rows: int
    image: Place | None
    panel: Place | None


def lay_out(
    screen: tuple[int, int], source: tuple[int, int], cell: tuple[int, int], zoom: float = 1.0
) -> Layout:
    """Room for the image in its own proportion, as large as it fits, beside the panel on a wide screen.

    Args:
        screen: columns and rows.
        source: height and width of the frames.
        cell: width and height of a cell, pixels.
        zoom: size of the image as a share of what fits.
    """
    columns, rows = screen
    if columns < _SMALLEST[0] or rows < _SMALLEST[1]:
        return Layout(columns, rows, None, None)
    panel = Place(0, columns - _PANEL, rows - 1, _PANEL) if columns >= _NARROWEST else None
    free = columns - _PANEL - 1 if panel else columns
    height, width = source
    per_row = width / height * cell[1] / cell[0]  # columns that a row takes
    high = min(rows - 1, free / per_row) * zoom
    image_rows, image_columns = max(2, round(high)), max(4, round(high * per_row))
    image_rows, image_columns = min(image_rows, rows - 1), min(image_columns, free)
    top, left = (rows - 1 - image_rows) // 2, (free - image_columns) // 2
    return Layout(columns, rows, Place(top, left, image_rows, image_columns), panel)


class Panel:
    """Writes the panel and the line below.

    Args:
        layout: where.
        truecolor: 24-bit colours; else the 256 of xterm.
    """

    def __init__(self, layout: Layout, truecolor: bool) -> None:
        self._layout = layout
        self._colors = ColorSystem.TRUECOLOR if truecolor else ColorSystem.EIGHT_BIT
        self._shown: dict[tuple[int, int], str] = {}

    def encode(self, facts: Facts, message: str) -> bytes:
        """What to send for what has changed; ``message`` takes the place of the keys if there is one."""
        place, lines = self._layout.panel, {}
        if place is not None:
            told = self._rendered(_table(facts, self._colors), place.columns)
            for i in range(place.rows):
                lines[place.row + i + 1, place.column + 1] = told[i] if i < len(told) else ""
        bottom = (
            Text(f" {printable(message)}") if message else _keys() if place is not None else _short(facts)
        )
        bottom.truncate(self._layout.columns - 1, overflow="ellipsis")
        lines[self._layout.rows, 1] = self._rendered(bottom, self._layout.columns)[0]
        changed = [at for at, line in lines.items() if self._shown.get(at) != line]
        self._shown = lines
        # The rest of each row is theirs to clear.
        parts = [f"\x1b[0m\x1b[{row};{column}H\x1b[K{lines[row, column]}" for row, column in changed]
        return "".join(parts).encode()

    def _rendered(self, what: Table | Text, columns: int) -> list[str]:
        # The colours are the terminal's already: rich keeps a style's codes whatever the next console has.
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
    """What stands on a screen without room for an image."""
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
    pace = facts.pace
    table.add_row("time", f"{facts.time:.1f} s" + ("" if facts.state == "playing" else f", {facts.state}"))
    table.add_row("frames/s", f"{pace.fps:.1f}")
    if facts.live:
        table.add_row("latency", f"{facts.latency * 1000:.0f} ms")
        table.add_row("dropped", f"{pace.dropped} of {pace.frames + pace.dropped}")
    else:
        table.add_row("speed", f"{pace.speed:.2f} x")
    table.add_row("not drawn", f"{facts.skipped}")
    table.add_row("people", f"{len(facts.ids)}")
    table.add_row("ids", _ids(facts.ids, colors))
    table.add_row("")
    stages = {**(pace.stages or {}), "drawing": facts.drawing, "sending": facts.sending}
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
    return Text.assemble(" ", ("q", "bold"), f" quit  {people}  {facts.pace.fps:.1f} frames/s{state}")
