from __future__ import annotations

import importlib.util

import cv2
import numpy as np
import pytest

from skelstream.errors import ModelError
from skelstream.estimation.pose_estimator import PoseEstimator
from skelstream.refinement.top_down_refiner import TopDownRefiner
from skelstream.settings import EstimatorSettings, RefinementSettings
from skelstream.skeleton import COCO17

pytestmark = pytest.mark.slow


def test_detection_weights_cannot_refine_and_refinement_weights_cannot_detect() -> None:
    with pytest.raises(ModelError, match="weights of a paf network, which cannot refine"):
        TopDownRefiner(RefinementSettings(weights="skelstream-movenet"), "cpu", "torch")
    with pytest.raises(ModelError, match="refinement weights, which cannot find people"):
        PoseEstimator(
            EstimatorSettings().with_options(weights="skelstream-refiner", device="cpu", runtime="torch")
        )


@pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="OpenVINO is not installed")
def test_runtimes_find_the_same_joints() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (300, 400, 3)).astype(np.uint8)
    boxes = [np.array([20, 30, 120, 250]), np.array([200, 10, 390, 290])]
    torch_, openvino = (
        TopDownRefiner(RefinementSettings(), device="cpu", runtime=runtime, precision="float32").joints(
            image, boxes
        )
        for runtime in ("torch", "openvino")
    )
    np.testing.assert_allclose(torch_[1], openvino[1], atol=1e-3)
    sure = torch_[1] > 0.05
    np.testing.assert_allclose(torch_[0][sure], openvino[0][sure], atol=0.5)
    keypoints, scores = torch_
    assert keypoints.shape == (2, 17, 2) and keypoints.dtype == scores.dtype == np.float32
    assert (scores >= 0).all() and (scores <= 1).all()


def test_no_boxes_give_no_joints() -> None:
    keypoints, scores = TopDownRefiner(RefinementSettings(), device="cpu", runtime="torch").joints(
        np.zeros((9, 9, 3), np.uint8), []
    )
    assert keypoints.shape == (0, 17, 2) and scores.shape == (0, 17)


def test_flip_makes_joints_symmetric() -> None:
    """Without averaging, the mirror image has slightly different joints."""
    rng = np.random.default_rng(1)
    image = cv2.GaussianBlur(rng.integers(0, 256, (256, 192, 3)).astype(np.uint8), (0, 0), 6)
    box = np.array([19.0, 25.0, 172.0, 230.0])
    mirrored_box = np.array([192 - box[2], box[1], 192 - box[0], box[3]])
    refiner = TopDownRefiner(RefinementSettings(flip=True), "cpu", "torch", "float32")
    keypoints, scores = refiner.joints(image, [box])
    other, other_scores = refiner.joints(np.ascontiguousarray(image[:, ::-1]), [mirrored_box])
    order = list(COCO17.flip_order)
    np.testing.assert_allclose(scores, other_scores[:, order], atol=0.01)
    sure = scores[0] > 0.02
    assert sure.any()
    unmirrored = other[0, order] * [-1, 1] + [192, 0]
    np.testing.assert_allclose(keypoints[0, sure], unmirrored[sure], atol=1.0)
