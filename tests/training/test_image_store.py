from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from skelstream.errors import SourceError
from skelstream.training.annotations import Fault, read_set
from skelstream.training.image_store import ImageStore, check_images, read_pixels


@pytest.fixture
def images(write_set, person):
    return read_set(write_set([[person((10 * i, 10))] for i in range(4)])).images


def test_pixels_are_rgb_as_stored(images) -> None:
    pixels = read_pixels(images[0])
    np.testing.assert_array_equal(pixels, cv2.imread(str(images[0].path))[..., ::-1])


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut, "1.jpg: the JPEG file is truncated"),
        (lambda data: b"", "1.jpg: cannot be read as an image"),
        (lambda data: b"text", "1.jpg: cannot be read as an image"),
        (
            lambda data: cv2.imencode(".jpg", np.zeros((64, 32, 3), np.uint8))[1].tobytes(),
            "1.jpg: 32x64 pixels, but",
        ),
    ],
)
def test_each_kind_of_damage_is_reported(images, damage, message: str) -> None:
    path = images[0].path
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(SourceError, match=message):
        read_pixels(images[0])
    found = list(check_images(images, 2))
    assert found[0].fault == Fault.UNREADABLE and message in found[0].where
    assert found[1:] == [None] * 3


def test_a_missing_file_is_reported(images) -> None:
    images[2].path.unlink()
    with pytest.raises(SourceError, match="3.jpg: cannot be read"):
        read_pixels(images[2])


def test_bytes_after_the_end_are_ignored(images) -> None:
    path = images[0].path
    path.write_bytes(path.read_bytes() + b"made by a camera" * 50_000)
    assert read_pixels(images[0]).shape == (128, 128, 3)


def test_images_in_memory_are_those_of_the_files(people_set) -> None:
    images = read_set(people_set).images
    store = ImageStore(images)
    assert ImageStore.fits(images)
    assert not ImageStore.fits([replace(image, size=(10**6, 10**6)) for image in images])
    assert not ImageStore.fits([replace(image, size=None) for image in images])
    lost = images[2].path.read_bytes()
    images[2].path.write_bytes(b"no image")
    store.fill()
    images[0].path.unlink()
    assert store(images[0]).shape == (128, 128, 3)
    with pytest.raises(SourceError):
        store(images[2])
    images[2].path.write_bytes(lost)
    np.testing.assert_array_equal(store(images[2]), read_pixels(images[2]))
