from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from skelstream.refinement.heatmaps import peaks


def gaussian(x: float, y: float, height: float = 1.0, size=(64, 48), sigma: float = 2.0) -> np.ndarray:
    rows, columns = np.mgrid[: size[0], : size[1]]
    return height * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))


def slow_peak(heatmap: np.ndarray) -> tuple[float, float, float]:
    """Return the peak by DARK, section 3.2, cell by cell: blur, logarithm, and one Newton step."""
    height, width = heatmap.shape
    row, column = np.unravel_index(int(heatmap.argmax()), heatmap.shape)
    score = heatmap[row, column]

    def log(y: int, x: int) -> float:
        total = 0.0
        for dy, wy in ((-1, 0.25), (0, 0.5), (1, 0.25)):
            for dx, wx in ((-1, 0.25), (0, 0.5), (1, 0.25)):
                total += wy * wx * heatmap[min(max(y + dy, 0), height - 1), min(max(x + dx, 0), width - 1)]
        return math.log(max(total, 1e-10))

    if not (1 < column < width - 2 and 1 < row < height - 2):
        return float(column), float(row), score
    dx, dy = (
        (log(row, column + 1) - log(row, column - 1)) / 2,
        (log(row + 1, column) - log(row - 1, column)) / 2,
    )
    dxx = (log(row, column + 2) - 2 * log(row, column) + log(row, column - 2)) / 4
    dyy = (log(row + 2, column) - 2 * log(row, column) + log(row - 2, column)) / 4
    dxy = (
        log(row + 1, column + 1)
        - log(row - 1, column + 1)
        - log(row + 1, column - 1)
        + log(row - 1, column - 1)
    ) / 4
    hessian = np.array([[dxx, dxy], [dxy, dyy]])
    if not (np.linalg.det(hessian) > 0 and dxx < 0):
        return float(column), float(row), score
    step = np.clip(-np.linalg.solve(hessian, [dx, dy]), -1, 1)
    return column + step[0], row + step[1], score


def test_the_peaks_of_gaussians_are_exact() -> None:
    rng = np.random.default_rng(0)
    places = rng.uniform((8, 8), (39, 55), (3, 17, 2))
    maps = np.array(
        [
            [gaussian(x, y, h) for (x, y), h in zip(one, rng.uniform(0.2, 1, 17), strict=True)]
            for one in places
        ]
    )
    found, scores = peaks(torch.from_numpy(maps))
    np.testing.assert_allclose(found, places, atol=0.01)
    np.testing.assert_allclose(scores, maps.max((2, 3)), rtol=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_peaks_equal_the_slow_reference(seed: int) -> None:
    rng = np.random.default_rng(seed)
    maps = np.zeros((2, 17, 20, 15))
    for one in maps.reshape(-1, 20, 15):  # peaks anywhere, also on the border, with others nearby and noise
        for _ in range(3):
            one += gaussian(*rng.uniform(-2, 21, 2), rng.uniform(0, 1), (20, 15))
        one += 0.02 * rng.random(one.shape)
    found, scores = peaks(torch.from_numpy(maps))
    for place, score, heatmap in zip(
        found.reshape(-1, 2), scores.ravel(), maps.reshape(-1, 20, 15), strict=True
    ):
        x, y, height = slow_peak(heatmap)
        np.testing.assert_allclose(place, (x, y), atol=2e-3)
        assert float(score) == pytest.approx(height, rel=1e-6)


@pytest.mark.parametrize("value", [0.0, -0.3])
def test_an_empty_map_has_a_position_inside_and_score_0(value: float) -> None:
    found, scores = peaks(torch.full((1, 2, 64, 48), value))
    assert found.isfinite().all() and (scores == value).all()
