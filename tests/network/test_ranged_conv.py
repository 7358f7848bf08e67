"""Ranges are those of the images, and travel with the weights."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from skelstream.network.model_file import read_header
from skelstream.network.paf import PafConfig, PafNetwork
from skelstream.network.ranged_conv import RangedConv, measure_ranges, ranged_convs
from skelstream.network.weights import load_network, save_weights


def test_ranges_hold_all_images_and_zero() -> None:
    network = nn.Sequential(RangedConv(2, 1, 1))
    first = torch.tensor([[[[3.0, 1.0]], [[-1.0, -2.0]]]])
    second = torch.tensor([[[[0.5, 2.0]], [[4.0, -0.5]]]])
    measure_ranges(network, [first, second])
    assert network[0].range.tolist() == [[0.0, -2.0], [3.0, 4.0]]
    measure_ranges(network, [second])  # replaces the ranges
    assert network[0].range.tolist() == [[0.0, -0.5], [2.0, 4.0]]


def test_measuring_leaves_the_network_as_it_was() -> None:
    torch.manual_seed(0)
    network = PafNetwork(PafConfig(width=8, layers=1)).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    measure_ranges(network, [torch.rand(1, 3, 64, 64) * 255])
    assert network.training and not any(module._forward_pre_hooks for module in network.modules())
    changed = {n for n, tensor in network.state_dict().items() if not torch.equal(tensor, before[n])}
    assert changed and all(name.endswith(".range") for name in changed)


def test_a_weights_file_holds_them(movenet: PafNetwork, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_weights(path, movenet.state_dict(), "paf", movenet.config.to_dict(), {})
    loaded = ranged_convs(load_network(read_header(path)))
    assert loaded.keys() == ranged_convs(movenet).keys() and len(loaded) > 20
    assert all(torch.equal(conv.range, loaded[name].range) for name, conv in ranged_convs(movenet).items())
