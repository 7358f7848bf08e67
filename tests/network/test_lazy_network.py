"""What is known of a network before it is built equals what it says itself."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from skelstream.errors import ModelError
from skelstream.network.architectures import AnyNetwork, CropNetwork, name_of
from skelstream.network.hrnet import HRNet, HRNetConfig
from skelstream.network.lazy_network import lazy, lazy_network
from skelstream.network.lifting import LiftingConfig, LiftingNetwork
from skelstream.network.model_file import read_header
from skelstream.network.openpose import OpenPoseConfig, OpenPoseNetwork
from skelstream.network.paf import PafConfig, PafNetwork
from skelstream.network.quantised import has_ranges
from skelstream.network.ranged_conv import ranged_convs
from skelstream.network.top_down import TopDownConfig, TopDownNetwork
from skelstream.network.weights import save_weights


def saved(network: AnyNetwork, path: Path) -> Path:
    save_weights(path, network.state_dict(), name_of(network.config), network.config.to_dict(), {})
    return path


@pytest.mark.parametrize(
    "network",
    [
        lambda: PafNetwork(PafConfig(width=8, layers=1, limbs="openpose")),
        lambda: OpenPoseNetwork(OpenPoseConfig(stages=1)),
        lambda: TopDownNetwork(TopDownConfig(128, 96)),
        lambda: HRNet(HRNetConfig(32, 128, 96)),
    ],
    ids=["paf", "openpose", "topdown", "hrnet"],
)
def test_the_header_tells_what_the_network_says(network, tmp_path: Path) -> None:
    built = network()
    file = read_header(saved(built, tmp_path / "a.safetensors"))
    known, expected = lazy_network(file), lazy(built)
    for name in ("skeleton", "stride", "size_divisor", "example_size", "takes_crops"):
        assert getattr(known, name) == getattr(expected, name), name
    assert known.sha256 == file.sha256() and expected.sha256 is None
    assert isinstance(built, CropNetwork) == known.takes_crops
    assert known.has_ranges() == expected.has_ranges() == has_ranges(built)
    assert type(known.load()) is type(built)


def test_ranges_are_found_in_the_file(tmp_path: Path) -> None:
    network = PafNetwork(PafConfig(width=8, layers=1))
    convs = list(ranged_convs(network).values())
    for conv in convs:
        conv.range[1] = 1
    assert lazy_network(read_header(saved(network, tmp_path / "a.safetensors"))).has_ranges()
    convs[0].range.zero_()
    assert not lazy_network(read_header(saved(network, tmp_path / "a.safetensors"))).has_ranges()
    assert not has_ranges(network)


def test_a_file_that_changes_later_has_no_effect(tmp_path: Path) -> None:
    network = PafNetwork(PafConfig(width=8, layers=1))
    path = saved(network, tmp_path / "a.safetensors")
    known = lazy_network(read_header(path))
    expected = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1)
    saved(network, path)
    loaded = known.load().state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in loaded.items())


def test_what_cannot_be_used_is_named(tmp_path: Path) -> None:
    lifting = read_header(saved(LiftingNetwork(LiftingConfig(27, 8)), tmp_path / "lifting.safetensors"))
    with pytest.raises(ModelError, match="lifting.safetensors: weights of a lifting network"):
        lazy_network(lifting)
    path = tmp_path / "other.safetensors"
    save_weights(path, {}, "paf", {"width": 8, "colour": "red"}, {})
    with pytest.raises(ModelError, match="other.safetensors: its weights do not fit"):
        lazy_network(read_header(path))
    save_weights(path, {}, "transformer", {}, {})
    with pytest.raises(ModelError, match="unknown network 'transformer'"):
        lazy_network(read_header(path))
    save_weights(path, {"a": torch.ones(99)}, "paf", {}, {})
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ModelError, match="damaged: its checksum is wrong"):
        lazy_network(read_header(path))
