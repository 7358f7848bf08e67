"""Files of several images."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest

from skelstream.errors import SourceError
from skelstream.video import open_source
from skelstream.video.animated import images_in, is_truncated_gif


def write(make, path, count, durations=()):
    images = [np.ascontiguousarray(make.marked(i)[..., ::-1]) for i in range(count)]
    if path.suffix == ".tif":
        assert cv2.imwritemulti(str(path), images)
        return path
    animation = cv2.Animation()
    animation.frames = images
    animation.durations = np.array([*durations, *[100] * (count - len(durations))])
    assert cv2.imwriteanimation(str(path), animation, [cv2.IMWRITE_WEBP_QUALITY, 101])
    return path


@pytest.mark.parametrize("suffix", [".webp", ".png", ".tif"])
@pytest.mark.parametrize("count", [2, 64, 65, 150])
def test_every_image_is_a_frame(make, tmp_path, suffix, count):
    path = write(make, tmp_path / f"a{suffix}", count)
    assert images_in(path) == count
    with open_source(path) as source:
        frames = list(source)
    assert [f.index for f in frames] == list(range(count))
    assert [make.number_in(f.image) for f in frames] == list(range(count))
    step = 1 / 30 if suffix == ".tif" else 0.1
    assert [f.time for f in frames] == pytest.approx([i * step for i in range(count)])
    assert [("30 pages per second are assumed" in line) for line in source.warnings] == [True] * (
        suffix == ".tif"
    )


def big_tiff(images):
    """Grey images, uncompressed, with offsets of eight bytes."""
    data, link = bytearray(struct.pack("<2sHHHQ", b"II", 43, 8, 0, 0)), 8
    for picture in images:
        height, width = picture.shape
        strip = len(data)
        data += picture.tobytes()
        struct.pack_into("<Q", data, link, len(data))
        fields = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1),
                  (273, 16, strip), (277, 3, 1), (278, 4, height), (279, 4, height * width)]  # fmt: skip
        data += struct.pack("<Q", len(fields))
        for tag, kind, value in fields:
            data += struct.pack("<HHQQ", tag, kind, 1, value)
        link = len(data)
        data += bytes(8)
    return bytes(data)


def test_a_tiff_with_large_offsets(make, tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(big_tiff([make.marked(i)[..., 0] for i in range(5)]))
    assert images_in(path) == 5
    with open_source(path, fps=5) as source:
        assert [make.number_in(f.image) for f in source] == list(range(5))


@pytest.mark.parametrize("suffix", [".webp", ".png"])
def test_each_image_has_its_own_time(make, tmp_path, suffix):
    path = write(make, tmp_path / f"a{suffix}", 4, (40, 500, 20))
    with open_source(path) as source:
        assert [f.time for f in source] == pytest.approx([0, 0.04, 0.54, 0.56])
    with open_source(path, fps=10, start=0.1, every=2) as source:
        assert [(f.index, f.time) for f in source] == [(2, pytest.approx(0.2))]


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
def test_a_truncated_file_is_reported(make, tmp_path, suffix, share):
    path = write(make, tmp_path / f"a{suffix}", 20)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with open_source(path, fps=30) as source:
        frames = list(source)
    assert 20 * share - 4 < len(frames) < 20 * share + 2
    assert [make.number_in(f.image) for f in frames] == list(range(len(frames)))
    assert "images" in source.warnings[0] and str(len(frames)) in source.warnings[0]


def chunks(data):
    """Place, kind and size of each chunk of a PNG or WebP file."""
    place, png = (8, True) if data.startswith(b"\x89PNG") else (12, False)
    while place + 8 <= len(data):
        size = (
            int.from_bytes(data[place : place + 4]) if png else struct.unpack_from("<I", data, place + 4)[0]
        )
        yield place, bytes(data[place + 4 : place + 8] if png else data[place : place + 4]), size
        place += 12 + size if png else 8 + size + size % 2


@pytest.mark.parametrize("suffix", [".png", ".webp"])
@pytest.mark.parametrize("number", [0, 4, 9])
def test_images_after_a_damaged_one_are_kept_if_they_need_it_not(tmp_path, suffix, number):
    """Each image is noise, so that it fills the whole canvas."""
    rng = np.random.default_rng(0)
    animation = cv2.Animation()
    animation.frames = [rng.integers(0, 255, (40, 60, 3), np.uint8) for _ in range(10)]
    animation.durations = np.full(10, 50)
    path = tmp_path / f"a{suffix}"
    assert cv2.imwriteanimation(str(path), animation, [cv2.IMWRITE_WEBP_QUALITY, 101])
    data = bytearray(path.read_bytes())
    images = [(at, size) for at, kind, size in chunks(data) if kind in (b"IDAT", b"fdAT", b"ANMF")]
    place, size = images[number]
    if suffix == ".png":
        data[place + 8 + size // 2] ^= 4
    else:
        data[place + 32 : place + 40] = b"\xff" * 8
    path.write_bytes(data)
    with open_source(path) as source:
        frames = list(source)
    assert [f.ok for f in frames] == [i != number for i in range(10 - (number == 9))]
    assert [f.time for f in frames] == pytest.approx([0.05 * i for i in range(len(frames))])
    for frame in frames:
        if frame.ok:
            assert np.array_equal(frame.image[..., ::-1], animation.frames[frame.index])
    assert source.warnings == [f"{path}: the file declares 10 images, 9 can be decoded"]


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_images_that_need_a_damaged_one_are_lost(make, tmp_path, suffix):
    path = write(make, tmp_path / f"a{suffix}", 10)
    data = bytearray(path.read_bytes())
    place, size = [(at, size) for at, kind, size in chunks(data) if kind in (b"fdAT", b"ANMF")][5]
    data[place : place + 8 + size] = (
        b"\x01" * (8 + size) if suffix == ".png" else b"ANMX" + data[place + 4 : place + 8 + size]
    )
    path.write_bytes(data)
    with open_source(path) as source:
        frames = list(source)
    assert 5 <= len(frames) <= 6 and all(f.ok and make.number_in(f.image) == f.index for f in frames)
    assert f"{len(frames)} can be decoded" in source.warnings[0]


def test_an_animated_avif_gives_all_images(make, tmp_path):
    path = write(make, tmp_path / "a.avif", 24)
    with open_source(path) as source:
        assert [make.number_in(f.image) for f in source] == list(range(24)) and not source.warnings


def test_damaged_files(make, tmp_path):
    path = write(make, tmp_path / "a.webp", 5)
    path.write_bytes(path.read_bytes()[:80])
    with pytest.raises(SourceError, match="no image could be decoded"):
        open_source(path)
    with pytest.raises(SourceError, match="no image in the requested part"):
        open_source(write(make, tmp_path / "b.webp", 5), start=9)


def test_in_a_folder_the_first_image_of_a_file_is_used_with_a_warning(make, tmp_path):
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.webp"), make.marked(number), [cv2.IMWRITE_WEBP_QUALITY, 101])
    write(make, tmp_path / "1.webp", 5)
    with open_source(tmp_path, fps=30) as source:
        assert [make.number_in(f.image) for f in source] == [0, 0, 2]
    assert (
        len(source.warnings) == 1
        and "1.webp, and perhaps others, contain several images" in source.warnings[0]
    )


def test_a_truncated_gif_is_reported(make, tmp_path):
    whole, cut = tmp_path / "a.gif", tmp_path / "b.gif"
    write(make, whole, 5)
    data = whole.read_bytes()
    for size in (len(data) // 2, len(data) - 1):
        cut.write_bytes(data[:size])
        with open_source(cut) as source:
            assert list(source) and "b.gif: the file is truncated" in source.warnings[0]
    cut.write_bytes(data + b"after the end")
    for path in (whole, cut):
        with open_source(path) as source:
            assert len(list(source)) == 5 and not source.warnings
    cut.write_bytes(b"GIF89a")
    assert not is_truncated_gif(cut)
