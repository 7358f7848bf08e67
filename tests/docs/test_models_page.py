"""The commands and snippets of docs/reference/models.md run, with the packaged weights."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from skelstream.cli import app
from skelstream.network import download
from skelstream.network.model_file import find_model
from skelstream.network.openpose import OpenPoseNetwork

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "models.md"
DOCUMENTED = re.findall(r"```(\w+)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)

pytestmark = pytest.mark.slow


def test_what_the_page_shows_runs(tmp_path, monkeypatch, capsys):
    pytest.importorskip("onnx")
    pytest.importorskip("openvino")
    monkeypatch.chdir(tmp_path)
    fetched = []
    monkeypatch.setattr(
        download, "fetch", lambda url, sha256, path, report: fetched.append((url, sha256, path))
    )
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in OpenPoseNetwork().state_dict().items()}
    state = {name.split(".", 1)[1]: torch.full((1,), 1e-3).expand(shape) for name, shape in shapes.items()}
    torch.save(state, "body_pose_model.pth")
    Path("runs/long").mkdir(parents=True)
    shutil.copy(find_model("skelstream-movenet"), "runs/long/weights.safetensors")
    commands = [
        line for kind, block in DOCUMENTED if kind == "sh" for line in block.replace("\\\n", "").splitlines()
    ]
    for command in commands:
        name, *arguments = shlex.split(command)
        added = ["--overwrite"] if arguments[1] == "export" else []
        done = CliRunner(env={"COLUMNS": "200"}).invoke(app, [*arguments, *added])
        assert name == "skelstream" and done.exit_code == 0, f"{command}: {done.output}"
    assert fetched == [("https://example.org/weights.safetensors", "0" * 64, Path("weights.safetensors"))]
    for kind, code in DOCUMENTED:
        if kind == "python":
            exec(code, {})
    first, *printed = capsys.readouterr().out.splitlines()
    assert "mediapipe-hand has not been fetched" in first  # as in a test, which has a cache of its own
    assert printed == [
        "nose (1, 18, 80, 104) (1, 58, 80, 104)",
        "OpenVINO, cpu, float32",
    ]
