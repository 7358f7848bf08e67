from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from skelstream.network.part_maps import PartMaps
from skelstream.runtimes.averaging import AveragingRuntime, unmirrored
from skelstream.skeleton import DENSE18, OPENPOSE18


class Brightness:
    """A stand-in for a network, whose every confidence map is the image's brightness at stride 4."""

    name, skeleton, size_divisor, batch, torch_threads = "brightness", OPENPOSE18, 32, 1, None

    def __init__(self):
        self.shapes: list[tuple[int, ...]] = []

    def maps(self, images: np.ndarray) -> PartMaps:
        self.shapes.append(images.shape[1:3])
        grey = torch.from_numpy(images.astype(np.float32)).mean(-1)[:, None] / 255
        cells = F.avg_pool2d(grey, 4)
        return PartMaps(cells.repeat(1, 18, 1, 1), cells.repeat(1, 38, 1, 1), 4)


def _blob(height: int, width: int, x: float, y: float, spread: float = 14.0) -> np.ndarray:
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    bright = 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * spread**2))
    return np.repeat(bright[None, ..., None], 3, -1).astype(np.uint8)


def _centre(maps: PartMaps) -> tuple[float, float]:
    """Centre of mass in network-input pixels, away from the edge where the grey filling shows."""
    mass = maps.confidence[0, 0, :-1, :-1].clamp_min(0.05) - 0.05
    rows, columns = torch.meshgrid(*map(torch.arange, mass.shape), indexing="ij")
    place = [float((index * mass).sum() / mass.sum()) for index in (columns, rows)]
    return tuple(maps.stride * (cell + 0.5) - 0.5 for cell in place)


@pytest.mark.parametrize("scale", [0.5, 0.77, 1.5, 2.0])
def test_other_scales_lie_on_the_cells_of_scale_one(scale):
    # 160 x 224 scaled by 0.77 is no multiple of 32, so the input is filled up at the right and below.
    image = _blob(160, 224, 70.5, 90.5)
    runtime = Brightness()
    maps = AveragingRuntime(runtime, [scale]).maps(image)
    assert maps.confidence.shape == (1, 18, 40, 56) and maps.pafs.shape == (1, 38, 40, 56)
    assert runtime.shapes[0][0] % 32 == runtime.shapes[0][1] % 32 == 0
    assert _centre(maps) == pytest.approx((70.5, 90.5), abs=0.25)


def test_scale_one_alone_changes_nothing():
    image = _blob(64, 96, 40, 20)
    plain = Brightness().maps(image)
    averaged = AveragingRuntime(Brightness()).maps(image)
    assert torch.equal(plain.confidence, averaged.confidence) and torch.equal(plain.pafs, averaged.pafs)


def test_the_average_is_that_of_all_passes():
    image = _blob(64, 96, 40, 20)
    each = [AveragingRuntime(Brightness(), [s]).maps(image).confidence for s in (0.5, 1, 2)]
    together = AveragingRuntime(Brightness(), (0.5, 1, 2)).maps(image).confidence
    torch.testing.assert_close(together, (each[0] + each[1] + each[2]) / 3)


def test_the_mirrored_pass_lies_where_the_plain_one_does():
    runtime = Brightness()
    maps = AveragingRuntime(runtime, flip=True).maps(_blob(64, 96, 40.5, 30.5, 6))
    assert len(runtime.shapes) == 2
    assert _centre(maps) == pytest.approx((40.5, 30.5), abs=0.25)


def test_unmirroring_swaps_sides_and_turns_the_fields():
    joint, limb = OPENPOSE18.index, OPENPOSE18.limbs.index
    confidence, pafs = torch.zeros(1, 18, 2, 4), torch.zeros(1, 38, 2, 4)
    confidence[0, joint("left_wrist"), 1, 0] = 1
    forearm = limb((joint("left_elbow"), joint("left_wrist")))
    pafs[0, 2 * forearm : 2 * forearm + 2, 1, 0] = torch.tensor([0.6, 0.8])
    maps = unmirrored(PartMaps(confidence, pafs, 4), OPENPOSE18)
    other = limb((joint("right_elbow"), joint("right_wrist")))
    assert maps.confidence.nonzero().tolist() == [[0, joint("right_wrist"), 1, 3]]
    assert maps.pafs[0, 2 * other : 2 * other + 2, 1, 3].tolist() == pytest.approx([-0.6, 0.8])
    assert maps.pafs.count_nonzero() == 2
    twice = unmirrored(maps, OPENPOSE18)
    assert torch.equal(twice.confidence, confidence) and torch.equal(twice.pafs, pafs)


def test_the_name_says_what_was_averaged():
    assert (
        AveragingRuntime(Brightness(), (0.5, 1), flip=True).name == "brightness, scales 0.5 + 1, mirrored too"
    )


def test_unmirroring_turns_a_limb_from_side_to_side_round():
    hips = DENSE18.limbs.index((DENSE18.index("right_hip"), DENSE18.index("left_hip")))
    pafs = torch.zeros(1, 58, 2, 4)
    pafs[0, 2 * hips : 2 * hips + 2, 1, 0] = torch.tensor([0.6, 0.8])
    maps = unmirrored(PartMaps(torch.zeros(1, 18, 2, 4), pafs, 4), DENSE18)
    # In the mirror the right hip is where the left one was: x turns twice, y once.
    assert maps.pafs[0, 2 * hips : 2 * hips + 2, 1, 3].tolist() == pytest.approx([0.6, -0.8])
    assert maps.pafs.count_nonzero() == 2
    twice = unmirrored(maps, DENSE18)
    torch.testing.assert_close(twice.pafs, pafs)
