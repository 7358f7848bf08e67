from __future__ import annotations

import pytest
import torch
from torch import nn

from skelstream.network.model_file import find_model, read_header
from skelstream.network.quantised import has_ranges, quantised
from skelstream.network.top_down import TopDownConfig, TopDownNetwork
from skelstream.network.unshuffled import unshuffled
from skelstream.network.weights import load_image_network
from skelstream.settings.models import REFINER

pytestmark = pytest.mark.slow


def _crops(size: tuple[int, int]) -> torch.Tensor:
    return torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0)) * 255


def test_the_packaged_weights_give_the_same_heatmaps() -> None:
    network = load_image_network(read_header(find_model(REFINER)))
    assert isinstance(network, TopDownNetwork)
    crops = _crops((256, 192))
    with torch.no_grad():
        want, got = network.eval()(crops), unshuffled(network)(crops)
    assert want.max() > 0.02
    torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-4)


def test_eight_bits_give_nearly_the_same_heatmaps() -> None:
    network = load_image_network(read_header(find_model(REFINER)))
    assert isinstance(network, TopDownNetwork) and has_ranges(network)
    crops = _crops((256, 192)) / 4
    with torch.no_grad():
        want, got = network.eval()(crops), quantised(unshuffled(network))(crops)
    assert 0 < (got - want).abs().mean() < 0.3 * want.std()


def test_random_weights_give_the_same_heatmaps_and_the_original_stays() -> None:
    torch.manual_seed(0)
    network = TopDownNetwork(TopDownConfig(64, 96)).eval()
    for name, values in network.named_parameters():
        if name.endswith("bias"):
            nn.init.normal_(values, 0.5, 0.5)
    before = {name: values.clone() for name, values in network.state_dict().items()}
    crops = _crops((64, 96))
    with torch.no_grad():
        want, got = network(crops), unshuffled(network)(crops)
    assert want.std() > 0.01
    torch.testing.assert_close(got, want, atol=1e-4, rtol=1e-4)
    assert all(torch.equal(values, before[name]) for name, values in network.state_dict().items())
