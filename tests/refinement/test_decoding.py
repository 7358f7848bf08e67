import pytest
import torch

from skelstream.refinement.decoding import Heatmaps, SimCC
from skelstream.skeleton import COCO17

FLIP = list(COCO17.flip_order)


def _places(size):
    width, height = size
    generator = torch.Generator().manual_seed(0)
    return torch.stack(
        [torch.randint(20, n - 20, (2, 17), generator=generator) for n in (width, height)], -1
    ).float()


def _simcc(places, size, stride):
    return tuple(
        torch.exp(-((torch.arange(round(size[i] / stride)) * stride - places[..., i, None]) ** 2) / 20)
        for i in range(2)
    )


def _heatmaps(places, size, stride=4):
    x, y = torch.arange(size[0] // stride) * stride, torch.arange(size[1] // stride) * stride
    distance = (x - places[..., 0, None, None]) ** 2 + (y[:, None] - places[..., 1, None, None]) ** 2
    return (torch.exp(-distance / 64),)


@pytest.mark.parametrize("stride", [0.5, 1.0])
def test_classes_are_places(stride):
    places = _places((192, 256))
    found, scores = SimCC(stride).joints(_simcc(places, (192, 256), stride))
    torch.testing.assert_close(found, places)
    torch.testing.assert_close(scores, torch.ones(2, 17))


def test_a_score_is_that_of_the_less_sure_axis():
    x, y = torch.zeros(1, 17, 10), torch.zeros(1, 17, 20)
    x[..., 3], y[..., 8] = 0.9, 0.4
    found, scores = SimCC(1.0).joints((x, y))
    assert found[0, 0].tolist() == [3, 8] and scores[0, 0].item() == pytest.approx(0.4)


@pytest.mark.parametrize("stride", [0.5, 1.0])
def test_the_mirror_image_of_classes_says_the_same(stride):
    size = 192, 256
    places = _places(size)
    mirrored = places[:, FLIP].clone()
    mirrored[..., 0] = size[0] - 1 - mirrored[..., 0]
    decoding = SimCC(stride)
    both = decoding.averaged(_simcc(places, size, stride), _simcc(mirrored, size, stride), COCO17)
    torch.testing.assert_close(decoding.joints(both)[0], places)


def test_the_mirror_image_of_heatmaps_says_the_same():
    size = 192, 256
    places = torch.round(_places(size) / 4) * 4
    mirrored = places[:, FLIP].clone()
    mirrored[..., 0] = size[0] - mirrored[..., 0]  # a cell further: a cell stands for its first pixel
    decoding = Heatmaps(4)
    (both,) = decoding.averaged(_heatmaps(places, size), _heatmaps(mirrored, size), COCO17)
    torch.testing.assert_close(both[..., 1:], _heatmaps(places, size)[0][..., 1:], atol=1e-5, rtol=0)
    torch.testing.assert_close(decoding.joints((both,))[0], places, atol=1e-3, rtol=0)
