from __future__ import annotations

import zlib

import cv2
import numpy as np
import pytest

from skelstream.datasets.image import missing_images, read_set_image
from skelstream.errors import SourceError

HEIGHT, WIDTH = 40, 60


@pytest.fixture
def image() -> np.ndarray:
    """uint8 RGB, brighter to the lower right, so that no turn looks like another."""
    ramp = np.add.outer(3 * np.arange(HEIGHT), np.arange(WIDTH))
    return np.repeat(ramp[..., None], 3, 2).astype(np.uint8)


def jpeg(image: np.ndarray, *settings: int) -> bytes:
    return cv2.imencode(".jpg", image, list(settings))[1].tobytes()


def exif(orientation: int) -> bytes:
    entry = b"\x01\x12\x00\x03\x00\x00\x00\x01" + orientation.to_bytes(2, "big") + b"\x00\x00"
    return b"Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01" + entry + b"\x00\x00\x00\x00"


def with_segment(file: bytes, content: bytes) -> bytes:
    """The file with an APP1 segment, where cameras put Exif with its preview image."""
    return file[:2] + b"\xff\xe1" + (len(content) + 2).to_bytes(2, "big") + content + file[2:]


def turned(file: bytes, orientation: int) -> bytes:
    return with_segment(file, exif(orientation))


# Orientation and annotated (height, width): whether it is applied, whether something had to be assumed.
TURNS = [
    (1, (HEIGHT, WIDTH), False, False),
    (6, (HEIGHT, WIDTH), False, False),
    (6, (WIDTH, HEIGHT), True, False),
    (8, (WIDTH, None), True, False),
    (6, (None, WIDTH), False, False),
    (6, (None, None), False, True),
    (3, (HEIGHT, WIDTH), False, True),
    (2, (HEIGHT, WIDTH), False, True),
    (4, (None, None), False, True),
    (1, (None, None), False, False),
]


@pytest.mark.parametrize(("orientation", "size", "applied", "assumed"), TURNS)
def test_the_annotated_size_says_whether_an_orientation_counts(
    tmp_path, image, orientation, size, applied, assumed
):
    path = tmp_path / "phone.jpg"
    path.write_bytes(turned(jpeg(image), orientation))
    seen = read_set_image(path, *size)
    assert (seen.pixels.shape[:2] == (WIDTH, HEIGHT)) == applied
    assert (seen.assumed is not None) == assumed
    if assumed:
        assert seen.assumed.startswith(f"{path}: its Exif orientation is ignored")
    if not applied:
        assert np.abs(seen.pixels.astype(int) - image).max() < 12


def test_other_byte_orders_and_other_kinds_of_files(tmp_path, image):
    from itertools import product

    for order, value in product(("little", "big"), (1, 3)):
        words = [(8).to_bytes(4, order), (2).to_bytes(2, order)]
        for tag, content in ((0x010F, 0), (0x0112, value)):
            words += [n.to_bytes(size, order) for n, size in ((tag, 2), (3, 2), (1, 4), (content, 2), (0, 2))]
        start = {"little": b"II*\x00", "big": b"MM\x00*"}[order]
        facts = b"Exif\x00\x00" + start + b"".join(words) + bytes(4)
        (tmp_path / "a.jpg").write_bytes(with_segment(jpeg(image), facts))
        assert (read_set_image(tmp_path / "a.jpg").assumed is not None) == (value == 3)
        chunk = b"eXIf" + facts[6:]
        png = cv2.imencode(".png", image)[1].tobytes()
        png = (
            png[:33]
            + (len(chunk) - 4).to_bytes(4, "big")
            + chunk
            + zlib.crc32(chunk).to_bytes(4, "big")
            + png[33:]
        )
        (tmp_path / "a.png").write_bytes(png)
        assert (read_set_image(tmp_path / "a.png").assumed is not None) == (value == 3)


def test_a_square_that_is_turned_is_reported(tmp_path, image):
    square = image[:, :HEIGHT]
    (tmp_path / "a.jpg").write_bytes(turned(jpeg(square), 6))
    assert read_set_image(tmp_path / "a.jpg", HEIGHT, HEIGHT).assumed


def test_another_size_than_annotated(tmp_path, image):
    (tmp_path / "a.jpg").write_bytes(turned(jpeg(image), 6))
    with pytest.raises(SourceError, match="a.jpg: 60x40 pixels, but annotated as 61x40"):
        read_set_image(tmp_path / "a.jpg", 40, 61)
    with pytest.raises(SourceError, match="annotated as anyx41"):
        read_set_image(tmp_path / "a.jpg", 41)


@pytest.mark.parametrize("progressive", [0, 1])
def test_complete_files_with_trailing_data_are_read(tmp_path, image, progressive):
    file = jpeg(image, cv2.IMWRITE_JPEG_PROGRESSIVE, progressive, cv2.IMWRITE_JPEG_RST_INTERVAL, 2)
    trailers = [
        b"",
        b"\0" * 5000,
        b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 4000,
        file[: len(file) // 2],
    ]
    for trailer in trailers:
        (tmp_path / "a.jpg").write_bytes(file + trailer)
        assert read_set_image(tmp_path / "a.jpg").pixels.shape == image.shape


@pytest.mark.parametrize("progressive", [0, 1])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
def test_truncated_files_are_refused(tmp_path, image, progressive, part):
    file = jpeg(image, cv2.IMWRITE_JPEG_PROGRESSIVE, progressive)
    # The preview image inside has an end of its own, which is not the file's.
    file = with_segment(file, exif(1) + jpeg(image[::4, ::4]))
    for cut in (file[: int(len(file) * part)], file[: int(len(file) * part)] + b"\0" * 9000, file[:-2]):
        (tmp_path / "a.jpg").write_bytes(cut)
        with pytest.raises(
            SourceError, match="a.jpg: (the JPEG file is truncated|cannot be read as an image)"
        ):
            read_set_image(tmp_path / "a.jpg")


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".webp", ".tiff"])
def test_truncated_files_of_other_kinds(tmp_path, image, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(cv2.imencode(suffix, image)[1].tobytes())
    assert read_set_image(path, HEIGHT, WIDTH).pixels.shape == image.shape
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(SourceError, match="a.* (truncated|cannot be read)"):
        read_set_image(path)


@pytest.mark.parametrize("content", [b"", b"\xff\xd8", b"\xff\xd8\xff", b"text", b"\xff\xd8\xff\xe0\xff\xff"])
def test_other_content_is_refused(tmp_path, content):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(SourceError, match="a.jpg: "):
        read_set_image(tmp_path / "a.jpg")
    with pytest.raises(SourceError, match="none.jpg: cannot be read"):
        read_set_image(tmp_path / "none.jpg")


def test_missing_files(tmp_path):
    (tmp_path / "a.jpg").touch()
    assert missing_images(tmp_path, ["a.jpg", "b.jpg", "x" * 5000]) == ["b.jpg", "x" * 5000]
