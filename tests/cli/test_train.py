from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from skelstream.cli import app
from skelstream.network.backbones import movenet
from skelstream.network.model_file import read_header
from skelstream.skeleton import COCO17

pytestmark = pytest.mark.slow

RECIPE = """
[run]
samples = 16
batch = 4
precision = "float32"
warmup = 4
[network]
backbone = "movenet"
width = 16
layers = 1
[augmentation]
crop = 64
[evaluation]
annotations = "dev.json"
images = "dev"
size = 64
every = 8
metric = "PCK"
[[set]]
annotations = "train.json"
images = "train"
"""


def write_set(folder: Path, name: str, count: int) -> dict:
    """Write images of one person each: joints on a grid, on a noisy background."""
    (folder / name).mkdir()
    keypoints = [[20 + 15 * (j % 3), 10 + 7 * (j // 3), 2] for j in range(17)]
    images, annotations = [], []
    for i in range(count):
        pixels = np.random.default_rng(i).integers(0, 256, (64, 64, 3)).astype(np.uint8)
        cv2.imwrite(str(folder / name / f"{i}.jpg"), pixels)
        images.append({"id": i, "file_name": f"{i}.jpg", "height": 64, "width": 64})
        annotations.append({
            "id": i, "image_id": i, "category_id": 1, "iscrowd": 0, "bbox": [15, 5, 40, 45], "area": 900,
            "keypoints": np.ravel(keypoints).tolist(), "num_keypoints": 17,
        })  # fmt: skip
    category = {"id": 1, "name": "person", "keypoints": list(COCO17.joints)}
    content = {"images": images, "annotations": annotations, "categories": [category]}
    (folder / f"{name}.json").write_text(json.dumps(content))
    return content


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_set(tmp_path, "train", 5)
    write_set(tmp_path, "dev", 2)
    (tmp_path / "tiny.toml").write_text(RECIPE)
    return tmp_path


@pytest.fixture
def train(data: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that runs the command on the set, with a narrow backbone for speed."""
    monkeypatch.setattr(movenet, "_BLOCKS", [(1, outputs, stride) for _, outputs, stride in movenet._BLOCKS])
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)

    def run(*arguments: object):
        fixed = ["train", str(data / "tiny.toml"), "--data", str(data), "--workers", "0", "--device", "cpu"]
        return CliRunner().invoke(app, fixed + [str(a) for a in arguments])

    yield run
    torch.set_num_threads(threads)


def samples_of(path: Path) -> list[str]:
    with path.open() as file:
        return [row["samples"] for row in csv.DictReader(file)]


def test_a_run_trains_and_writes_weights(train, data: Path) -> None:
    run = data / "runs" / "a"
    result = train("-o", run, "--samples", 8, "--evaluate-every", 4)
    assert result.exit_code == 0, result.output
    assert "train.json: 5 images, 5 people" in result.output
    assert "tiny: 8 samples on cpu, float32, from random weights" in result.output
    assert "sample 4: PCK " in result.output and "on 2 images" in result.output
    assert f"wrote {run / 'weights.safetensors'}" in result.output.replace("\n", "")
    assert samples_of(run / "scores.csv") == ["4", "8"]
    assert read_header(run / "weights.safetensors").card["training"]["samples"] == 8
    # The weights can start another run, but not in the same folder.
    again = train("-o", run, "--samples", 8)
    assert (
        again.exit_code == 1 and "holds a run; resume it, or choose another folder (--resume)" in again.output
    )
    other = train("-o", data / "b", "--start", run / "weights.safetensors", "--samples", 4)
    assert other.exit_code == 0 and "from weights.safetensors (sha256 " in other.output
    longer = train("-o", run, "--samples", 16, "--resume")
    assert longer.exit_code == 1 and "its cool-down has begun" in longer.output.replace("\n", " ")
    done = train("-o", run, "--samples", 8, "--resume")
    assert done.exit_code == 0 and "resumed at sample 8" in done.output
    assert samples_of(run / "scores.csv") == ["4", "8"]


def test_check_reads_all_data(train, data: Path) -> None:
    content = json.loads((data / "train.json").read_text())
    content["annotations"][1]["keypoints"] = [1, 2, 2]
    (data / "train.json").write_text(json.dumps(content))
    (data / "train" / "0.jpg").unlink()
    whole = (data / "train" / "2.jpg").read_bytes()
    (data / "train" / "2.jpg").write_bytes(whole[: len(whole) // 2])
    result = train("--check")
    assert result.exit_code == 0
    output = result.output
    assert "train.json: 2 images, 2 people" in output
    assert "left out: image is missing: 1 (0.jpg)" in output
    assert "left out: number of keypoints is not 17: 1 (1.jpg)" in output
    assert "left out: image cannot be read: 1" in output and "2.jpg: the JPEG file is truncated" in output
    assert "dev.json: 2 images to evaluate on" in output
    assert {path.name for path in data.iterdir()} == {"train", "train.json", "dev", "dev.json", "tiny.toml"}
    for path in (data / "train").iterdir():
        path.write_bytes(b"")
    result = train("--check")
    assert result.exit_code == 1 and "none of its images can be read" in result.output


def test_errors_are_one_line(train, data: Path) -> None:
    assert train().exit_code == 2
    for arguments, status, message in [
        (("-o", data / "x", "--device", "cuda:9"), 2, "device 'cuda:9' cannot be used here"),
        (("-o", data / "x", "--start", data / "none.pth"), 1, "none.pth"),
        (("-o", data / "x", "--precision", "half"), 1, "precision 'half' is not one of"),
        (("-o", data / "x", "--resume"), 1, "no last.ckpt to resume"),
    ]:
        result = train(*arguments)
        assert result.exit_code == status and message in result.output, result.output
        assert "Traceback" not in result.output and result.output.count("\n") <= 2
    (data / "dev" / "1.jpg").unlink()
    result = train("-o", data / "y")
    assert result.exit_code == 1 and "the first is 1.jpg" in result.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_all_processes_saves_a_checkpoint(data: Path, train, number) -> None:
    run = data / "run"
    narrow = (
        "from skelstream.network.backbones import movenet as m; m._BLOCKS = [(1, *b[1:]) for b in m._BLOCKS];"
    )
    call = "from skelstream.cli import main; main()"
    arguments = ["train", str(data / "tiny.toml"), "--data", str(data), "-o", str(run), "--samples", "40000"]
    process = subprocess.Popen(
        [sys.executable, "-c", narrow + call, *arguments, "--workers", "1", "--device", "cpu"],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 90
    # The first evaluation is done: the run has started.
    while time.monotonic() < deadline and not (run / "best.safetensors").exists():
        assert process.poll() is None
        time.sleep(0.05)
    # Terminals send Ctrl-C to the whole group, timeout and Slurm SIGTERM: workers must not end before the main process.
    os.killpg(process.pid, number)
    output = process.communicate(timeout=60)[1]
    assert process.returncode == 130, output
    assert "Traceback" not in output
    stopped = int(output.split("stopped at sample ")[1].split(";")[0].replace(",", ""))
    assert 8 <= stopped < 40000 and "continue with the same command and --resume" in output
    assert torch.load(run / "last.ckpt", weights_only=True)["sample"] == stopped
