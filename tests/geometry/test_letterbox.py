"""An image in the network's input, and the way back."""

from __future__ import annotations

import numpy as np
import pytest

from skelstream.geometry.letterbox import Letterbox, letterboxed, rotation


@pytest.mark.parametrize(
    "size", [(48, 64), (64, 48), (47, 101), (1, 300), (300, 1), (416, 416), (1080, 1920)]
)
@pytest.mark.parametrize("size_divisor", [8, 32])
def test_input_has_the_long_side_and_fits_the_network(size: tuple[int, int], size_divisor: int) -> None:
    image = np.zeros((*size, 3), np.uint8)
    boxed, letterbox = letterboxed(image, 416, size_divisor)
    h, w = boxed.shape[:2]
    assert boxed.dtype == np.uint8 and boxed.flags.c_contiguous
    assert max(h, w) == 416 and h % size_divisor == 0 and w % size_divisor == 0
    scaled_h, scaled_w = round(size[0] * letterbox.scale[1]), round(size[1] * letterbox.scale[0])
    assert 0 <= h - scaled_h < size_divisor and 0 <= w - scaled_w < size_divisor
    assert (boxed[scaled_h:] == 128).all() and (boxed[:, scaled_w:] == 128).all()


@pytest.mark.parametrize("long_side", [96, 192, 384, 500])
def test_a_point_of_the_input_maps_back_to_the_image(long_side: int) -> None:
    image = np.zeros((120, 192, 3), np.uint8)
    image[40:61, 100:113] = 255  # centre (106, 50)
    boxed, letterbox = letterboxed(image, long_side, 32)
    weight = boxed[..., 0] * (np.indices(boxed.shape[:2])[1] < round(192 * letterbox.scale[0]))
    weight = weight * (np.indices(boxed.shape[:2])[0] < round(120 * letterbox.scale[1]))
    y, x = (float((weight * axis).sum() / weight.sum()) for axis in np.indices(boxed.shape[:2]))
    assert letterbox.to_image(np.array([x, y])) == pytest.approx((106, 50), abs=0.1)


def test_an_image_that_fits_is_left_as_it_is() -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    boxed, letterbox = letterboxed(image, 96, 32)
    assert np.array_equal(boxed, image)
    assert letterbox == Letterbox((1, 1), (0, 0))


def test_a_tile_maps_back_with_its_offset() -> None:
    tile = Letterbox((2.0, 0.5), (-30.0, 7.0))
    points = np.array([[0.0, 0.0], [15.0, 40.0], [np.nan, np.nan]])
    assert tile.to_input(points)[1].tolist() == [0.0, 27.0]
    np.testing.assert_allclose(tile.to_image(tile.to_input(points)), points)
    np.testing.assert_allclose(
        points[:2] @ tile.matrix[:, :2].T + tile.matrix[:, 2], tile.to_input(points[:2])
    )


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_turned_image_maps_back(turn: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 100, 3), np.uint8)
    view, letterbox = letterboxed(image, 100, 1, turn)
    assert view.shape[:2] == ((60, 100) if turn % 180 == 0 else (100, 60))
    points = np.array([[3, 5], [90, 50], [0, 0], [99, 59]])
    places = letterbox.to_input(points)
    for (x, y), (column, row) in zip(points, places.round().astype(int), strict=True):
        assert (view[row, column] == image[y, x]).all()
    np.testing.assert_allclose(letterbox.to_image(places), points)
    np.testing.assert_allclose(points @ letterbox.matrix[:, :2].T + letterbox.matrix[:, 2], places)
    # What is turned clockwise stands upright: its upward direction is up in the view.
    up = np.array([0, -1]) @ rotation(turn).T
    np.testing.assert_allclose(letterbox.to_input(up) - letterbox.to_input(np.zeros(2)), (0, -1), atol=1e-12)
