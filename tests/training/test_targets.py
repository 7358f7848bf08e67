from __future__ import annotations

import numpy as np
import pytest
import torch

from skelstream.skeleton import OPENPOSE18
from skelstream.training import targets
from skelstream.training.targets import HALF_WIDTH, SIGMA

JOINTS, LIMBS = len(OPENPOSE18), len(OPENPOSE18.limbs)
NECK, HIP = OPENPOSE18.index("neck"), OPENPOSE18.index("right_hip")
TORSO = OPENPOSE18.limbs.index((NECK, HIP))


def confidence_maps(keypoints, scales, skeleton, size, stride) -> np.ndarray:
    return _of_one_image(targets.confidence_maps, keypoints, scales, skeleton, size, stride)


def part_affinity_fields(keypoints, scales, skeleton, size, stride) -> np.ndarray:
    return _of_one_image(targets.part_affinity_fields, keypoints, scales, skeleton, size, stride)


def _of_one_image(maps, keypoints, scales, *how) -> np.ndarray:
    people = torch.from_numpy(keypoints).float()[None], torch.from_numpy(scales).float()[None]
    return maps(*people, *how)[0].numpy()


def crowd(rng: np.random.Generator, people: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Random people, some joints outside the view and some unlabelled."""
    middle, extent = rng.uniform(0, size, (people, 1, 2)), rng.uniform(10, size, (people, 1, 1))
    keypoints = (middle + extent * rng.normal(0, 0.4, (people, JOINTS, 2))).astype(np.float32)
    keypoints[rng.random((people, JOINTS)) < 0.2] = np.nan
    return keypoints, (extent[:, 0, 0] * 0.7).astype(np.float32)


def slow_confidence(keypoints, scales, size, stride):
    """Equations 6 and 7 cell by cell, in network-input pixels."""
    maps = np.zeros((JOINTS, *size))
    for person, scale in zip(keypoints, scales, strict=True):
        for j, point in enumerate(person):
            sigma = min(max(0.06 * scale, 3.0), 12.0)
            if OPENPOSE18.joints[j].rpartition("_")[2] in ("nose", "eye", "ear"):
                sigma = max(3.0, 0.6 * sigma)
            if np.isnan(point[0]):
                continue
            for row in range(size[0]):
                for column in range(size[1]):
                    x, y = stride * (column + 0.5) - 0.5, stride * (row + 0.5) - 0.5
                    value = np.exp(-((x - point[0]) ** 2 + (y - point[1]) ** 2) / (2 * sigma**2))
                    maps[j, row, column] = max(maps[j, row, column], value)
    return maps


def slow_fields(keypoints, scales, size, stride):
    """Equations 8 and 9 cell by cell; limbs reach half a cell beyond their joints."""
    total, counts = np.zeros((LIMBS, 2, *size)), np.zeros((LIMBS, *size))
    for person, scale in zip(keypoints, scales, strict=True):
        half = min(max(0.06 * scale, 4.0), 12.0)
        for limb, (a, b) in enumerate(OPENPOSE18.limbs):
            vector = person[b].astype(float) - person[a]
            length = np.hypot(*vector)
            if np.isnan(length) or length / stride <= 1e-3:
                continue
            unit = vector / length
            for row in range(size[0]):
                for column in range(size[1]):
                    offset = stride * (np.array([column, row]) + 0.5) - 0.5 - person[a]
                    along, across = unit @ offset, unit[0] * offset[1] - unit[1] * offset[0]
                    if -0.5 * stride <= along <= length + 0.5 * stride and abs(across) <= half:
                        total[limb, :, row, column] += unit
                        counts[limb, row, column] += 1
    return (total / np.maximum(counts, 1)[:, None]).reshape(-1, *size)


@pytest.mark.parametrize("stride", [4, 8])
@pytest.mark.parametrize("seed", range(3))
def test_maps_equal_the_equations_cell_by_cell(seed: int, stride: int) -> None:
    size = (12, 9)
    keypoints, scales = crowd(np.random.default_rng(seed), 3, 9 * stride)
    arguments = (keypoints, scales, OPENPOSE18, size, stride)
    maps, fields = confidence_maps(*arguments), part_affinity_fields(*arguments)
    assert maps.shape == (JOINTS, *size) and fields.shape == (2 * LIMBS, *size)
    assert maps.dtype == fields.dtype == np.float32
    # Beyond three and a half deviations a Gaussian is cut off.
    np.testing.assert_allclose(
        maps, slow_confidence(keypoints, scales, size, stride), atol=np.exp(-(3.5**2) / 2)
    )
    slow = slow_fields(keypoints, scales, size, stride)
    # A cell on the very edge of a limb may fall either way.
    assert (np.abs(fields - slow) > 1e-4).mean() < 0.002


@pytest.mark.parametrize("stride", [4, 8])
@pytest.mark.parametrize("scale", [1.0, 100.0, 1000.0])
def test_a_gaussian_stands_where_its_keypoint_is(stride: int, scale: float) -> None:
    """Cell i stands for pixel stride * (i + 0.5) - 0.5: the closed form there, to the last digit."""
    keypoints = np.full((1, JOINTS, 2), np.nan, np.float32)
    keypoints[0, NECK] = 41.25, 27.5
    map_ = confidence_maps(keypoints, np.array([scale]), OPENPOSE18, (16, 16), stride)[NECK]
    sigma = np.clip(0.06 * scale, SIGMA[0], SIGMA[1])
    pixel = stride * (np.arange(16) + 0.5) - 0.5
    closed = np.exp(-((pixel[:, None] - 27.5) ** 2 + (pixel - 41.25) ** 2) / (2 * sigma**2))
    near = np.maximum(np.abs(pixel[:, None] - 27.5), np.abs(pixel - 41.25)) <= 3.5 * sigma
    np.testing.assert_allclose(map_[near], closed[near], rtol=1e-5)
    assert map_[~near].max(initial=0) < 0.003


def test_a_keypoint_on_a_cell_centre_is_one_there() -> None:
    keypoints = np.full((1, JOINTS, 2), np.nan, np.float32)
    keypoints[0, NECK] = 4 * 5.5 - 0.5, 4 * 2.5 - 0.5
    map_ = confidence_maps(keypoints, np.array([50.0]), OPENPOSE18, (8, 8), 4)[NECK]
    assert map_[2, 5] == map_.max() == 1.0


def test_a_field_is_the_unit_vector_from_the_first_joint_to_the_second() -> None:
    keypoints = np.full((1, JOINTS, 2), np.nan, np.float32)
    keypoints[0, NECK], keypoints[0, HIP] = (21.5, 9.5), (21.5, 49.5)
    fields = part_affinity_fields(keypoints, np.array([40.0]), OPENPOSE18, (16, 16), 4)
    x, y = fields[2 * TORSO], fields[2 * TORSO + 1]
    assert not x.any()
    half = HALF_WIDTH[0] / 4
    rows, columns = np.nonzero(y)
    assert (y[rows, columns] == 1).all()
    assert set(columns.tolist()) == {c for c in range(16) if abs(c - 5.0) <= half}
    assert set(rows.tolist()) == {r for r in range(16) if 2.0 - 0.5 <= r <= 12.0 + 0.5}
    assert not np.delete(fields, [2 * TORSO, 2 * TORSO + 1], 0).any()


def test_overlapping_limbs_are_averaged_and_opposite_ones_cancel() -> None:
    keypoints = np.full((2, JOINTS, 2), np.nan, np.float32)
    keypoints[0, NECK], keypoints[0, HIP] = (9.5, 21.5), (49.5, 21.5)
    keypoints[1, NECK], keypoints[1, HIP] = (49.5, 21.5), (9.5, 21.5)
    fields = part_affinity_fields(keypoints, np.array([40.0, 40.0]), OPENPOSE18, (16, 16), 4)
    assert not fields.any()
    crossing = keypoints.copy()
    crossing[1, NECK], crossing[1, HIP] = (29.5, 1.5), (29.5, 41.5)
    fields = part_affinity_fields(crossing, np.array([40.0, 40.0]), OPENPOSE18, (16, 16), 4)
    assert fields[2 * TORSO, 5, 7] == fields[2 * TORSO + 1, 5, 7] == 0.5


def test_people_outside_the_view_and_limbs_without_length_do_not_appear() -> None:
    keypoints = np.full((1, JOINTS, 2), -500, np.float32)
    for maps in (confidence_maps, part_affinity_fields):
        assert not maps(keypoints, np.array([50.0]), OPENPOSE18, (8, 8), 4).any()
        assert not maps(np.empty((0, JOINTS, 2)), np.empty(0), OPENPOSE18, (8, 8), 4).any()
    together = np.full((1, JOINTS, 2), 16, np.float32)
    assert not part_affinity_fields(together, np.array([50.0]), OPENPOSE18, (8, 8), 4).any()


def test_a_batch_is_drawn_as_each_of_its_images_is() -> None:
    """Images with fewer people are padded, with what must leave no trace."""
    rng, size = np.random.default_rng(5), (12, 9)
    people = [crowd(rng, count, 36) for count in (4, 2, 2, 0)]
    keypoints, scales = torch.full((4, 4, JOINTS, 2), 7.0), torch.full((4, 4), 50.0)
    for i, (points, roots) in enumerate(people):
        keypoints[i, : len(points)], scales[i, : len(roots)] = (
            torch.from_numpy(points),
            torch.from_numpy(roots),
        )
    for name in ("confidence_maps", "part_affinity_fields"):
        batch = getattr(targets, name)(keypoints, scales, OPENPOSE18, size, 4, [4, 2, 2, 0])
        for one, (points, roots) in zip(batch, people, strict=True):
            np.testing.assert_array_equal(one, globals()[name](points, roots, OPENPOSE18, size, 4))
