"""Small networks with random weights that give lively maps."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import nn

from skelstream.network.architectures import Network
from skelstream.network.openpose import OpenPoseConfig, OpenPoseNetwork
from skelstream.network.paf import PafConfig, PafNetwork
from skelstream.network.ranged_conv import measure_ranges


def enliven(network: Network) -> Network:
    """Random weights of a size that keeps activations alive, and statistics as training leaves them."""
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan_in = module.weight[0].numel()
            nn.init.normal_(module.weight, 0, (1.5 / fan_in) ** 0.5, generator=generator)
            if module.bias is not None:
                nn.init.uniform_(module.bias, -0.1, 0.1, generator=generator)
        elif isinstance(module, nn.BatchNorm2d):
            if module.affine:
                nn.init.uniform_(module.weight, 0.5, 1.5, generator=generator)
                nn.init.uniform_(module.bias, -0.2, 0.2, generator=generator)
            nn.init.uniform_(module.running_mean, -0.2, 0.2, generator=generator)
            nn.init.uniform_(module.running_var, 0.5, 1.5, generator=generator)
    return network.eval()


def make_network(name: str) -> Network:
    """``movenet`` or ``openpose``, the latter with two of its six stages."""
    if name == "openpose":
        return enliven(OpenPoseNetwork(OpenPoseConfig(stages=2)))
    network = enliven(PafNetwork(PafConfig(backbone=name, width=32, layers=2)))
    measure_ranges(network, [torch.rand(1, 3, 96, 128, generator=torch.Generator().manual_seed(0)) * 255])
    return network


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other cost these small networks more than they bring."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def enlivened() -> Callable[[Network], Network]:
    return enliven


@pytest.fixture(scope="session")
def movenet() -> PafNetwork:
    return make_network("movenet")


@pytest.fixture(scope="session", params=["movenet", "openpose"])
def network(request: pytest.FixtureRequest) -> Network:
    return make_network(request.param)
