from __future__ import annotations

from pathlib import Path

import pytest
import torch

from skelstream.errors import ModelError
from skelstream.network.backbones.hrnet import HRNetW32
from skelstream.network.paf import PafConfig, PafNetwork
from skelstream.network.top_down import TopDownConfig, TopDownNetwork
from skelstream.network.weights import save_weights
from skelstream.training.initial_weights import load_initial_weights

CONFIG = PafConfig("movenet", width=8, layers=1)


def equal(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def test_random_weights_follow_the_seed() -> None:
    a, b, c = (load_initial_weights(None, CONFIG, seed) for seed in (1, 1, 2))
    assert equal(a.state, b.state) and not equal(a.state, c.state) and a.origin == "random weights"


def test_weights_of_an_earlier_run(tmp_path: Path) -> None:
    torch.manual_seed(5)
    state = PafNetwork(CONFIG).state_dict()
    path = tmp_path / "stage-one.safetensors"
    save_weights(path, state, "paf", CONFIG.to_dict(), {})
    start = load_initial_weights(path, CONFIG, 0)
    assert equal(start.state, state) and start.origin.startswith("stage-one.safetensors (sha256 ")
    with pytest.raises(ModelError, match="stage-one.safetensors: weights of another network"):
        load_initial_weights(path, PafConfig("movenet", width=16, layers=1), 0)


def test_a_pretrained_backbone_with_random_stages(tmp_path: Path) -> None:
    torch.manual_seed(7)
    backbone = HRNetW32().state_dict()
    path = tmp_path / "hrnet-w32.pth"
    torch.save(backbone, path)
    hrnet = PafConfig("hrnet-w32", width=8, layers=1)
    state = load_initial_weights(path, hrnet, 3).state
    scratch = load_initial_weights(None, hrnet, 3).state
    for name, tensor in state.items():
        inner = name.removeprefix("features.backbone.")
        assert torch.equal(tensor, backbone[inner] if inner != name else scratch[name]), name
    with pytest.raises(ModelError, match="the backbone movenet starts from .* in a .json file"):
        load_initial_weights(path, PafConfig("movenet"), 0)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("x.onnx", "the backbone movenet starts from a .safetensors file"),
        ("x.safetensors", "x.safetensors: not a skelstream weights file"),
        ("x.json", "x.json: not MoveNet"),
    ],
)
@pytest.mark.parametrize("there", [True, False])
def test_unsuitable_initial_weights_are_reported(
    tmp_path: Path, name: str, message: str, there: bool
) -> None:
    if there:
        (tmp_path / name).write_bytes(b"nothing")
    with pytest.raises(ModelError, match=message):
        load_initial_weights(tmp_path / name, CONFIG, 0)


def test_a_top_down_network_starts_from_one_of_other_crops(tmp_path: Path) -> None:
    state = TopDownNetwork().state_dict()
    path = tmp_path / "large.safetensors"
    save_weights(path, state, "topdown", TopDownConfig().to_dict(), {})
    assert equal(load_initial_weights(path, TopDownConfig(192, 128), 0).state, state)
    with pytest.raises(ModelError, match="weights of another network"):
        load_initial_weights(path, CONFIG, 0)
