"""Weights files: what is written is read, what is wrong is named, what is packaged is complete."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import safetensors.torch
import torch

from skelstream.errors import ModelError, OutputError, SettingsError
from skelstream.network.architectures import Network
from skelstream.network.lifting import LiftingNetwork
from skelstream.network.model_card import FIELDS, make_card, missing_fields
from skelstream.network.model_file import find_model, packaged_models, read_header
from skelstream.network.openpose import OpenPoseNetwork
from skelstream.network.weights import load_network, save_weights


def architecture(network: Network) -> str:
    return "openpose" if isinstance(network, OpenPoseNetwork) else "paf"


def save(path: Path, network: Network) -> None:
    card = make_card(network, data="nothing", licence="none", figures={"AP": 0.1})
    save_weights(path, network.state_dict(), architecture(network), network.config.to_dict(), card)


def test_a_network_comes_back_as_it_was(network: Network, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save(path, network)
    file = read_header(path)
    assert file.architecture == architecture(network)
    assert file.sha256() == hashlib.sha256(path.read_bytes()).hexdigest()
    assert not missing_fields(file.card)
    loaded = load_network(file)
    assert type(loaded) is type(network) and loaded.config == network.config and not loaded.training
    expected = network.state_dict()
    assert loaded.state_dict().keys() == expected.keys()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in loaded.state_dict().items())
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]


def test_half_precision_weights_run_in_float32(movenet: Network, tmp_path: Path) -> None:
    state = {name: tensor.half() for name, tensor in movenet.state_dict().items()}
    save_weights(tmp_path / "h.safetensors", state, "paf", movenet.config.to_dict(), {})
    assert {p.dtype for p in load_network(read_header(tmp_path / "h.safetensors")).parameters()} == {
        torch.float32
    }


def test_card(network: Network) -> None:
    card = make_card(network, data="COCO", licence="Apache-2.0", figures={})
    assert missing_fields(card) == ["figures"]
    assert missing_fields({}) == list(FIELDS)
    assert card["limbs"][0] == ["neck", "right_shoulder"]
    assert f"divisible by {network.size_divisor}" in card["input"] and network.normalisation in card["input"]


def test_what_is_not_a_weights_file_is_named(movenet: Network, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"not safetensors at all")
    with pytest.raises(ModelError, match="not a skelstream weights file"):
        read_header(path)
    safetensors.torch.save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(ModelError, match="not a skelstream weights file"):
        read_header(path)
    save(path, movenet)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ModelError, match="x.safetensors"):
        load_network(read_header(path))


def test_damage_within_the_weights_is_noticed(movenet: Network, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save(path, movenet)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x40
    path.write_bytes(content)
    with pytest.raises(ModelError, match="x.safetensors: damaged: its checksum is wrong"):
        load_network(read_header(path))
    state = dict(movenet.state_dict())
    name = next(name for name, tensor in state.items() if tensor.is_floating_point())
    state[name] = torch.full_like(state[name], torch.nan)
    save_weights(path, state, "paf", movenet.config.to_dict(), {})
    with pytest.raises(ModelError, match="some of its weights are not numbers"):
        load_network(read_header(path))


def test_weights_that_do_not_fit_are_named(movenet: Network, tmp_path: Path) -> None:
    path, state = tmp_path / "x.safetensors", movenet.state_dict()
    for architecture, config, words in (
        ("paf", {"backbone": "hrnet-w32"}, "do not fit"),
        ("paf", {"colour": "red"}, "do not fit"),
        ("hourglass", {}, "unknown network 'hourglass'"),
    ):
        save_weights(path, state, architecture, config, {})
        with pytest.raises(ModelError, match=words) as error:
            load_network(read_header(path))
        assert "\n" not in str(error.value)


def test_a_file_that_cannot_be_written(movenet: Network, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write"):
        save(tmp_path / "missing" / "x.safetensors", movenet)


def test_names_and_paths(movenet: Network, tmp_path: Path) -> None:
    save(tmp_path / "mine.safetensors", movenet)
    assert find_model(str(tmp_path / "mine.safetensors")) == tmp_path / "mine.safetensors"
    with pytest.raises(SettingsError, match="no such weights file or packaged model"):
        find_model(str(tmp_path / "other.safetensors"))


def test_every_packaged_model_loads_and_its_card_is_complete() -> None:
    for name, path in packaged_models().items():
        file = read_header(find_model(name))
        assert file.path == path
        assert not missing_fields(file.card), f"{name}: the card lacks {missing_fields(file.card)}"
        network = load_network(file)
        if isinstance(network, LiftingNetwork):
            inputs = torch.zeros(1, network.config.frames, len(network.source), network.features)
        else:
            inputs = torch.zeros(1, 3, *network.example_size)
        outputs = network(inputs)
        for maps in outputs if isinstance(outputs, tuple) else (outputs,):
            assert maps.isfinite().all()


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("card", "[1]", "card is \\[1\\], an object of named values expected"),
        ("card", '"figures"', "card is 'figures', an object"),
        ("card", "{", "card: not JSON"),
        ("card", "[" * 100_000, "card: not JSON"),
        ("config", "5", "config is 5, an object"),
        ("config", None, "'config'"),
    ],
)
def test_a_header_of_other_types_is_refused(tmp_path, key, value, message):
    metadata = {"architecture": "paf", "config": "{}", "card": "{}", key: value}
    path = tmp_path / "odd.safetensors"
    safetensors.torch.save_file(
        {"a": torch.zeros(1)}, path, {k: v for k, v in metadata.items() if v is not None}
    )
    with pytest.raises(ModelError, match=f"not a skelstream weights file.*{message}"):
        read_header(path)


@pytest.mark.parametrize("ending", ["onnx", "xml", "toml"])
def test_a_graph_as_weights_is_told_its_place(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    path.write_bytes(b"anything")
    with pytest.raises(ModelError, match="can only be the refiner"):
        read_header(path)
