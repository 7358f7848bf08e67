"""Encoding of images for terminals with pixel graphics: kitty's graphics protocol and DEC's sixel."""

from __future__ import annotations

import base64
import zlib
from functools import cache

import cv2
import numpy as np

# https://sw.kovidgoyal.net/kitty/graphics-protocol/#remote-client
_CHUNK = 4096
_IMAGE = 31
# Use of the usual 256 colour registers: a cube of colours with more dark than bright levels, since images are
# darkened, and greys, which are the most frequent colours of most images.
_LEVELS = (0, 28, 56, 88, 140, 255)
_GREY_STEP, _GREYS = 6, 26
_COLORFUL = 20  # least difference of the largest and the smallest channel of a pixel that is not grey
_BAND = 6  # pixel rows in a row of sixels


def kitty(image: np.ndarray, columns: int, rows: int) -> bytes:
    """Encode an image at the cursor in kitty's graphics protocol; it replaces the one before, and the cursor stays.

    Args:
        image: uint8 RGB (H, W, 3).
        columns, rows: number of cells over which the terminal stretches the image.
    """
    height, width = image.shape[:2]
    data = base64.standard_b64encode(zlib.compress(image.tobytes(), 1))
    chunks = [data[at : at + _CHUNK] for at in range(0, len(data), _CHUNK)]
    place = f"a=T,f=24,o=z,s={width},v={height},i={_IMAGE},p=1,c={columns},r={rows},C=1,q=2,"
    return b"".join(
        b"\x1b_G%bm=%d;%b\x1b\\" % (place.encode() if i == 0 else b"", i + 1 < len(chunks), chunk)
        for i, chunk in enumerate(chunks)
    )


def kitty_clear() -> bytes:
    """Return the sequence that removes the image."""
    return b"\x1b_Ga=d,d=I,i=%d,q=2\x1b\\" % _IMAGE


def sixel(image: np.ndarray) -> bytes:
    """Encode an image at the cursor in sixels, in 242 fixed colours.

    A row of sixels is six pixels high: for each colour in it, sixels from left to right tell which of the six
    pixels have the colour (DEC STD 070, chapter 9). Equal neighbours are written as a count.

    Args:
        image: uint8 RGB (H, W, 3).
    """
    height, width = image.shape[:2]
    color = _registers(image)
    row = np.arange(height, dtype=np.int32)[:, None]
    # One number per pixel, to be sorted: band, colour, column, row within the band.
    key = ((row // _BAND) * 256 + color) * width + np.arange(width, dtype=np.int32)
    key = np.sort((key * 8 + row % _BAND).ravel())
    sixels, pixels = key >> 3, (1 << (key & 7)).astype(np.uint8)
    first = _starts(sixels[1:] != sixels[:-1])
    value, sixels = np.bitwise_or.reduceat(pixels, first), sixels[first]
    group, column = sixels // width, sixels % width
    run = _starts((sixels[1:] != sixels[:-1] + 1) | (value[1:] != value[:-1]) | (group[1:] != group[:-1]))
    length = np.diff(np.append(run, len(sixels)))
    header = b'\x1bP0;1;0q"1;1;%d;%d' % (width, height)
    return header + _palette() + _runs(group[run], column[run], length, value[run]) + b"\x1b\\"


def _runs(group: np.ndarray, column: np.ndarray, length: np.ndarray, value: np.ndarray) -> bytes:
    """Encode N runs of equal sixels in order; a group is a colour of a band."""
    new = np.ones(len(group), bool)
    new[1:] = group[1:] != group[:-1]
    band = group // 256
    down = np.diff(band, prepend=0) > 0
    end = column + length
    gap = column.copy()
    gap[1:][~new[1:]] -= end[:-1][~new[1:]]
    parts = np.zeros((len(group), 17), np.uint8)
    parts[:, 0] = np.where(down, ord("-"), np.where(new, ord("$"), 0))
    parts[new, 1] = ord("#")
    parts[new, 2:5] = _decimals()[group[new] % 256, 1:]
    skipped, repeated = gap > 0, length > 1
    parts[skipped, 5] = ord("!")
    parts[skipped, 6:10] = _decimals()[gap[skipped]]
    parts[skipped, 10] = ord("?")
    parts[repeated, 11] = ord("!")
    parts[repeated, 12:16] = _decimals()[length[repeated]]
    parts[:, 16] = value + ord("?")
    return parts[parts > 0].tobytes()


def _starts(breaks: np.ndarray) -> np.ndarray:
    """Return the indices where runs begin, from the breaks between neighbours."""
    return np.concatenate([[0], np.flatnonzero(breaks) + 1])


@cache
def _decimals() -> np.ndarray:
    """Return numbers to 9999 in ASCII with leading zero bytes, uint8 (10000, 4)."""
    numbers = np.array([list(b"%4d" % number) for number in range(10_000)], np.uint8)
    numbers[numbers == ord(" ")] = 0
    return numbers


def _registers(image: np.ndarray) -> np.ndarray:
    """Return the colour register of each pixel, int32 (H, W)."""
    red, green, blue = cv2.split(image)
    level = np.abs(np.arange(256)[:, None] - _LEVELS).argmin(1).astype(np.int32)
    color = level[red] * 36 + level[green] * 6 + level[blue]
    brightest, darkest = cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue)
    grey = (green.astype(np.int32) + _GREY_STEP // 2) // _GREY_STEP
    plain = (brightest - darkest < _COLORFUL) & (grey < _GREYS)
    return np.where(plain, len(_LEVELS) ** 3 + grey, color)


@cache
def _palette() -> bytes:
    """Return the definitions of the colour registers."""
    colors = [(r, g, b) for r in _LEVELS for g in _LEVELS for b in _LEVELS]
    colors += [(grey * _GREY_STEP,) * 3 for grey in range(_GREYS)]
    percent = [[round(channel / 2.55) for channel in color] for color in colors]
    return "".join(f"#{i};2;{r};{g};{b}" for i, (r, g, b) in enumerate(percent)).encode()
