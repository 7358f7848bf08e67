from __future__ import annotations

import base64
import re
import zlib

import numpy as np
import pytest

from skelstream.preview.terminal_graphics import kitty, kitty_clear, sixel


@pytest.fixture
def noise():
    return np.random.default_rng(5).integers(0, 256, (45, 61, 3)).astype(np.uint8)


def decoded_sixel(data: bytes) -> np.ndarray:
    """What a sixel terminal would paint; -1 where nothing is."""
    body = re.fullmatch(rb'\x1bP[\d;]*q"1;1;(\d+);(\d+)(.*)\x1b\\', data, re.S)
    width, height = int(body[1]), int(body[2])
    canvas, registers = np.full((height + 6, width, 3), -1.0), {}
    x = y = 0
    color = None
    for token in re.finditer(rb"#(\d+)(?:;2;(\d+);(\d+);(\d+))?|!(\d+)(.)|([?-~])|([$-])", body[3]):
        if token[1]:
            color = int(token[1])
            if token[2]:
                registers[color] = tuple(int(token[i]) * 2.55 for i in (2, 3, 4))
        elif token[8]:
            x, y = 0, y + 6 * (token[8] == b"-")
        else:
            count, bits = (int(token[5]), token[6]) if token[5] else (1, token[7])
            for row in range(6):
                if (bits[0] - 63) >> row & 1:
                    canvas[y + row, x : x + count] = registers[color]
            x += count
            assert x <= width
    assert (canvas[height:] == -1).all()
    return canvas[:height]


def test_kitty_gets_the_image_in_pieces_that_it_takes(noise):
    large = np.tile(noise, (4, 4, 1))
    parts = re.findall(rb"\x1b_G([^;]*);([^\x1b]*)\x1b\\", kitty(large, 40, 12))
    assert len(parts) > 3 and all(len(data) <= 4096 for _, data in parts)
    keys = dict(pair.split("=") for pair in parts[0][0].decode().split(","))
    assert keys["c"] == "40" and keys["r"] == "12" and keys["q"] == "2" and keys["C"] == "1"
    assert [part[0][-3:] for part in parts] == [b"m=1"] * (len(parts) - 1) + [b"m=0"]
    pixels = zlib.decompress(base64.b64decode(b"".join(data for _, data in parts)))
    assert (np.frombuffer(pixels, np.uint8).reshape(int(keys["v"]), int(keys["s"]), 3) == large).all()
    assert f"i={keys['i']},".encode() in kitty_clear()


def test_kitty_in_one_piece():
    data = kitty(np.zeros((2, 2, 3), np.uint8), 1, 1)
    assert data.count(b"\x1b_G") == 1 and b"m=0" in data


def test_sixels_paint_every_pixel_in_about_its_colour(noise):
    painted = decoded_sixel(sixel(noise))
    assert painted.shape == noise.shape and (painted >= 0).all()
    difference = np.abs(painted - noise)
    assert difference.max() < 62 and difference[noise < 50].max() < 24  # finer where images are dark


def test_sixels_of_dark_greys_are_fine():
    image = np.repeat(np.arange(0, 140, dtype=np.uint8)[None, :, None], 6, 0).repeat(3, 2)
    image[..., 0] += 5
    painted = decoded_sixel(sixel(image))
    assert np.abs(painted - image).max() < 10 and np.ptp(painted, -1).max() == 0


def test_sixels_of_plain_and_tiny_images():
    for height, width in ((1, 1), (6, 1), (7, 3), (12, 40)):
        image = np.zeros((height, width, 3), np.uint8)
        image[:, width // 2 :] = 255
        assert np.abs(decoded_sixel(sixel(image)) - image).max() < 1


def test_equal_neighbours_are_counted():
    image = np.zeros((60, 600, 3), np.uint8)
    assert len(sixel(image)) - len(sixel(image[:6])) < 9 * 12
