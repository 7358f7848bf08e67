from __future__ import annotations

import hashlib
import http.server
import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner, Result

from skelstream.cli import app
from skelstream.files.wheels import WheelFile
from skelstream.network import fetched, model_file, weights
from skelstream.network.model_card import make_card
from skelstream.network.openpose import OpenPoseConfig, OpenPoseNetwork
from skelstream.network.paf import PafConfig, PafNetwork

from ..files.wheels import offered_wheel

pytestmark = pytest.mark.slow


def run(*arguments: object) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Replace the packaged models by one, ``young``."""
    torch.manual_seed(0)
    network = PafNetwork(PafConfig("movenet", width=8, layers=1))
    card = make_card(
        network, data="COCO dev crops", licence="Apache-2.0", figures={"AP": 23.7, "images": 259}
    )
    folder = tmp_path / "packaged"
    folder.mkdir()
    path = folder / "young.safetensors"
    weights.save_weights(path, network.state_dict(), "paf", network.config.to_dict(), card)
    monkeypatch.setattr(model_file, "packaged_models", lambda: {"young": path})
    monkeypatch.setattr(model_file, "DETECTOR", "young")
    monkeypatch.setattr("skelstream.settings.models.DETECTOR", "young")
    return path


@pytest.fixture(scope="module")
def port_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in OpenPoseNetwork().state_dict().items()}
    state = {name.split(".", 1)[1]: torch.full((1,), 1e-3).expand(shape) for name, shape in shapes.items()}
    path = tmp_path_factory.mktemp("port") / "body_pose_model.pth"
    torch.save(state, path)
    return path


def test_list_shows_weights(packaged: Path) -> None:
    result = run("models", "list")
    assert result.exit_code == 0
    assert all(len(line) <= 80 for line in result.output.splitlines())
    line = next(line for line in result.stdout.splitlines() if "young" in line)
    assert "detection" in line and "AP 23.7" in line and "259" not in result.output


def test_list_without_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_file, "packaged_models", dict)
    result = run("models", "list")
    assert result.exit_code == 0 and "no weights are installed" in result.output


def test_show_prints_the_card_of_a_name_or_a_file(packaged: Path) -> None:
    by_name, by_file = run("models", "show", "young"), run("models", "show", packaged)
    assert by_name.exit_code == by_file.exit_code == 0
    assert by_name.output == by_file.output
    for words in (
        hashlib.sha256(packaged.read_bytes()).hexdigest(), "paf, backbone movenet, width 8", "COCO dev crops",
        "Apache-2.0", "AP 23.7", "right_elbow", "neck-right_shoulder", "x / 127.5 - 1", "divisible by 32",
    ):  # fmt: skip
        assert words in by_name.output


def test_show_of_an_unknown_name_is_an_error(packaged: Path) -> None:
    result = run("models", "show", "old")
    assert result.exit_code == 2
    assert "old: no such weights file or packaged model; packaged models: young" in result.stderr


def test_imported_weights_are_usable(port_file: Path, here: Path) -> None:
    result = run("models", "import", port_file)
    assert result.exit_code == 0, result.output
    assert "wrote body_pose_model.safetensors" in result.output and "noncommercial" in result.output
    file = model_file.read_header(here / "body_pose_model.safetensors")
    assert file.architecture == "openpose"
    network = weights.load_network(file)
    assert isinstance(network, OpenPoseNetwork) and network.model6_2.Mconv7_stage6_L2.bias[0] == 1e-3
    shown = run("models", "show", "body_pose_model.safetensors").output
    assert "52,311,446" in shown and "BGR, x / 256 - 0.5" in shown and "not measured" in shown
    again = run("models", "import", port_file)
    assert (
        again.exit_code == 1 and "exists; choose another name, or replace it with --overwrite" in again.stderr
    )


def test_import_of_an_unknown_file_writes_nothing(here: Path) -> None:
    torch.save({"Mconv7_stage6.weight": torch.zeros(1)}, here / "hand.pth")
    result = run("models", "import", "hand.pth", "-o", "x.safetensors")
    assert result.exit_code == 1 and "hand model" in result.stderr and result.stderr.count("\n") == 1
    torch.save({"encoder.weight": torch.zeros(1)}, here / "other.pth")
    result = run("models", "import", "other.pth", "-o", "x.safetensors")
    assert (
        result.exit_code == 1
        and "other.pth: weights of neither" in result.stderr
        and "encoder.weight" in result.stderr
    )
    assert not (here / "x.safetensors").exists()


def test_weights_are_exported(packaged: Path, here: Path) -> None:
    assert run("models", "export", "young", "-o", "mine.safetensors").exit_code == 0
    copy, original = model_file.read_header(here / "mine.safetensors"), model_file.read_header(packaged)
    assert (copy.architecture, copy.config, copy.card) == (
        original.architecture,
        original.config,
        original.card,
    )
    assert run("models", "export", "young", "-o", "mine.pth").exit_code == 0
    state, expected = torch.load("mine.pth", weights_only=True), weights.load_network(original).state_dict()
    assert state.keys() == expected.keys() and all(torch.equal(state[name], expected[name]) for name in state)


def test_import_of_a_network_with_fewer_stages(here: Path) -> None:
    state = {name: t * 0 for name, t in OpenPoseNetwork(OpenPoseConfig(1)).state_dict().items()}
    weights.save_weights(here / "one.safetensors", state, "openpose", {"stages": 1}, {})
    assert run("models", "export", "one.safetensors", "-o", "one.pth").exit_code == 0
    result = run("models", "import", "one.pth", "-o", "two.safetensors")
    assert result.exit_code == 1 and "140 of 184 tensors are missing and 0 are unknown" in result.stderr


def test_export_to_onnx(packaged: Path, here: Path) -> None:
    onnx = pytest.importorskip("onnx")
    result = run("models", "export", "young", "-o", "young.onnx")
    assert result.exit_code == 0, result.output
    metadata = {entry.key: json.loads(entry.value) for entry in onnx.load("young.onnx").metadata_props}
    assert metadata["card"]["sha256"] == hashlib.sha256(packaged.read_bytes()).hexdigest()
    assert metadata["card"]["licence"] == "Apache-2.0"
    again = run("models", "export", "young", "-o", "young.onnx")
    assert again.exit_code == 1 and "exists" in again.stderr
    wrong = run("models", "export", "young", "-o", "young.pb")
    assert wrong.exit_code == 1 and "choose .safetensors, .pth or .onnx" in wrong.stderr


def test_fetch_checks_and_writes_a_file(packaged: Path, here: Path) -> None:
    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(packaged.parent))

        def log_message(self, *args: object) -> None:
            pass

    digest = hashlib.sha256(packaged.read_bytes()).hexdigest()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        result = run("models", "fetch", f"{address}/young.safetensors?download=1", "--sha256", digest)
        wrong = run("models", "fetch", f"{address}/young.safetensors", "--sha256", "0" * 64, "-o", "b")
        unnamed = run("models", "fetch", f"{address}/", "--sha256", digest)
        again = run("models", "fetch", f"{address}/young.safetensors", "--sha256", digest)
        server.shutdown()
        thread.join()
    assert result.exit_code == 0 and "wrote young.safetensors" in result.output
    assert (here / "young.safetensors").read_bytes() == packaged.read_bytes()
    assert wrong.exit_code == 1 and f"has SHA-256 {digest}" in wrong.stderr and not (here / "b").exists()
    assert unnamed.exit_code == 2 and "--output" in unnamed.stderr
    assert again.exit_code == 1 and "exists" in again.stderr


def test_fetch_of_the_networks_for_hands_and_faces(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKELSTREAM_MODELS", str(here / "networks"))
    content = b"a network" * 9
    wheel = offered_wheel(here / "index", monkeypatch, {"hand.tflite": content})
    file = WheelFile(wheel, "hand.tflite", hashlib.sha256(content).hexdigest())
    model = replace(fetched.fetchable_models()["mediapipe-hand"], file=file)
    monkeypatch.setattr(fetched, "fetchable_models", lambda: {"mediapipe-hand": model})
    assert "mediapipe" not in run("models", "list").output
    missing = run("models", "show", "mediapipe-hand")
    assert missing.exit_code == 1 and "run: skelstream models fetch whole-body" in missing.stderr
    result = run("models", "fetch", "whole-body")
    assert result.exit_code == 0, result.output
    assert f"mediapipe-hand: wrote {here / 'networks' / 'mediapipe-hand.tflite'}" in result.output
    assert "licence: CC0-1.0" in result.output
    assert "already there and intact" in run("models", "fetch", "whole-body").output
    listed = run("models", "list").output
    assert "mediapipe-hand" in listed and all(len(line) <= 80 for line in listed.splitlines())
    shown = run("models", "show", "mediapipe-hand").output
    for words in (file.sha256, "walkers 1.2", "Apache-2.0", "98% on four photos", "21 joints of a hand"):
        assert words in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["whole-body", "--sha256", "0" * 64], "belongs to a URL"),
        (["whole-body", "-o", "x"], "belongs to a URL"),
        (["whole"], "neither whole-body nor an http"),
        (["http://127.0.0.1/a"], "give the SHA-256"),
    ],
)
def test_fetch_of_something_else_is_an_error(arguments: list[str], words: str) -> None:
    result = run("models", "fetch", *arguments)
    assert result.exit_code == 2 and words in result.stderr
