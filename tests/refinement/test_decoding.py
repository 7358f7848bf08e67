import pytest
import torch

from skelstream.refinement.decoding import Heatmaps, Landmarks, SimCC
from skelstream.skeleton import COCO17, HAND21

FLIP = list(COCO17.flip_order)


def _positions(size):
    width, height = size
    generator = torch.Generator().manual_seed(0)
    return torch.stack(
        [torch.randint(20, n - 20, (2, 17), generator=generator) for n in (width, height)], -1
    ).float()


def _simcc(positions, size, stride):
    return tuple(
        torch.exp(-((torch.arange(round(size[i] / stride)) * stride - positions[..., i, None]) ** 2) / 20)
        for i in range(2)
    )


def _heatmaps(positions, size, stride=4):
    x, y = torch.arange(size[0] // stride) * stride, torch.arange(size[1] // stride) * stride
    distance = (x - positions[..., 0, None, None]) ** 2 + (y[:, None] - positions[..., 1, None, None]) ** 2
    return (torch.exp(-distance / 64),)


@pytest.mark.parametrize("stride", [0.5, 1.0])
def test_classes_decode_to_positions(stride):
    positions = _positions((192, 256))
    found, scores = SimCC(stride).joints(_simcc(positions, (192, 256), stride))
    torch.testing.assert_close(found, positions)
    torch.testing.assert_close(scores, torch.ones(2, 17))


def test_the_score_is_the_lower_of_both_axes():
    x, y = torch.zeros(1, 17, 10), torch.zeros(1, 17, 20)
    x[..., 3], y[..., 8] = 0.9, 0.4
    found, scores = SimCC(1.0).joints((x, y))
    assert found[0, 0].tolist() == [3, 8] and scores[0, 0].item() == pytest.approx(0.4)


@pytest.mark.parametrize("stride", [0.5, 1.0])
def test_mirrored_classes_average_to_the_same_joints(stride):
    size = 192, 256
    positions = _positions(size)
    mirrored = positions[:, FLIP].clone()
    mirrored[..., 0] = size[0] - 1 - mirrored[..., 0]
    decoding = SimCC(stride)
    both = decoding.averaged(_simcc(positions, size, stride), _simcc(mirrored, size, stride), COCO17)
    torch.testing.assert_close(decoding.joints(both)[0], positions)


def test_mirrored_heatmaps_average_to_the_same_joints():
    size = 192, 256
    positions = torch.round(_positions(size) / 4) * 4
    mirrored = positions[:, FLIP].clone()
    mirrored[..., 0] = size[0] - mirrored[..., 0]  # one cell further: a cell stands for its first pixel
    decoding = Heatmaps(4)
    (both,) = decoding.averaged(_heatmaps(positions, size), _heatmaps(mirrored, size), COCO17)
    torch.testing.assert_close(both[..., 1:], _heatmaps(positions, size)[0][..., 1:], atol=1e-5, rtol=0)
    torch.testing.assert_close(decoding.joints((both,))[0], positions, atol=1e-3, rtol=0)


@pytest.mark.parametrize("logits", [False, True])
def test_mirrored_landmarks_average_to_the_same_joints(logits):
    points = torch.rand(2, 21, 2, generator=torch.Generator().manual_seed(0)) * 224
    mirrored = torch.stack([224 - points[..., 0], points[..., 1]], -1)
    sure, right = torch.tensor([[0.9], [0.4]]), torch.tensor([[0.2], [0.7]])
    decoding = Landmarks(224, ("presence", "side"), logits)
    if logits:
        sure, right = sure.logit(), right.logit()
        other = -right
    else:
        other = 1 - right
    both = decoding.averaged((points, sure, right), (mirrored, sure, other), HAND21)
    found, scores = decoding.joints(both)
    torch.testing.assert_close(found, points - 0.5)
    torch.testing.assert_close(scores, torch.tensor([[0.9], [0.4]]).expand(2, 21))
    torch.testing.assert_close(decoding.sides(both), torch.tensor([0.2, 0.7]))


def test_landmarks_without_presence_are_sure():
    decoding = Landmarks(224)
    found, scores = decoding.joints((torch.zeros(1, 21, 2),))
    assert (scores == 1).all() and (found == -0.5).all() and decoding.sides((found,)) is None
