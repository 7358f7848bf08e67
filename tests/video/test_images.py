from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest

from skelstream.errors import SourceError
from skelstream.video import open_source


def write(path, rgb):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(
        str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR) if rgb.ndim == 3 and rgb.shape[2] == 3 else rgb
    )
    return path


@pytest.fixture
def folder(make, tmp_path):
    for number in (0, 1, 2, 9, 10, 11, 100):
        write(tmp_path / "images" / f"walk{number}.png", make.marked(number))
    (tmp_path / "images" / "notes.txt").write_text("no image")
    (tmp_path / "images" / "._walk0.png").write_bytes(b"another program's leavings")
    return tmp_path / "images"


def test_a_folder_in_natural_order(make, folder):
    with open_source(folder) as source:
        frames = list(source)
    assert [make.number_in(f.image) for f in frames] == [0, 1, 2, 9, 10, 11, 100]
    assert [f.index for f in frames] == list(range(7))
    assert [f.time for f in frames] == pytest.approx([i / 30 for i in range(7)])
    info = source.info
    assert (info.height, info.width, info.frames, info.rate) == (make.HEIGHT, make.WIDTH, 7, 30)
    assert (
        all(f.image.dtype == np.uint8 and f.image.flags.c_contiguous for f in frames)
        and source.warnings == []
    )


def test_rate_bounds_and_every(make, folder):
    with open_source(folder, rate=10, start=0.1, end=0.5) as source:
        frames = list(source)
    assert [(f.index, f.time) for f in frames] == [(i, pytest.approx(i / 10)) for i in (1, 2, 3, 4)]
    assert source.info.duration == pytest.approx(0.7)
    with open_source(folder, every=3) as source:
        assert [(f.index, make.number_in(f.image)) for f in source] == [(0, 0), (3, 9), (6, 100)]


def test_a_pattern(make, folder):
    with open_source(f"{folder}/walk1*.png") as source:
        assert [make.number_in(f.image) for f in source] == [1, 10, 11, 100]
    with open_source(f"{folder.parent}/**/walk?.png") as source:
        assert [make.number_in(f.image) for f in source] == [0, 1, 2, 9]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif", ".webp", ".ppm"])
def test_one_image(make, tmp_path, suffix):
    path = write(tmp_path / f"ein Bild é{suffix}", make.marked(77))
    with open_source(str(path)) as source:
        frames = list(source)
    assert [(f.index, f.time, make.number_in(f.image)) for f in frames] == [(0, 0.0, 77)]


def test_colours_alpha_grey_and_depth(tmp_path):
    colour = np.full((8, 9, 3), (250, 120, 3), np.uint8)
    bgra = np.dstack([colour[:, :, ::-1], np.full((8, 9), 7, np.uint8)])
    for name, stored, expected in (
        ("a.png", colour[:, :, ::-1], (250, 120, 3)),
        ("b.png", bgra, (250, 120, 3)),
        ("c.png", np.full((8, 9), 99, np.uint8), (99, 99, 99)),
        ("d.png", np.full((8, 9), 99 * 257, np.uint16), (99, 99, 99)),
    ):
        assert cv2.imwrite(str(tmp_path / name), stored)
        with open_source(tmp_path / name) as source:
            image = next(iter(source)).image
        assert image.shape == (8, 9, 3)
        np.testing.assert_allclose(image[4, 4], expected, atol=1)


def exif(orientation: int) -> bytes:
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    body = b"Exif\0\0" + tiff
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, -1), (8, 1)])
def test_exif_orientation(make, tmp_path, orientation, turns):
    upright = make.marked(150)
    path = write(tmp_path / "a.jpg", np.ascontiguousarray(np.rot90(upright, -turns)))
    data = path.read_bytes()
    path.write_bytes(data[:2] + exif(orientation) + data[2:])
    with open_source(path) as source:
        image = next(iter(source)).image
    assert image.shape == upright.shape and make.number_in(image) == 150


def test_a_broken_image_keeps_its_place(make, folder):
    (folder / "walk2.png").write_bytes((folder / "walk2.png").read_bytes()[:40])
    (folder / "walk9.png").write_bytes(b"")
    with open_source(folder) as source:
        frames = list(source)
    assert [f.ok for f in frames] == [True, True, False, False, True, True, True]
    assert make.number_in(frames[4].image) == 10
    assert len(source.warnings) == 2 and "walk2.png" in source.warnings[0]


def test_the_first_image_gives_the_size(make, folder):
    write(folder / "walk10.png", make.marked(10, 96, 128))
    (folder / "walk0.png").write_bytes(b"broken")
    with open_source(folder) as source:
        frames = list(source)
    assert [f.image.shape for f in frames if f.ok] == [(make.HEIGHT, make.WIDTH, 3)] * 6
    assert any("walk10.png" in line for line in source.warnings)
    assert not frames[0].ok


def test_closing_and_reading_twice(folder):
    source = open_source(folder)
    frames = iter(source)
    next(frames)
    source.close()
    assert list(frames) == []
    with pytest.raises(SourceError, match="already"):
        iter(source)


@pytest.mark.parametrize("kind", ["empty", "pattern", "broken", "bounds"])
def test_errors(tmp_path, folder, kind):
    if kind == "empty":
        target, options, match = tmp_path, {}, "has no images"
    elif kind == "pattern":
        target, options, match = f"{tmp_path}/*.jpg", {}, "matches no images"
    elif kind == "broken":
        (tmp_path / "a.png").write_bytes(b"broken")
        target, options, match = tmp_path / "a.png", {}, "no image could be decoded"
    else:
        target, options, match = folder, {"start": 5}, "the last one is at 0.20 s"
    with pytest.raises(SourceError, match=match) as caught:
        open_source(target, **options)
    assert "\n" not in str(caught.value) and str(tmp_path) in str(caught.value)
