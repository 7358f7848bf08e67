"""Rounding to eight bits keeps the maps, and leaves alone what eight bits cannot hold."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import nn

from skelstream.network.paf import PafConfig, PafNetwork
from skelstream.network.quantised import quantised


@pytest.fixture(scope="module", params=["movenet", "efficientnet"])
def trained(request: pytest.FixtureRequest, enlivened) -> tuple[PafNetwork, torch.Tensor]:
    """A network whose batch norms know its activations, as training leaves them, and images that it knows."""
    network = enlivened(PafNetwork(PafConfig(request.param, width=32, layers=2, confidence_stages=2)))
    images = torch.rand(4, 3, 64, 96, generator=torch.Generator().manual_seed(1)) * 255
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
            module.reset_running_stats()
    with torch.no_grad():
        network.train()(images)
    return network.eval(), images


def test_maps_stay_close(trained) -> None:
    network, images = trained
    with torch.inference_mode():
        for maps, rounded in zip(network(images), quantised(network)(images), strict=True):
            apart = (maps - rounded).square().mean().sqrt()
            assert 0 < apart < 0.06 * maps.std()


def test_activations_and_weights_take_few_values(trained) -> None:
    network, images = trained
    rounded, seen = quantised(network), []
    block = rounded.paf_stages[0].convs[1][0]
    weights = block.conv.weight / block.steps[:, None, None, None]
    handle = nn.modules.module.register_module_forward_hook(
        lambda module, inputs, output: seen.append(inputs[0]) if module is block else None
    )
    with torch.inference_mode():
        rounded(images)
    handle.remove()
    assert weights.abs().max() <= 127.01
    highest = 255 * block.step
    beyond = (seen[0] > highest).float().mean()
    assert seen[0].min() == 0 and beyond < 1e-3  # what the batch norm foretells covers nearly all there is


def test_the_network_itself_stays(trained) -> None:
    network, _ = trained
    before = deepcopy(network.state_dict())
    quantised(network)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert isinstance(network.paf_stages[0].convs[0][1], nn.BatchNorm2d)
