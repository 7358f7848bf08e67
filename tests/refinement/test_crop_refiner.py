"""Crops of several people: each person's joints come back in source pixels and in their places."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from skelstream.refinement.crop_refiner import CropRefiner
from skelstream.refinement.decoding import Heatmaps
from skelstream.skeleton import Skeleton

SIZE = (256, 192)
NOSE = Skeleton("nose", ("nose",), (), (0.026,))


def brightness(crops: Iterable[np.ndarray]) -> list[tuple[Tensor, ...]]:
    """Stand in for a network: the heatmap is the crop's brightness."""
    return [(torch.from_numpy(crop[None, None, ::4, ::4, 0] / np.float32(255)),) for crop in crops]


@pytest.mark.parametrize("flip", [False, True])
def test_joints_of_crops_lie_where_they_are_in_the_image(flip: bool) -> None:
    places = [(80, 150), (260, 220), (420, 190)]
    boxes = [np.array([x - 10, y, wide, 200, 0]) for (x, y), wide in zip(places, (60, 160, 90), strict=True)]
    image = np.zeros((400, 600, 3), np.uint8)
    for place in places:
        cv2.circle(image, place, 5, (255, 255, 255), -1)
    refiner = CropRefiner(brightness, Heatmaps(4), SIZE, name="", skeleton=NOSE, weights_sha256="", flip=flip)
    keypoints, scores = refiner.joints(cv2.GaussianBlur(image, (0, 0), 4), boxes)
    np.testing.assert_allclose(keypoints[:, 0], places, atol=3 if flip else 1)
    assert (scores > 0.3).all()
