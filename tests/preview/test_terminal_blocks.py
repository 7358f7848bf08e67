from __future__ import annotations

import re

import numpy as np
import pytest

from skelstream.preview.terminal_blocks import HalfBlocks, Label

_TOKEN = re.compile(r"\x1b\[(\d+);(\d+)H|\x1b\[(38|48);(2;\d+;\d+;\d+|5;\d+)m|(.)", re.S)


class Screen:
    """A terminal that knows what blocks are made of; cells are (ink, ground, character)."""

    def __init__(self):
        self.cells, self.written = {}, 0

    def feed(self, data: bytes):
        text, at = data.decode(), 0
        row = column = ink = ground = None
        while at < len(text):
            token = _TOKEN.match(text, at)
            at = token.end()
            if token[1]:
                row, column = int(token[1]) - 1, int(token[2]) - 1
            elif token[3] == "38":
                ink = color(token[4])
            elif token[3] == "48":
                ground = color(token[4])
            else:
                self.cells[row, column] = ink, ground, token[5]
                self.written, column = self.written + 1, column + 1

    def image(self, row, column, rows, columns):
        picture = np.zeros((2 * rows, columns, 3), np.uint8)
        for y in range(rows):
            for x in range(columns):
                picture[2 * y, x], picture[2 * y + 1, x], character = self.cells[row + y, column + x]
                assert character == "▀"
        return picture


def color(parameters: str):
    kind, *values = map(int, parameters.split(";"))
    if kind == 2:
        return tuple(values)
    index = values[0]
    if index >= 232:
        return (8 + 10 * (index - 232),) * 3
    steps = [(index - 16) // 36, (index - 16) // 6 % 6, (index - 16) % 6]
    return tuple(0 if step == 0 else 55 + 40 * step for step in steps)


@pytest.fixture
def noise():
    return np.random.default_rng(3).integers(0, 256, (24, 31, 3)).astype(np.uint8)


def test_the_screen_shows_the_image(noise):
    screen = Screen()
    screen.feed(HalfBlocks(2, 5).encode(noise))
    assert (screen.image(2, 5, 12, 31) == noise).all()
    assert min(screen.cells) == (2, 5) and max(screen.cells) == (13, 35)


def test_only_changed_cells_are_sent_again(noise):
    blocks, screen = HalfBlocks(0, 0), Screen()
    screen.feed(blocks.encode(noise))
    assert blocks.encode(noise) == b""
    changed = noise.copy()
    changed[4:6, 7:9] ^= 128
    changed[23, 30] ^= 128
    screen.written = 0
    screen.feed(blocks.encode(changed))
    assert screen.written == 3 and (screen.image(0, 0, 12, 31) == changed).all()


def test_a_change_that_nobody_sees_is_not_sent_but_does_not_add_up(noise):
    grey = np.full((4, 4, 3), 100, np.uint8)
    blocks, screen = HalfBlocks(0, 0), Screen()
    screen.feed(blocks.encode(grey))
    assert blocks.encode(grey + 3) == b""
    screen.feed(blocks.encode(grey + 6))
    assert (screen.image(0, 0, 2, 4) == 106).all()


def test_equal_neighbours_share_their_colours():
    flat = np.full((20, 50, 3), 77, np.uint8)
    assert HalfBlocks(0, 0).encode(flat).count(b"\x1b[38") == 1
    assert len(HalfBlocks(0, 0).encode(flat)) < 500 * 3 + 10 * 10 + 50


def test_256_colours_are_the_nearest():
    image = np.array([[[255, 0, 0], [0, 95, 175]], [[118, 118, 118], [250, 250, 250]]], np.uint8)
    screen = Screen()
    screen.feed(HalfBlocks(0, 0, truecolor=False).encode(image))
    assert screen.cells[0, 0] == ((255, 0, 0), (118,) * 3, "▀")
    assert screen.cells[0, 1] == ((0, 95, 175), (255,) * 3, "▀")


def test_labels_stand_over_the_image_and_end_at_its_edges(noise):
    screen, blocks = Screen(), HalfBlocks(0, 0)
    labels = [
        Label(1, 29, "12345", (0, 0, 0), (9, 8, 7)),
        Label(0, -2, "abc", (1, 1, 1), (2, 2, 2)),
        Label(-1, 0, "out", (0, 0, 0), (0, 0, 0)),
        Label(12, 0, "out", (0, 0, 0), (0, 0, 0)),
        Label(3, 40, "out", (0, 0, 0), (0, 0, 0)),
    ]
    screen.feed(blocks.encode(noise, labels))
    letters = {place: cell[2] for place, cell in screen.cells.items() if cell[2] != "▀"}
    assert letters == {(1, 29): "1", (1, 30): "2", (0, 0): "c"}
    assert screen.cells[1, 29] == ((0, 0, 0), (9, 8, 7), "1")
    screen.feed(blocks.encode(noise))
    assert (screen.image(0, 0, 12, 31) == noise).all()


def test_another_size_is_drawn_whole(noise):
    blocks, screen = HalfBlocks(0, 0), Screen()
    blocks.encode(noise)
    screen.feed(blocks.encode(noise[:10, :9]))
    assert (screen.image(0, 0, 5, 9) == noise[:10, :9]).all()


def test_large_screens_have_three_digits():
    screen = Screen()
    screen.feed(HalfBlocks(120, 333).encode(np.zeros((2, 2, 3), np.uint8)))
    assert set(screen.cells) == {(120, 333), (120, 334)}
