"""Images in a terminal's character cells: two pixels per cell, as an upper half block on a coloured background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from skelstream.drawing.colors import RGB

_CUBE = (0, 95, 135, 175, 215, 255)  # xterm's channel levels of colours 16 to 231
_INVISIBLE = 4  # greatest change of a colour channel that is not sent
_HALF_BLOCK = "▀".encode()


@dataclass(frozen=True)
class Label:
    """Text over an image of cells.

    Attributes:
        row, column: position of the first character in cells from the image's upper left.
        text: printable ASCII text.
        ink, ground: colours of the characters and of their background.
    """

    row: int
    column: int
    text: str
    ink: RGB
    ground: RGB


class HalfBlocks:
    """Encoder of successive images at one position on the screen, which sends only changed cells.

    Args:
        row, column: upper left cell of the image, from 0.
        truecolor: whether to use 24-bit colours; if not, xterm's 256 colours.
    """

    def __init__(self, row: int, column: int, truecolor: bool = True) -> None:
        self._row, self._column, self._truecolor = row, column, truecolor
        self._shown: np.ndarray | None = None

    def encode(self, image: np.ndarray, labels: Sequence[Label] = ()) -> bytes:
        """Return the bytes that show an image.

        Args:
            image: uint8 RGB (2 * rows, columns, 3).
            labels: labels over the image, cut off at its edges.

        Returns:
            text and control sequences; the last colours stay set.
        """
        cells = _cells(image, labels)
        if self._shown is None or self._shown.shape != cells.shape:
            changed = np.ones(cells.shape[:2], bool)
            self._shown = cells
        else:
            difference = cv2.absdiff(cells, self._shown)
            changed = (difference[..., :6] > _INVISIBLE).any(-1) | (difference[..., 6] > 0)
            self._shown[changed] = cells[changed]
        row, column = np.nonzero(changed)
        if not len(row):
            return b""
        return self._sequences(row, column, cells[changed])

    def _sequences(self, row: np.ndarray, column: np.ndarray, cells: np.ndarray) -> bytes:
        """Return the bytes of K cells: position, colours and character, each only if needed."""
        count = len(cells)
        color = _direct if self._truecolor else _indexed
        jump = np.ones(count, bool)
        jump[1:] = (row[1:] != row[:-1]) | (column[1:] != column[:-1] + 1)
        place = _text(b"\x1b[", count), _digits(row + self._row + 1), _text(b";", count)
        place = np.hstack([*place, _digits(column + self._column + 1), _text(b"H", count)])
        upper, lower = color(38, cells[:, :3]), color(48, cells[:, 3:6])
        for part in (upper, lower):
            same = np.zeros(count, bool)
            same[1:] = (part[1:] == part[:-1]).all(1)
            part[same] = 0
        place[~jump] = 0
        glyph = np.zeros((count, len(_HALF_BLOCK)), np.uint8)
        block = cells[:, 6] == 0
        glyph[block] = np.frombuffer(_HALF_BLOCK, np.uint8)
        glyph[~block, 0] = cells[~block, 6]
        parts = np.hstack([place, upper, lower, glyph])
        return parts[parts > 0].tobytes()


def _cells(image: np.ndarray, labels: Sequence[Label]) -> np.ndarray:
    """Return cells, uint8 (rows, columns, 7): colours of both halves, and a character, 0 for a half block."""
    rows, columns = image.shape[0] // 2, image.shape[1]
    cells = np.zeros((rows, columns, 7), np.uint8)
    cells[..., :3], cells[..., 3:6] = image[0 : 2 * rows : 2], image[1 : 2 * rows : 2]
    for label in labels:
        if not 0 <= label.row < rows:
            continue
        first, last = max(0, label.column), min(columns, label.column + len(label.text))
        written = label.text[first - label.column : max(first, last) - label.column].encode("ascii")
        place = cells[label.row, first : first + len(written)]
        place[:, :3], place[:, 3:6] = label.ink, label.ground
        place[:, 6] = np.frombuffer(written, np.uint8)
    return cells


def _direct(kind: int, colors: np.ndarray) -> np.ndarray:
    """Return the sequences that set the colours (K, 3) of the ink (38) or the ground (48), uint8 (K, 19)."""
    count = len(colors)
    parts = [_text(b"\x1b[%d;2" % kind, count)]
    for channel in range(3):
        parts += [_text(b";", count), _digits(colors[:, channel])]
    return np.hstack([*parts, _text(b"m", count)])


def _indexed(kind: int, colors: np.ndarray) -> np.ndarray:
    """Return the sequences that set the colours in xterm's 256 colours, uint8 (K, 11)."""
    count = len(colors)
    index = _nearest()[tuple((colors >> 3).T)]
    return np.hstack([_text(b"\x1b[%d;5;" % kind, count), _digits(index), _text(b"m", count)])


def _text(text: bytes, count: int) -> np.ndarray:
    return np.broadcast_to(np.frombuffer(text, np.uint8), (count, len(text)))


def _digits(numbers: np.ndarray) -> np.ndarray:
    """Return numbers up to 999 in ASCII with leading zero bytes, uint8 (K, 3)."""
    return _decimals()[numbers]


@cache
def _decimals() -> np.ndarray:
    numbers = np.array([list(b"%3d" % number) for number in range(1000)], np.uint8)
    numbers[numbers == ord(" ")] = 0
    return numbers


@cache
def _nearest() -> np.ndarray:
    """Return a table, uint8 (32, 32, 32), of the nearest of xterm's 256 colours by 5-bit channels.

    The first 16 colours are left out, since users configure them.
    """
    cube = [(r, g, b) for r in _CUBE for g in _CUBE for b in _CUBE]
    palette = np.array(cube + [(grey,) * 3 for grey in range(8, 239, 10)], np.int32)
    steps = np.arange(32) * 8 + 4
    wanted = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), -1).reshape(-1, 3)
    # |a - b|^2 without the constant |a|^2; a table of all differences would take 90 MB.
    distance = (palette**2).sum(1) - 2 * (wanted @ palette.T)
    return (distance.argmin(1) + 16).astype(np.uint8).reshape(32, 32, 32)
