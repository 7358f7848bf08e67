from __future__ import annotations

import numpy as np
import pytest

from skelstream.refiner.crops import MARGIN, crop_matrix, cut, joints_boxes, to_image

SIZE = (256, 192)


def at(matrix: np.ndarray, x: float, y: float) -> np.ndarray:
    return matrix[:, :2] @ (x, y) + matrix[:, 2]


def test_a_box_of_the_crops_aspect_fills_it_but_for_the_margin() -> None:
    matrix = crop_matrix(np.array([30, 40, 30 + 75, 40 + 100]), SIZE)
    np.testing.assert_allclose(at(matrix, 67.5, 90), (96, 128))
    left, top = at(matrix, 30, 40)
    assert left == pytest.approx(96 * (1 - 1 / MARGIN)) and top == pytest.approx(128 * (1 - 1 / MARGIN))


@pytest.mark.parametrize("box", [[0, 0, 300, 50], [0, 0, 20, 400]])
def test_a_box_of_another_aspect_is_widened(box: list[float]) -> None:
    matrix = crop_matrix(np.array(box), SIZE)
    assert matrix[0, 0] == matrix[1, 1] and matrix[0, 1] == matrix[1, 0] == 0
    corners = np.array([at(matrix, box[0], box[1]), at(matrix, box[2], box[3])])
    extent = corners[1] - corners[0]
    assert max(extent / (SIZE[1], SIZE[0])) == pytest.approx(1 / MARGIN)


def test_a_box_without_size_still_has_a_crop() -> None:
    assert np.isfinite(crop_matrix(np.array([5, 5, 5, 5]), SIZE)).all()


@pytest.mark.parametrize("scale", [0.2, 0.6, 1.0, 4.0])
def test_pixels_are_where_the_matrix_says(scale: float) -> None:
    """A bright disc about a point of the image is about that point of the crop, whatever part of it is blurred."""
    y, x = np.mgrid[:900, :700]
    image = np.repeat(
        (255 * np.exp(-((x - 400) ** 2 + (y - 300) ** 2) / (2 * (12 / scale) ** 2)))[..., None], 3, 2
    )
    half = np.array([SIZE[1], SIZE[0]]) / scale / MARGIN / 2
    matrix = crop_matrix(np.r_[(410, 320) - half, (410, 320) + half], SIZE)
    assert matrix[0, 0] == pytest.approx(scale)
    crop = cut(image.astype(np.uint8), matrix, SIZE)[..., 0].astype(float)
    assert crop.shape == SIZE
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    middle = np.array([(crop * columns).sum(), (crop * rows).sum()]) / crop.sum()
    np.testing.assert_allclose(middle, at(matrix, 400, 300), atol=0.6)
    np.testing.assert_allclose(to_image(middle, matrix), (400, 300), atol=0.6 / scale)


def test_a_crop_beyond_the_image_is_black() -> None:
    image = np.full((40, 60, 3), 200, np.uint8)
    for box in ([-500, -500, -400, -350], [10, 10, 12, 12], [-30, -30, 90, 130]):
        crop = cut(image, crop_matrix(np.array(box), SIZE), SIZE)
        assert crop.shape == (*SIZE, 3)
    assert not cut(image, crop_matrix(np.array([-500, -500, -400, -350]), SIZE), SIZE).any()


def test_boxes_have_a_little_around_the_joints() -> None:
    keypoints = np.full((2, 17, 2), np.nan, np.float32)
    keypoints[0, [3, 5, 9]] = [(10, 20), (110, 70), (60, 40)]
    (x0, y0, x1, y1), nobody = joints_boxes(keypoints)
    assert (x0, y0, x1, y1) == pytest.approx((2, 12, 118, 78))
    assert np.isnan(nobody).all()
