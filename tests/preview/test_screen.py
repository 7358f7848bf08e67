from __future__ import annotations

import re
from dataclasses import replace

import pytest
from rich.cells import cell_len

from skelstream.preview.playback import Throughput
from skelstream.preview.screen import Facts, Panel, lay_out, too_small

THROUGHPUT = Throughput(
    1234, 56, 24.96, 1.0, {"decode": 2.0, "detection": 31.25, "grouping": 0.5, "tracking": 0.25}
)
FACTS = Facts(
    "rtsp://camera.example/a/very/long/name/indeed/of-a-stream", (480, 640), True, "playing", 61.26, THROUGHPUT,
    0.0854, 3.2, 1.1, 4, [1, 12, 3, 444, 5555, 6], "film-20240229-101112.npz",
)  # fmt: skip


def texts(data: bytes) -> dict[tuple[int, int], str]:
    """The words at each place that the cursor is sent to."""
    parts = re.split(r"\x1b\[(\d+);(\d+)H", data.decode())
    plain = [re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", part) for part in parts]
    return {(int(parts[i]), int(parts[i + 1])): plain[i + 2] for i in range(1, len(parts), 3)}


@pytest.mark.parametrize("screen", [(80, 24), (200, 60), (64, 10), (63, 24), (120, 12), (16, 5), (30, 90)])
@pytest.mark.parametrize("source", [(480, 640), (1920, 1080), (90, 1600)])
@pytest.mark.parametrize("zoom", [1.0, 0.5])
def test_the_image_has_its_proportion_and_everything_has_its_room(screen, source, zoom):
    layout = lay_out(screen, source, (8, 16), zoom)
    place, (columns, rows) = layout.image, screen
    free = columns - 28 if columns >= 64 else columns
    assert (layout.panel is not None) == (columns >= 64)
    assert place.row >= 0 and place.row + place.rows <= rows - 1
    assert place.column >= 0 and place.column + place.columns <= free
    if min(place.rows, place.columns) > 6:
        shape = place.columns * 8 / (place.rows * 16) * source[0] / source[1]
        assert 0.85 < shape < 1.18
    if zoom == 1:
        assert place.rows == rows - 1 or place.columns >= free - 2


def test_cells_of_another_shape():
    wide, usual = (lay_out((200, 30), (480, 640), cell).image for cell in ((16, 16), (8, 16)))
    assert wide.columns == pytest.approx(usual.columns / 2, abs=1)


@pytest.mark.parametrize("screen", [(15, 24), (80, 4), (1, 1)])
def test_too_small(screen):
    layout = lay_out(screen, (480, 640), (8, 16))
    assert layout.image is None and layout.panel is None
    assert all(len(text) <= screen[0] for text in texts(too_small(*screen)).values())


def test_the_panel_tells_everything_within_its_columns():
    written = texts(Panel(lay_out((80, 24), (480, 640), (8, 16)), True).encode(FACTS, ""))
    lines = [text for (row, column), text in sorted(written.items()) if column == 54]
    assert len(lines) == 23 and all(cell_len(line) <= 27 for line in lines)
    words = "\n".join(lines)
    for expected in (
        "640x480, live",
        "61.3 s",
        "25.0",
        "85 ms",
        "56 of 1290",
        "31.2 ms",
        "3.2 ms",
        "film-2024",
    ):
        assert expected in words
    assert " 1 " in words and " 12 " in words and "…" in words and "q quit" in written[24, 1]


def test_a_file_has_a_speed_and_no_latency():
    facts = replace(FACTS, live=False, state="paused")
    words = "".join(texts(Panel(lay_out((80, 24), (480, 640), (8, 16)), True).encode(facts, "")).values())
    assert "1.00 x" in words and "latency" not in words and "paused" in words


def test_only_what_changed_is_sent():
    panel = Panel(lay_out((80, 24), (480, 640), (8, 16)), False)
    assert panel.encode(FACTS, "")
    assert panel.encode(FACTS, "") == b""
    assert "saved" in texts(panel.encode(FACTS, "x.png saved"))[24, 1]
    assert b"38;2;" not in panel.encode(replace(FACTS, ids=[1]), "")


def test_a_narrow_screen_has_a_line():
    written = texts(Panel(lay_out((40, 12), (480, 640), (8, 16)), True).encode(FACTS, ""))
    assert list(written) == [(12, 1)]
    assert "6 people" in written[12, 1] and cell_len(written[12, 1]) < 40


def test_a_low_screen_keeps_what_fits():
    written = texts(Panel(lay_out((80, 8), (480, 640), (8, 16)), True).encode(FACTS, ""))
    assert max(written) == (8, 1) and len(written) == 8


def test_before_the_source_is_open():
    facts = replace(FACTS, size=None, throughput=Throughput(), ids=[], recording=None, live=False)
    assert Panel(lay_out((80, 24), (3, 4), (8, 16)), True).encode(facts, "opening …")


def test_lines_that_are_gone_are_cleared():
    panel = Panel(lay_out((80, 24), (480, 640), (8, 16)), True)
    row = next(at for at, text in texts(panel.encode(FACTS, "")).items() if "film" in text)
    assert texts(panel.encode(replace(FACTS, recording=None), ""))[row] == ""
