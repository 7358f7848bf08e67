"""A name that is in no table is one clear error, wherever it comes in."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from skelstream.cli import app
from skelstream.errors import FormatError, ModelError, SettingsError
from skelstream.network.architectures import build_network
from skelstream.network.model_file import read_header
from skelstream.network.paf import PafConfig, PafNetwork
from skelstream.network.weights import load_network, save_weights
from skelstream.runtimes.registry import choose_runtime
from skelstream.training.recipe_file import read_recipe

BACKBONE = "backbone 'resnet50' is not one of movenet, hrnet-w32"
LIMBS = "limbs 'some' is not one of openpose, dense"
WRONG = [({"backbone": "resnet50"}, BACKBONE), ({"limbs": "some"}, LIMBS)]


@pytest.mark.parametrize(("config", "said"), WRONG)
def test_in_python(config: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        PafConfig(**config)
    with pytest.raises(ValueError, match=said):
        build_network("paf", config)


def test_networks_and_their_settings() -> None:
    with pytest.raises(SettingsError, match="unknown network 'yolo'; known: paf, openpose, topdown"):
        build_network("yolo", {})
    with pytest.raises(SettingsError, match="a paf network has no setting depth"):
        build_network("paf", {"depth": 3})


@pytest.mark.parametrize(("config", "said"), WRONG)
def test_in_a_weights_file(tmp_path: Path, config: dict[str, str], said: str) -> None:
    path = tmp_path / "a.safetensors"
    state = PafNetwork(PafConfig(width=8, layers=1)).state_dict()
    save_weights(path, state, "paf", {"width": 8, "layers": 1, **config}, {})
    with pytest.raises(ModelError, match=f"a.safetensors: .*{said}"):
        load_network(read_header(path))


@pytest.mark.parametrize(("config", "said"), WRONG)
def test_in_a_recipe(tmp_path: Path, config: dict[str, str], said: str) -> None:
    (name, value), path = *config.items(), tmp_path / "a.toml"
    path.write_text(f'[network]\n{name} = "{value}"\n[[set]]\nannotations = "a.json"\nimages = "a"\n')
    with pytest.raises(FormatError, match=rf"a.toml: \[network\] {said}"):
        read_recipe(path, tmp_path)


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("runtime", "tensorrt", "unknown runtime 'tensorrt'; known: auto, openvino, torch"),
        ("precision", "int4", "unknown precision 'int4'; known: auto, float32, bfloat16, int8, float16"),
    ],
)
def test_runtimes_and_precisions(walk: Path, tmp_path: Path, option: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        choose_runtime(PafNetwork(PafConfig(width=8, layers=1)), **{option: value})
    output = tmp_path / "a.npz"
    result = CliRunner().invoke(app, ["extract", str(walk), "-o", str(output), f"--{option}", value])
    assert result.exit_code == 2 and said in result.output and "\n" not in result.output.strip()
