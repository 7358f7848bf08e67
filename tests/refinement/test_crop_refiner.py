"""Crops of several widths: each person's joints come back in source pixels and in their places."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import torch
from torch import Tensor

from skelstream.refinement.crop_refiner import CropRefiner
from skelstream.refinement.decoding import Heatmaps
from skelstream.skeleton import Skeleton

SIZE = (256, 192)
NOSE = Skeleton("nose", ("nose",), (), (0.026,))


class Brightness:
    """A network whose heatmap is the crop's brightness; it notes the crops' widths."""

    def __init__(self) -> None:
        self.widths: list[int] = []

    def __call__(self, crops: Iterable[np.ndarray]) -> list[tuple[Tensor, ...]]:
        rows = []
        for crop in crops:
            self.widths.append(crop.shape[1])
            rows.append((torch.from_numpy(crop[None, None, ::4, ::4, 0] / np.float32(255)),))
        return rows


def dotted(places: list[tuple[int, int]]) -> np.ndarray:
    image = np.zeros((400, 600, 3), np.uint8)
    for place in places:
        cv2.circle(image, place, 5, (255, 255, 255), -1)
    return cv2.GaussianBlur(image, (0, 0), 4)


def test_joints_of_narrow_and_whole_crops_lie_where_they_are_in_the_image() -> None:
    places = [(80, 150), (260, 220), (420, 190)]
    boxes = [np.array([x, y, wide, 200, 0]) for (x, y), wide in zip(places, (60, 160, 90), strict=True)]
    whole, narrow = Brightness(), Brightness()
    for network, widths in ((whole, ()), (narrow, (96, 128))):
        refiner = CropRefiner(
            network, Heatmaps(4), SIZE, name="", skeleton=NOSE, weights_sha256="", narrow=widths
        )
        keypoints, scores = refiner.joints(dotted(places), boxes, np.array([True, True, True]))
        np.testing.assert_allclose(keypoints[:, 0], places, atol=1)
        assert (scores > 0.5).all()
    assert whole.widths == [192, 192, 192] and narrow.widths == [96, 192, 128]


def test_only_known_boxes_have_narrow_crops() -> None:
    network, box = Brightness(), np.array([80, 150, 60, 200, 0])
    refiner = CropRefiner(
        network, Heatmaps(4), SIZE, name="", skeleton=NOSE, weights_sha256="", narrow=(96, 128)
    )
    refiner.joints(dotted([(80, 150)]), [box, box, box], np.array([False, True, False]))
    refiner.joints(dotted([(80, 150)]), [box])
    assert network.widths == [192, 96, 192, 192]


def test_a_mirrored_narrow_crop_is_moved_by_the_same_cell() -> None:
    boxes = [np.array([80, 150, 60, 200, 0]), np.array([300, 150, 60, 200, 0])]
    image = dotted([(90, 150), (290, 170)])
    refiner = CropRefiner(
        Brightness(), Heatmaps(4), SIZE, name="", skeleton=NOSE, weights_sha256="", flip=True, narrow=(96,)
    )
    known = np.ones(2, bool)
    np.testing.assert_allclose(refiner.joints(image, boxes, known)[0][:, 0], [(90, 150), (290, 170)], atol=3)
