from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from skelstream.grouping.candidates import Candidates, find_candidates
from skelstream.network.part_maps import PartMaps
from skelstream.settings.grouping import GroupingSettings
from skelstream.skeleton import OPENPOSE18


def peaks_of(nose: np.ndarray, **settings: float) -> Candidates:
    """The candidates of one image whose only joint is the nose, with confidence ``nose`` (h, w)."""
    maps = empty(*nose.shape)
    maps.confidence[0, 0] = torch.from_numpy(nose.astype(np.float32))
    return find_candidates(maps, OPENPOSE18, GroupingSettings(**settings))[0]


def empty(height: int, width: int) -> PartMaps:
    return PartMaps(torch.zeros(1, 18, height, width), torch.zeros(1, 38, height, width), 4)


def gaussian(x: float, y: float, sigma: float, size: tuple[int, int] = (20, 24)) -> np.ndarray:
    rows, columns = np.mgrid[: size[0], : size[1]]
    return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))


def limb_maps(length: int, field: float) -> PartMaps:
    """A neck at (5, 10) and a right shoulder ``length`` cells below it, the field along the way."""
    maps = empty(40, 20)
    maps.confidence[0, 1, 10, 5] = maps.confidence[0, 2, 10 + length, 5] = 0.9
    maps.pafs[0, 1, :, 4:7] = field
    return maps


@given(st.floats(2, 20), st.floats(2, 16), st.floats(0.6, 2.5), st.floats(0.3, 1))
def test_a_gaussian_is_found_within_its_cell(x: float, y: float, sigma: float, height: float) -> None:
    found = peaks_of(height * gaussian(x, y, sigma))
    np.testing.assert_allclose(found.peaks, [(x, y)], atol=0.02)
    np.testing.assert_allclose(found.peak_scores, [height], atol=0.02)


def test_nothing_found() -> None:
    found = peaks_of(np.full((6, 7), 0.02))
    assert found.peaks.shape == (0, 2) and found.limbs.shape == (0, 3)
    assert len(found.peak_scores) == len(found.joints) == len(found.limb_scores) == 0


PLATEAUS = {
    "two in a row": [(3, 3), (3, 4)],
    "two in a column": [(3, 3), (4, 3)],
    "diagonal": [(3, 3), (4, 4)],
    "other diagonal": [(3, 4), (4, 3)],
    "block": [(3, 3), (3, 4), (4, 3), (4, 4)],
    "row of three": [(3, 3), (3, 4), (3, 5)],
    "disc": [(y, x) for y in range(9) for x in range(9) if (y - 4) ** 2 + (x - 4) ** 2 < 10],
    "two tips": [(3, 3), (3, 5), (4, 4)],
    "everything": [(y, x) for y in range(9) for x in range(9)],
}


@pytest.mark.parametrize("cells", PLATEAUS.values(), ids=PLATEAUS)
def test_a_plateau_is_one_peak(cells: list[tuple[int, int]]) -> None:
    nose = np.zeros((9, 9))
    nose[tuple(np.transpose(cells))] = 0.7
    found = peaks_of(nose)
    assert len(found.peaks) == 1
    assert np.isfinite(found.peaks).all() and 0.69 < found.peak_scores[0] <= 1


def test_the_top_of_two_or_four_equal_cells_is_between_them() -> None:
    np.testing.assert_allclose(peaks_of(gaussian(7.5, 8, 1)).peaks, [(7.5, 8)], atol=1e-4)
    np.testing.assert_allclose(peaks_of(gaussian(7.5, 8.5, 1)).peaks, [(7.5, 8.5)], atol=1e-4)


def test_equal_peaks_apart_are_two_in_reading_order() -> None:
    found = peaks_of(np.maximum(gaussian(14, 9, 1), gaussian(8, 9, 1)))
    np.testing.assert_allclose(found.peaks, [(8, 9), (14, 9)], atol=1e-3)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (23, 19), (0, 7.3), (11.4, 19), (23, 0)])
def test_a_peak_on_the_border(x: float, y: float) -> None:
    np.testing.assert_allclose(peaks_of(gaussian(x, y, 1)).peaks, [(x, y)], atol=0.02)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1)])
