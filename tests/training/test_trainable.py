from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from skelstream.network.top_down import TopDownConfig
from skelstream.training.annotations import read_set
from skelstream.training.crops import CropAugmentation
from skelstream.training.detected_people import NO_PERSON, DetectedPeople
from skelstream.training.loop import Trainer

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")


@pytest.fixture
def second(recipe):
    """The tiny recipe for the top-down network, and the detected people of its images."""
    changed = replace(
        recipe,
        network=TopDownConfig(64, 64),
        augmentation=CropAugmentation(),
        samples=8,
        batch=2,
        learning_rate=1e-3,
    )
    sets = [read_set(config) for config in changed.sets]
    one = DetectedPeople(
        np.array([[22, 12, 75, 80], [100, 2, 125, 50]], np.float32), np.array([0, NO_PERSON])
    )
    return changed, sets, [[one] * len(images.images) for images in sets]


def trainer_of(second, seed: int = 0) -> Trainer:
    recipe, sets, found = second
    torch.manual_seed(seed)
    return Trainer(recipe, CPU, workers=0, sets=sets, detections=found)


def test_a_resumed_run_keeps_its_teacher(second, tmp_path: Path) -> None:
    """The network of a resumed run starts from other weights; its teacher must not."""
    whole, losses = trainer_of(second), []
    teacher = {name: tensor.clone() for name, tensor in whole.task.loss.teacher.state_dict().items()}
    assert whole.run(lambda progress: losses.append(progress.losses) and None)
    half = trainer_of(second)
    assert not half.run(lambda progress: progress.samples == 4)
    half.save(tmp_path / "half.ckpt")
    rest, after = trainer_of(second), []
    for parameter in [*rest.network.parameters(), *rest.task.loss.teacher.parameters()]:
        parameter.data.add_(1.0)
    rest.resume(tmp_path / "half.ckpt")
    for name, tensor in rest.task.loss.teacher.state_dict().items():
        assert torch.equal(tensor, teacher[name]), name
    assert rest.run(lambda progress: after.append(progress.losses) and None)
    assert after == losses[2:]
    assert all(torch.equal(tensor, rest.average[name]) for name, tensor in whole.average.items())


def test_the_teacher_does_not_change_while_the_student_learns(second) -> None:
    trainer = trainer_of(second)
    loss = trainer.task.loss
    teacher = loss.teacher.network
    before = {name: tensor.clone() for name, tensor in teacher.state_dict().items()}
    trainer.run(lambda _: None)
    assert all(torch.equal(tensor, before[name]) for name, tensor in teacher.state_dict().items())
    student = trainer.network.state_dict()
    assert not all(torch.equal(tensor, before[name]) for name, tensor in student.items())
    assert trainer.task.losses == ("heatmap",)
