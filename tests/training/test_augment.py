from __future__ import annotations

import cv2
import numpy as np
import pytest

from skelstream.skeleton import OPENPOSE18
from skelstream.training.augment import Augmentation, recolour, transform_points, view_matrix, warp

HOW = Augmentation(crop=192, occlusion=0)
BOX = np.array([150, 90, 330, 370], float)
SIZE = (480, 640)


def blob(point: np.ndarray, sigma: float = 3.0) -> np.ndarray:
    """An image with one Gaussian marker."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    bump = np.exp(-((x - point[0]) ** 2 + (y - point[1]) ** 2) / (2 * sigma**2))
    return np.repeat((255 * bump)[..., None], 3, 2).round().astype(np.uint8)


def centre_of(image: np.ndarray) -> np.ndarray:
    """Centre of mass of what is not ground."""
    weight = image[..., 0].astype(float)
    y, x = np.mgrid[: weight.shape[0], : weight.shape[1]]
    return np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()


@pytest.mark.parametrize("seed", range(25))
def test_markers_are_found_at_the_transformed_keypoints(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix, _ = view_matrix(rng, SIZE, BOX, HOW)
    zoom = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    margin = 4 * 3 * zoom + 2
    inverse = np.linalg.inv(matrix[:, :2])
    for _ in range(3):
        # A place of the view, taken back into the image, marked there, and looked for in the view.
        place = rng.uniform(margin, HOW.crop - 1 - margin, 2)
        point = inverse @ (place - matrix[:, 2])
        if not ((point > 12) & (point < np.array(SIZE[::-1]) - 13)).all():
            continue
        view = warp(blob(point), matrix, HOW.crop)
        ground = (warp(np.full((*SIZE, 3), 255, np.uint8), matrix, HOW.crop) == 255).all(-1)
        found = centre_of(np.where(ground[..., None], view, 0))
        assert np.abs(found - transform_points(matrix, point)).max() < 0.2
        np.testing.assert_allclose(transform_points(matrix, point), place, atol=1e-9)


def test_a_view_inverts_to_the_pixel() -> None:
    """Warped there and back, a smooth image is itself, also mirrored and turned."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    picture = np.stack(
        [127 + 100 * np.sin(x / 25), 127 + 100 * np.cos(y / 31), 127 + 60 * np.sin((x + y) / 40)], -1
    )
    picture = picture.round().astype(np.uint8)
    for seed in range(6):
        how = Augmentation(crop=256, fit=0, scale=(0.9, 1.6), flip=seed % 2)
        matrix, mirrored = view_matrix(np.random.default_rng(seed), SIZE, BOX, how)
        assert mirrored == bool(seed % 2) == (np.linalg.det(matrix[:, :2]) < 0)
        back = cv2.warpAffine(
            warp(picture, matrix, 256), cv2.invertAffineTransform(matrix), SIZE[::-1], flags=cv2.INTER_LINEAR
        )
        corners = transform_points(matrix, np.stack([x, y], -1).astype(float))
        inside = ((corners > 2) & (corners < 253)).all(-1) & (x > 2) & (y > 2) & (x < 637) & (y < 477)
        assert inside.sum() > 5000
        assert np.abs(back.astype(int) - picture)[inside].max() <= 4


def test_flips_and_rotations_have_the_frequency_and_size_of_the_settings() -> None:
    how = Augmentation(crop=128, flip=0.25, rotation=20)
    views = [view_matrix(np.random.default_rng(i), SIZE, BOX, how) for i in range(2000)]
    assert np.mean([mirrored for _, mirrored in views]) == pytest.approx(0.25, abs=0.03)
    angles = [np.degrees(np.arctan2(-m[0, 1], m[1, 1])) for m, _ in views]
    assert -20 <= min(angles) < -19 and 19 < max(angles) <= 20


def test_flip_order_swaps_left_and_right_of_openpose() -> None:
    joints = OPENPOSE18.joints
    for i, j in enumerate(OPENPOSE18.flip_order):
        swapped = {"left": "right", "right": "left"}
        side, _, rest = joints[i].partition("_")
        assert joints[j] == (f"{swapped[side]}_{rest}" if side in swapped else joints[i])


def test_a_fitted_person_fills_the_set_part_of_the_view() -> None:
    how = Augmentation(crop=256, fit=1, fill=(0.5, 0.9), scale=(0.1, 10), rotation=0)
    for seed in range(50):
        matrix, _ = view_matrix(np.random.default_rng(seed), SIZE, BOX, how)
        assert 0.5 - 1e-6 <= abs(matrix[1, 1]) * 280 / 256 <= 0.9 + 1e-6


@pytest.mark.parametrize("size", [(40, 60), (480, 640), (2000, 50)])
def test_views_reach_little_beyond_the_image(size: tuple[int, int]) -> None:
    """Where the image is larger than the view, the view's middle square lies in it; else the image is centred."""
    how = Augmentation(crop=64, rotation=0, flip=0)
    for seed in range(60):
        matrix, _ = view_matrix(np.random.default_rng(seed), size, None, how)
        inverse = np.linalg.inv(matrix[:, :2])
        middle = inverse @ (np.full(2, 31.5) - matrix[:, 2])
        reach = 0.4 * 64 * inverse[0, 0]
        for at, extent in zip(middle, size[::-1], strict=True):
            if extent > 2 * reach:
                assert reach - 1e-6 <= at <= extent - reach + 1e-6
            else:
                assert at == pytest.approx(extent / 2)


def test_recolouring_off_changes_nothing() -> None:
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    how = Augmentation(colour=0, grey=0, occlusion=0)
    np.testing.assert_array_equal(recolour(np.random.default_rng(1), image, how), image)
    grey = recolour(np.random.default_rng(1), image, Augmentation(colour=0, grey=1, occlusion=0))
    assert (np.ptp(grey, axis=2) == 0).all()


def test_occlusion_hides_one_rectangle() -> None:
    image = np.full((100, 100, 3), 7, np.uint8)
    hidden = recolour(np.random.default_rng(5), image.copy(), Augmentation(colour=0, grey=0, occlusion=1))
    changed = (hidden != 7).any(-1)
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    assert changed.sum() == len(rows) * len(columns) and 8 <= len(rows) <= 35 and 8 <= len(columns) <= 35