def test_the_narrowest_maps(size: tuple[int, int]) -> None:
    found = peaks_of(gaussian(size[1] // 2, size[0] // 2, 1, size))
    np.testing.assert_allclose(found.peaks, [(size[1] // 2, size[0] // 2)], atol=0.01)


def test_a_score_never_exceeds_one() -> None:
    assert peaks_of(3 * gaussian(8.4, 8.4, 1)).peak_scores.tolist() == [1.0]


def test_the_best_peaks_are_kept() -> None:
    nose = np.zeros((9, 30))
    nose[4, 3:30:5] = (0.3, 0.9, 0.2, 0.8, 0.7, 0.4)
    np.testing.assert_allclose(peaks_of(nose, max_peaks=3).peaks[:, 0], [8, 18, 23])
    np.testing.assert_allclose(
        peaks_of(nose, peak_threshold=0.35).peak_scores, [0.9, 0.8, 0.7, 0.4], atol=1e-6
    )


def test_the_line_integral_of_a_straight_field() -> None:
    found = find_candidates(limb_maps(8, 0.6), OPENPOSE18)[0]
    np.testing.assert_array_equal(found.joints, [1, 2])
    np.testing.assert_array_equal(found.limbs, [(0, 0, 1)])
    np.testing.assert_allclose(found.limb_scores, [0.6], atol=1e-5)


@pytest.mark.parametrize("field", [-0.6, 0.0, 0.04])
def test_no_limb_against_or_without_the_field(field: float) -> None:
    assert len(find_candidates(limb_maps(8, field), OPENPOSE18)[0].limbs) == 0


def test_a_limb_beyond_half_the_height_is_scored_lower() -> None:
    found = find_candidates(limb_maps(25, 0.6), OPENPOSE18)[0]
    np.testing.assert_allclose(found.limb_scores, [0.6 + 20 / 25 - 1], atol=1e-5)
    assert len(find_candidates(limb_maps(25, 0.1), OPENPOSE18)[0].limbs) == 0
    found = find_candidates(limb_maps(25, 0.6), OPENPOSE18, GroupingSettings(long_limb=1))[0]
    np.testing.assert_allclose(found.limb_scores, [0.6], atol=1e-5)


def test_a_gap_in_the_field_breaks_a_limb() -> None:
    maps = limb_maps(18, 0.6)  # samples every two cells
    maps.pafs[0, 1, 13:19] = 0  # three of ten samples
    assert len(find_candidates(maps, OPENPOSE18)[0].limbs) == 0
    found = find_candidates(maps, OPENPOSE18, GroupingSettings(min_good_fraction=0.7))[0]
    np.testing.assert_allclose(found.limb_scores, [0.7 * 0.6], atol=1e-5)


def test_rows_are_in_order(scenes) -> None:
    rng = np.random.default_rng(2)
    people, scales = scenes.random_people(rng, 8, (52, 52))
    found = find_candidates(scenes.draw(people, scales, (52, 52), rng, 0.05), OPENPOSE18)[0]
    order = np.lexsort((-found.peak_scores, found.joints))
    np.testing.assert_array_equal(order, np.arange(len(order)))
    order = np.lexsort((-found.limb_scores, found.limbs[:, 0]))
    np.testing.assert_array_equal(order, np.arange(len(order)))
    ends = np.array(OPENPOSE18.limbs)[found.limbs[:, 0]]
    np.testing.assert_array_equal(found.joints[found.limbs[:, 1:]], ends)
    assert len(found.limbs) > 50 and (found.limb_scores > 0).all()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_batch_is_its_images_one_by_one(scenes, layout: torch.memory_format) -> None:
    rng = np.random.default_rng(4)
    images = []
    for count in (1, 12, 0, 5):
        people, scales = scenes.random_people(rng, count, (44, 52))
        images.append(scenes.draw(people, scales, (44, 52), rng, 0.02 if count else 0))
    confidence, pafs = (
        torch.cat([getattr(m, name) for m in images]).contiguous(memory_format=layout)
        for name in ("confidence", "pafs")
    )
    together = find_candidates(PartMaps(confidence, pafs, 4), OPENPOSE18)
    assert [len(c.peaks) > 0 for c in together] == [True, True, False, True]
    for found, maps in zip(together, images, strict=True):
        for name, alone in vars(find_candidates(maps, OPENPOSE18)[0]).items():
            np.testing.assert_array_equal(getattr(found, name), alone)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_maps_give_the_same_candidates(scenes, dtype: torch.dtype) -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        # Gaussians small beside their person: eight bits of mantissa cannot keep two peaks apart that touch.
        people, scales = scenes.random_people(rng, 3, (78, 78))
        maps = scenes.draw(people, scales * 2 / 3, (78, 78))
        exact = find_candidates(maps, OPENPOSE18)[0]
        found = find_candidates(PartMaps(maps.confidence.to(dtype), maps.pafs.to(dtype), 4), OPENPOSE18)[0]
        np.testing.assert_array_equal(found.joints, exact.joints)
        assert found.peaks.dtype == found.limb_scores.dtype == np.float32
        distance = np.abs(found.peaks[:, None] - exact.peaks).max(-1) + 99 * (
            found.joints[:, None] != exact.joints
        )
        assert distance.min(1).max() < 0.15  # rows may change places: equal scores round alike
