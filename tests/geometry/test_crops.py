from __future__ import annotations

import numpy as np
import pytest

from skelstream.geometry.crops import MARGIN, crop_letterbox, cut, joints_boxes, oriented_boxes
from skelstream.geometry.letterbox import rotation

SIZE = (256, 192)


def test_a_box_of_the_crops_aspect_fills_it_but_for_the_margin() -> None:
    letterbox = crop_letterbox(np.array([30, 40, 30 + 75, 40 + 100]), SIZE)
    np.testing.assert_allclose(letterbox.to_input(np.array([67.5, 90])), (96, 128))
    left, top = letterbox.to_input(np.array([30, 40]))
    assert left == pytest.approx(96 * (1 - 1 / MARGIN)) and top == pytest.approx(128 * (1 - 1 / MARGIN))


@pytest.mark.parametrize("box", [[0, 0, 300, 50], [0, 0, 20, 400]])
def test_a_box_of_another_aspect_is_widened(box: list[float]) -> None:
    letterbox = crop_letterbox(np.array(box), SIZE)
    assert letterbox.scale[0] == letterbox.scale[1]
    corners = letterbox.to_input(np.reshape(box, (2, 2)))
    extent = corners[1] - corners[0]
    assert max(extent / (SIZE[1], SIZE[0])) == pytest.approx(1 / MARGIN)


def test_a_box_without_size_still_has_a_crop() -> None:
    assert np.isfinite(crop_letterbox(np.array([5, 5, 5, 5]), SIZE).matrix).all()


@pytest.mark.parametrize("scale", [0.2, 0.3, 0.6, 1.0, 4.0])
def test_pixels_follow_the_letterbox(scale: float) -> None:
    """A bright disc about a point of the image is about that point of the crop, whatever part of it is
    blurred."""
    y, x = np.mgrid[:900, :700]
    image = np.repeat(
        (255 * np.exp(-((x - 400) ** 2 + (y - 300) ** 2) / (2 * (12 / scale) ** 2)))[..., None], 3, 2
    )
    half = np.array([SIZE[1], SIZE[0]]) / scale / MARGIN / 2
    letterbox = crop_letterbox(np.r_[(410, 320) - half, (410, 320) + half], SIZE)
    assert letterbox.scale[0] == pytest.approx(scale)
    crop = cut(image.astype(np.uint8), letterbox.matrix, SIZE)[..., 0].astype(float)
    assert crop.shape == SIZE
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    middle = np.array([(crop * columns).sum(), (crop * rows).sum()]) / crop.sum()
    np.testing.assert_allclose(middle, letterbox.to_input(np.array([400, 300])), atol=0.6)
    np.testing.assert_allclose(letterbox.to_image(middle), (400, 300), atol=0.6 / scale)


def test_a_crop_beyond_the_image_is_black() -> None:
    image = np.full((40, 60, 3), 200, np.uint8)
    for box in (
        [-500, -500, -400, -350],
        [10, 10, 12, 12],
        [-30, -30, 90, 130],
        [-999, -999, 0, 9],
        [0, 0, 1, 9000],
    ):
        crop = cut(image, crop_letterbox(np.array(box), SIZE).matrix, SIZE)
        assert crop.shape == (*SIZE, 3)
    assert not cut(image, crop_letterbox(np.array([-500, -500, -400, -350]), SIZE).matrix, SIZE).any()


def test_boxes_are_larger_than_the_joints() -> None:
    keypoints = np.full((2, 17, 2), np.nan, np.float32)
    keypoints[0, [3, 5, 9]] = [(10, 20), (110, 70), (60, 40)]
    (x0, y0, x1, y1), nobody = joints_boxes(keypoints)
    assert (x0, y0, x1, y1) == pytest.approx((2, 12, 118, 78))
    assert np.isnan(nobody).all()


@pytest.mark.parametrize("turn", [0, 45, 90, 180, -90])
def test_a_turned_box_stands_upright_in_its_crop(turn: int) -> None:
    upright = np.array([[0, 0], [40, 0], [40, 100], [0, 100], [20, 50]], float)
    places = upright @ rotation(turn).T + (300, 200)
    (box,) = oriented_boxes(places[None].astype(np.float32), np.array([turn]))
    assert box[2:] == pytest.approx((56, 116, turn))
    assert box[:2] == pytest.approx(places[4], abs=1e-4)
    crop = crop_letterbox(box, SIZE).to_input(places)
    np.testing.assert_allclose(crop[4], (96, 128), atol=1e-3)
    np.testing.assert_allclose(crop[0] - crop[3], (0, crop[0, 1] - crop[3, 1]), atol=1e-3)
    assert crop[0, 1] < crop[3, 1] and crop[1, 0] > crop[0, 0]


def test_an_upright_box_is_the_box_of_the_joints() -> None:
    joints = np.array([[[3, 4], [50, 90], [np.nan, np.nan]]], np.float32)
    (x, y, width, height, turn), (x0, y0, x1, y1) = (
        oriented_boxes(joints, np.zeros(1))[0],
        joints_boxes(joints)[0],
    )
    assert (x - width / 2, y - height / 2, x + width / 2, y + height / 2, turn) == pytest.approx(
        (x0, y0, x1, y1, 0)
    )
    assert len(oriented_boxes(np.empty((0, 17, 2)), np.empty(0))) == 0
