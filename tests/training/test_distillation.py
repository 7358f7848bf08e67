from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from skelstream.skeleton import COCO17
from skelstream.training.distillation import Distillation

SIZE = (256, 192)
IDENTITY = torch.tensor([[1.0, 0, 0], [0, 1, 0]])


def gaussian(x: float, y: float) -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.arange(64.0), torch.arange(48.0), indexing="ij")
    return torch.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8)


class Spot(nn.Module):
    """A network whose every heatmap has its peak where the crop is brightest."""

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        flat = crops.mean(1).flatten(1).argmax(1)
        maps = [gaussian(float(i % SIZE[1]) / 4, float(i // SIZE[1]) / 4) for i in flat]
        return torch.stack(maps)[:, None].repeat(1, 17, 1, 1) * 0.9


def batch(x: int, y: int, matrix: torch.Tensor = IDENTITY, **more) -> dict:
    image = torch.zeros(1, 3, *SIZE, dtype=torch.uint8)
    image[0, :, y, x] = 255
    values = {
        "image": image, "teacher_image": image, "to_teacher": matrix[None], "mirrored": torch.tensor([False]),
        "keypoints": torch.full((1, 17, 2), torch.nan), "scale": torch.tensor([60.0]), "has_person": torch.ones(1),
    }  # fmt: skip
    return values | more


@pytest.fixture
def distillation() -> Distillation:
    return Distillation(Spot(), Spot())


def peak(goal: torch.Tensor, joint: int = 0) -> tuple[float, float, float]:
    flat = int(goal[0, joint].argmax())
    return flat % 48, flat // 48, float(goal[0, joint].max())


def test_in_the_same_crop_the_teachers_maps_are_the_target(distillation) -> None:
    goal = distillation.goal(batch(80, 120))
    torch.testing.assert_close(goal[0, 3], 0.9 * gaussian(20, 30), atol=0.02, rtol=0)
    loss, parts = distillation(batch(80, 120))
    assert float(loss) < 0.5 and float(parts["heatmap"]) == pytest.approx(float(loss))


@pytest.mark.parametrize("turn", [0.0, 0.4])
def test_in_another_crop_the_teachers_maps_are_resampled(distillation, turn: float) -> None:
    linear = 1.1 * torch.tensor([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    shift = torch.tensor([12.0, -20.0])
    matrix = torch.cat([linear, shift[:, None]], 1)
    x, y, height = peak(distillation.goal(batch(80, 120, matrix)))
    want = torch.linalg.inv(linear) @ (torch.tensor([80.0, 120.0]) - shift) / 4
    assert (x, y) == pytest.approx(want.tolist(), abs=0.6) and height > 0.8


def test_a_crop_of_another_scale_has_gaussians_of_the_usual_width(distillation) -> None:
    matrix = torch.tensor([[0.5, 0, 40.0], [0, 0.5, 50.0]])
    goal = distillation.goal(batch(80, 120, matrix))
    x, y, height = peak(goal)
    assert (x, y) == pytest.approx((20, 35), abs=0.6)
    torch.testing.assert_close(goal[0, 0], height * gaussian(20, 35), atol=0.1, rtol=0)


def test_a_label_replaces_a_wrong_teacher(distillation) -> None:
    labels = torch.full((1, 17, 2), torch.nan)
    labels[0, 0] = torch.tensor([82.0, 121.0])  # as good as where the teacher sees it
    labels[0, 5] = torch.tensor([140.0, 60.0])  # somewhere else
    labels[0, 6] = torch.tensor([-40.0, 60.0])  # outside of the crop, where nothing can be learned
    goal = distillation.goal(batch(80, 120, keypoints=labels))
    assert peak(goal, 0)[:2] == peak(goal, 6)[:2] == (20, 30)
    x, y, height = peak(goal, 5)
    assert (x, y) == (35, 15) and height >= 0.8


def test_a_mirrored_crop_has_left_and_right_exchanged(distillation) -> None:
    labels = torch.full((1, 17, 2), torch.nan)
    left, right = COCO17.index("left_hip"), COCO17.index("right_hip")
    labels[0, left] = torch.tensor([100.0, 160.0])
    mirror = torch.tensor([[-1.0, 0, SIZE[1] - 1], [0, 1, 0]])
    given = batch(80, 120, mirror, mirrored=torch.tensor([True]), keypoints=labels)
    goal = distillation.goal(given)
    assert peak(goal, left)[:2] == (25, 40)
    assert peak(goal, right)[0] == pytest.approx((SIZE[1] - 1 - 80) / 4, abs=0.6)


def test_the_maps_of_a_false_detection_are_empty(distillation) -> None:
    assert not distillation.goal(batch(80, 120, has_person=torch.zeros(1))).any()


def test_the_teacher_is_not_trained(distillation) -> None:
    distillation.train()
    assert not distillation.teacher.training and distillation.network.training


def test_a_teacher_of_larger_crops_teaches_the_same_places() -> None:
    teacher = Spot()
    distillation = Distillation(Spot(), teacher)
    matrix = torch.tensor([[2.0, 0, 0], [0, 2.0, 0]])
    given = batch(80, 120, matrix)
    given["image"] = torch.zeros(1, 3, 128, 96, dtype=torch.uint8)
    goal = distillation.goal(given)
    assert goal.shape == (1, 17, 32, 24) and goal.max() > 0.8
    flat = int(goal[0, 0].argmax())
    assert (flat % 24, flat // 24) == (10, 15)
    again = distillation.goal(given)
    assert torch.equal(goal, again)


def test_the_teachers_maps_are_remembered(distillation) -> None:
    calls = []
    distillation.teacher.network.register_forward_hook(lambda *_: calls.append(1))
    first, second = batch(80, 120), batch(40, 60)
    goals = [distillation.goal(one) for one in (first, second, first)]
    assert len(calls) == 4  # each crop and its mirror image, once
    assert torch.equal(goals[0], goals[2]) and not torch.equal(goals[0], goals[1])
