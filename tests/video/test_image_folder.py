from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from skelstream.errors import SourceError
from skelstream.video import open_source
from skelstream.video.image_folder import numbers_in, times_in


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
    assert [f.index for f in frames] == [0, 1, 2, 9, 10, 11, 100]
    assert [f.time for f in frames] == pytest.approx([f.index / 30 for f in frames])
    info = source.info
    assert (info.height, info.width, info.frames, info.fps) == (make.HEIGHT, make.WIDTH, 7, 30)
    assert info.images[9] == "walk9.png" and not info.photos
    assert all(f.image.dtype == np.uint8 and f.image.flags.c_contiguous for f in frames)
    assumed, gaps = source.warnings
    assert "30 per second are assumed" in assumed
    assert "94 of 101 images are missing, first number 3" in gaps


@pytest.mark.parametrize(
    "names",
    [
        ["1623456789.033", "1623456789.1", "1623456789.15", "1623456790.250000"],
        ["1623456789033", "1623456789100", "1623456789150", "1623456790250"],
        ["1623456789033000000", "1623456789100000000", "1623456789150000000", "1623456790250000000"],
    ],
)
def test_names_that_are_times(make, tmp_path, names):
    for number, name in enumerate(names):
        write(tmp_path / f"{name}.png", make.marked(number))
    times = [0, 0.067, 0.117, 1.217]
    with open_source(tmp_path) as source:
        frames = list(source)
    assert [make.number_in(f.image) for f in frames] == [f.index for f in frames] == [0, 1, 2, 3]
    assert [f.time for f in frames] == pytest.approx(times, abs=1e-9)
    assert source.info.fps == pytest.approx(3 / 1.217)
    assert (
        len(source.warnings) == 1 and "the times of its images are those in their names" in source.warnings[0]
    )
    with open_source(tmp_path, start=0.1, end=1) as source:
        assert [f.time for f in source] == pytest.approx([0.117])
    with open_source(tmp_path, fps=10) as source:
        assert [f.time for f in source] == pytest.approx([0, 0.1, 0.2, 0.3])


def test_numbers_that_are_no_times():
    for names in (["0000000001", "0000000002"], ["9000000000.5", "9000000001.5"], ["1623456789.1", "1623456789.10"],
                  ["1623456789.1", "b"], ["1623456789.1"]):  # fmt: skip
        assert times_in([Path(f"{name}.png") for name in names]) is None


def test_rate_bounds_and_every(make, folder):
    with open_source(folder, fps=10, start=0.1, end=1.05) as source:
        frames = list(source)
    assert [(f.index, f.time) for f in frames] == [(i, pytest.approx(i / 10)) for i in (1, 2, 9, 10)]
    assert source.info.duration == pytest.approx(10.1)
    with open_source(folder, every=3) as source:
        assert [(f.index, make.number_in(f.image)) for f in source] == [(0, 0), (9, 9)]


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        (["a/img_00001.jpg", "a/img_00002.jpg", "a/img_00012.png"], [1, 2, 12]),
        (["v2_7_cam.png", "v2_8_cam.png", "v2_10_cam.png"], [7, 8, 10]),
        (["one.png", "two.png"], None),
        (["a/1.png", "b/1.png"], None),
        (["img1.png", "img01.png"], None),
        (["x1.png", "y2.png"], None),
        (["1700000000123.png", "1700000000156.png"], None),
    ],
)
def test_numbers_in_names(names, numbers):
    assert numbers_in([Path(name) for name in names]) == numbers


def test_images_that_look_like_no_other_are_photos(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(8):
        image = cv2.resize(rng.integers(0, 255, (6, 8, 3), np.uint8), (64, 48))
        write(tmp_path / f"IMG_{number:04}.png", image)
    with open_source(tmp_path) as source:
        assert source.info.photos and "treated as photos" in source.warnings[0]
        assert [f.index for f in source] == list(range(8))
    with open_source(tmp_path, fps=2) as source:
        assert not source.info.photos and [f.time for f in source] == [i / 2 for i in range(8)]


def test_photos_of_different_sizes(make, tmp_path):
    for number in range(4):
        write(tmp_path / f"{number}.png", make.marked(5, height=48 + 16 * number))
    with open_source(tmp_path) as source:
        assert source.info.photos


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
    broken = [line for line in source.warnings if "cannot be decoded" in line]
    assert len(broken) == 2 and "walk2.png" in broken[0]


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
        target, options, match = folder, {"start": 5}, "its last is at 3.33 s"
    with pytest.raises(SourceError, match=match) as caught:
        open_source(target, **options)
    assert "\n" not in str(caught.value) and str(tmp_path) in str(caught.value)


def test_a_folder_of_videos_names_the_command_that_reads_it(tmp_path):
    (tmp_path / "my clips" / "run").mkdir(parents=True)
    (tmp_path / "my clips" / "run" / "a.MP4").touch()
    with pytest.raises(SourceError, match="is a folder of videos") as caught:
        open_source(tmp_path / "my clips")
    assert f"skelstream batch run '{tmp_path}/my clips' -o skeletons/" in str(caught.value)


@pytest.mark.parametrize("quality", [[], [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]], ids=["baseline", "progressive"])
def test_images_that_are_cut_short_and_those_with_a_trailer(make, tmp_path, quality):
    """With a thumbnail, whose end is no end of the image."""
    whole = cv2.imencode(".jpg", make.marked(7), quality)[1].tobytes()
    thumbnail = cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    body = b"Exif\0\0" + thumbnail
    data = whole[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + whole[2:]
    (tmp_path / "1.jpg").write_bytes(data)
    (tmp_path / "2.jpg").write_bytes(data[: len(data) - len(whole) // 3])
    (tmp_path / "3.jpg").write_bytes(data + b"\0\0\0\x18ftypmp42" + b"\xff\xda" * 50)
    (tmp_path / "4.jpg").write_bytes(data[: len(thumbnail) + 20])
    with open_source(tmp_path, fps=10) as source:
        assert [(f.ok and make.number_in(f.image)) for f in source] == [7, False, 7, False]
    assert sum("cannot be decoded as an image" in line for line in source.warnings) == 2
