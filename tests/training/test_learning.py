from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from skelstream.estimation.pose_estimator import PoseEstimator
from skelstream.network.paf import PafConfig
from skelstream.network.weights import save_weights
from skelstream.settings import EstimatorSettings
from skelstream.skeleton import OPENPOSE18
from skelstream.training.augment import Augmentation
from skelstream.training.image_store import read_pixels
from skelstream.training.loop import Trainer

pytestmark = pytest.mark.slow

STILL = Augmentation(
    crop=128, scale=(1, 1), fit=0, rotation=0, shift=0.05, flip=0, colour=0.1, grey=0, occlusion=0
)


def test_a_person_is_learned_and_estimated_again(recipe, write_set, person, tmp_path: Path) -> None:
    """From random weights to the joints of one drawn person, through targets, loss, network and grouping."""
    recipe = replace(
        recipe,
        sets=[write_set([[person((34, 14))]], "one")],
        network=PafConfig("movenet", width=32, layers=2),
        augmentation=STILL,
        samples=400, batch=2, learning_rate=4e-3, backbone_learning_rate=1.0, warmup=10, ema_decay=0.9,
    )  # fmt: skip
    trainer, losses = Trainer(recipe, torch.device("cpu"), workers=0), []
    for module in trainer.network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 0.1  # statistics of a run this short
    assert trainer.run(lambda progress: losses.append(progress.losses) and None)
    for name in ("confidence", "paf"):
        assert losses[-1][name] < 0.6 * losses[0][name], name
    save_weights(tmp_path / "w.safetensors", trainer.average, "paf", recipe.network.to_dict(), {})
    (image,) = trainer.sets[0].images
    settings = EstimatorSettings().with_options(size=128, device="cpu", runtime="torch", refine=0)
    estimator = PoseEstimator(settings.with_options(weights=str(tmp_path / "w.safetensors")))
    (people,) = estimator.people([read_pixels(image)])
    off = np.linalg.norm(people.keypoints[0] - image.keypoints[0], axis=1)
    body = [
        i for i, name in enumerate(OPENPOSE18.joints) if name.rpartition("_")[2] not in ("eye", "ear", "nose")
    ]
    assert (off[body] < 4).sum() >= 10


def test_fields_on_hrnet_are_learned(recipe, write_set, person) -> None:
    recipe = replace(
        recipe,
        sets=[write_set([[person((34, 14))]], "one")],
        network=PafConfig("hrnet-w32", width=32, layers=1, limbs="openpose"),
        augmentation=replace(STILL, crop=64),
        samples=60, batch=2, learning_rate=4e-3, backbone_learning_rate=0.2, warmup=10, ema_decay=0.9,
    )  # fmt: skip
    trainer, losses = Trainer(recipe, torch.device("cpu"), workers=0), []
    assert trainer.run(lambda progress: losses.append(progress.losses) and None)
    # Told as a running mean of fifty steps, of which this run has thirty.
    assert losses[-1]["confidence"] < 0.995 * losses[0]["confidence"]
    assert losses[-1]["paf"] < 0.95 * losses[0]["paf"]
