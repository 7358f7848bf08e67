from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from skelstream.errors import ModelError
from skelstream.estimator import PoseEstimator
from skelstream.refiner.refiner import TopDownRefiner


def test_what_finds_people_is_no_second_look_and_the_other_way_round() -> None:
    with pytest.raises(ModelError, match="weights of a paf network, not of a top-down one"):
        TopDownRefiner("skelstream-movenet", "cpu", "torch")
    with pytest.raises(ModelError, match="weights of the second look, which cannot find people"):
        PoseEstimator("skelstream-second", "cpu", runtime="torch")


@pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="OpenVINO is not installed")
def test_runtimes_find_the_same_joints() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (300, 400, 3)).astype(np.uint8)
    boxes = [np.array([20, 30, 120, 250]), np.array([200, 10, 390, 290])]
    torch_, openvino = (
        TopDownRefiner(device="cpu", runtime=runtime, precision="float32").joints(image, boxes)
        for runtime in ("torch", "openvino")
    )
    np.testing.assert_allclose(torch_[1], openvino[1], atol=1e-3)
    sure = torch_[1] > 0.05
    np.testing.assert_allclose(torch_[0][sure], openvino[0][sure], atol=0.5)
    keypoints, scores = torch_
    assert keypoints.shape == (2, 17, 2) and keypoints.dtype == scores.dtype == np.float32
    assert (scores >= 0).all() and (scores <= 1).all()


def test_no_box_costs_nothing() -> None:
    keypoints, scores = TopDownRefiner(device="cpu", runtime="torch").joints(
        np.zeros((9, 9, 3), np.uint8), []
    )
    assert keypoints.shape == (0, 17, 2) and scores.shape == (0, 17)
