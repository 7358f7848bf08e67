"""Rounding to eight bits keeps the maps, also where channels differ much in size."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import nn

from skelstream.errors import ModelError
from skelstream.network.openpose import OpenPoseConfig, OpenPoseNetwork
from skelstream.network.paf import PafConfig, PafNetwork
from skelstream.network.quantised import has_ranges, quantised
from skelstream.network.ranged_conv import RangedConv, measure_ranges


@pytest.fixture(scope="module")
def trained(enlivened) -> tuple[PafNetwork, torch.Tensor]:
    """A network whose batch norms and ranges know its activations, as training leaves them, and images that it knows."""
    network = enlivened(PafNetwork(PafConfig("movenet", width=32, layers=2, confidence_stages=2)))
    images = torch.rand(4, 3, 64, 96, generator=torch.Generator().manual_seed(1)) * 255
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
            module.reset_running_stats()
    with torch.no_grad():
        network.train()(images)
    measure_ranges(network.eval(), [images])
    return network, images


def test_maps_stay_close(trained) -> None:
    network, images = trained
    with torch.inference_mode():
        for maps, rounded in zip(network(images), quantised(network)(images), strict=True):
            apart = (maps - rounded).square().mean().sqrt()
            # Random weights pass errors on from layer to layer as trained ones do not.
            assert 0 < apart < 0.2 * maps.std()


def test_small_channels_beside_large_ones_are_not_lost() -> None:
    torch.manual_seed(0)
    sizes = torch.logspace(-2, 2, 16)[:, None, None]
    network = nn.Sequential(RangedConv(16, 8, 1, bias=False))
    with torch.no_grad():
        network[0].weight /= sizes  # each channel counts alike
    images = torch.randn(2, 16, 8, 8) * sizes
    measure_ranges(network, [images])
    with torch.inference_mode():
        exact, rounded = network(images), quantised(network)(images)
        network[0].range[:] = network[0].range.abs().max() * torch.tensor([[-1.0], [1.0]])
        plain = quantised(network)(images)
    assert (rounded - exact).std() < 0.05 * exact.std()
    assert (plain - exact).std() > 0.5 * exact.std()


def test_activations_and_weights_take_few_values(trained) -> None:
    network, images = trained
    rounded, seen = quantised(network), []
    block = rounded.paf_stages[0].convs[1][0]
    weights = block.weight / block.steps[:, None, None, None]
    handle = nn.modules.module.register_module_forward_hook(
        lambda module, inputs, output: seen.append(inputs[0]) if module is block else None
    )
    with torch.inference_mode():
        rounded(images)
    handle.remove()
    # Two products of an input and a weight fit into 16 bits: some CPUs add up no wider.
    assert 2 * block.highest * weights.abs().max() < 2**15
    scaled = seen[0] * block.inverse
    assert (block.lowest, block.highest) == (0, 255) and scaled.min() == 0 and scaled.max() < 1.2


def test_the_network_itself_stays(trained) -> None:
    network, _ = trained
    before = deepcopy(network.state_dict())
    quantised(network)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert isinstance(network.paf_stages[0].convs[0][1], nn.BatchNorm2d)


@pytest.mark.parametrize(
    "network", [PafNetwork(PafConfig(width=8)), OpenPoseNetwork(OpenPoseConfig(stages=1))]
)
def test_without_ranges_there_is_nothing_to_round_by(network: nn.Module) -> None:
    assert not has_ranges(network)
    with pytest.raises(ModelError, match="use float32"):
        quantised(network)
