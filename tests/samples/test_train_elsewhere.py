"""Tests of the script that packs data and trains on another machine."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
LEFT = {
    "best.safetensors", "weights.safetensors", "scores.csv", "losses.csv", "curves.png", "evaluation.md",
    "evaluation.json", "log.txt", "run",
}  # fmt: skip
# Answers as python does, the one whose path ends in INSTALLED having skelstream; notes what it is asked for.
STAND_IN = """#!/bin/bash
[[ $3 ]] && echo "${@:2}" >>"$NOTES"
case "$1 $3" in
    "-Pc ") [[ $0 == *"$INSTALLED" ]] ;;
    "-Pc train") mkdir -p "${!#}" && touch "${!#}"/{last.ckpt,scores.csv} && [[ $* != *--precision* ]] || exit 130
        touch "${!#}/best.safetensors" && sleep 0.05 ;;
    "-P "*) echo "{}" ;;
    "-m --system-site-packages") mkdir -p "$4/bin" && cp "$0" "$4/bin/python" ;;
esac
"""


def load(path: Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    """Return a folder with a recipe and its data, as in the tests of the command."""
    folder = tmp_path_factory.mktemp("tiny")
    source = load(ROOT / "tests" / "cli" / "test_train.py")
    (folder / "data").mkdir()
    source.write_set(folder / "data", "train", 5)
    source.write_set(folder / "data", "dev", 2)
    (folder / "tiny.toml").write_text(source.RECIPE.replace("samples = 16", "samples = 4"))
    return folder


@pytest.fixture
def script(tmp_path) -> Callable[..., subprocess.CompletedProcess]:
    """Return a function that runs a copy of the script in an otherwise empty checkout."""
    copy = tmp_path / "checkout" / "samples" / "train_elsewhere.sh"
    copy.parent.mkdir(parents=True)
    shutil.copy(ROOT / "samples" / copy.name, copy)

    def run(*words: object, folder: Path = Path(sys.executable).parent, **more: object):
        env = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
        env |= {name: str(value) for name, value in more.items()}
        return subprocess.run(
            ["bash", copy, *map(str, words)],
            env=env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


@pytest.fixture
def parts(script, tiny, tmp_path) -> Path:
    done = script("pack", tiny / "data", "parts", "20K")
    assert done.returncode == 0, done.stderr
    return tmp_path / "parts"


@pytest.fixture
def stand_in(script, parts, tmp_path):
    """Return a function that runs a recipe with a stand-in for python, and returns its calls."""
    (tmp_path / "bin").mkdir()
    for name in ("skelstream", "python", "python3"):
        (tmp_path / "bin" / name).write_text(STAND_IN)
        (tmp_path / "bin" / name).chmod(0o755)

    def run(*options: str, installed: str = "/bin/python"):
        notes = tmp_path / "notes"
        notes.write_text("")
        more = {"folder": tmp_path / "bin", "NOTES": notes, "INSTALLED": installed}
        return script("run", parts, "tiny", "out", *options, **more), notes.read_text().splitlines()

    return run


def test_parts_are_small_and_reproducible(script, parts, tiny, tmp_path):
    files = sorted(parts.glob("data.tar.part-a?"))
    assert len(files) > 1 and max(f.stat().st_size for f in files) <= 20 * 1024
    shutil.copytree(tiny / "data", tmp_path / "moved", copy_function=shutil.copyfile)
    assert script("pack", tmp_path / "moved", tmp_path / "again", "20K").returncode == 0
    if "GNU" in subprocess.run(["tar", "--version"], capture_output=True, text=True).stdout:
        assert (tmp_path / "again" / "SHA256SUMS").read_text() == (parts / "SHA256SUMS").read_text()


def test_packing_errors_are_one_line(script, parts, tiny, tmp_path):
    shutil.copytree(tiny / "data", tmp_path / "data")
    for data, into, message in [
        ("data", parts, "exists and is not an empty folder"),
        ("data", "data/parts", "would be packed too"),
        ("nowhere", "other", "nowhere: no such folder"),
    ]:
        done = script("pack", data, into)
        assert done.returncode == 1 and message in done.stderr and done.stderr.count("\n") == 1
    assert script("pack", "data").returncode == script("run", parts, "tiny").returncode == 2


def test_a_damaged_part_is_an_error_before_the_work(script, parts, tmp_path):
    part = parts / "data.tar.part-aa"
    content = part.read_bytes()
    part.write_bytes(content[:1000] + b"?" + content[1001:])
    (parts / "data.tar.part-ab").unlink()
    done = script("run", parts, "tiny", "out")
    assert done.returncode == 1
    message = f"train_elsewhere: {parts}: missing or damaged: data.tar.part-aa data.tar.part-ab\n"
    assert done.stdout + done.stderr == message
    (parts / "SHA256SUMS").unlink()
    assert "no SHA256SUMS" in script("run", parts, "tiny", "out").stderr
    assert {path.name for path in tmp_path.iterdir()} == {"parts", "checkout"}


def test_a_recipe_is_trained_and_evaluated(script, parts, tiny, tmp_path):
    done = script("run", parts, tiny / "tiny.toml", "out", "--workers", "0", "--device", "cpu")
    assert done.returncode == 0, done.stdout
    out = tmp_path / "out"
    assert {path.name for path in out.iterdir()} == LEFT
    assert (out / "run" / "last.ckpt").exists()
    with (out / "scores.csv").open() as file:
        assert [row["samples"] for row in csv.DictReader(file)] == ["4"]
    evaluation = json.loads((out / "evaluation.json").read_text())
    assert evaluation["protocol"]["images"] == "2 images of dev.json"
    assert evaluation["protocol"]["input_size"] == "long side 64" and evaluation["pck"]
    assert "PCK@0.2" in (out / "evaluation.md").read_text()
    log = (out / "log.txt").read_text()
    assert "tiny: 4 samples on cpu" in log and "sample 4: PCK" in log and log in done.stdout
    (unpacked,) = tmp_path.glob("parts-*")
    assert {path.name for path in unpacked.iterdir()} == {"train", "train.json", "dev", "dev.json"}


def test_a_second_call_continues(stand_in, tmp_path):
    stopped, (train,) = stand_in("--precision", "float32")
    assert stopped.returncode == 130
    assert "--precision float32 --data" in train and "--resume" not in train
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"run", "scores.csv", "log.txt"}
    (unpacked,) = tmp_path.glob("parts-*")
    (unpacked / "mark").touch()
    done, (train, judge) = stand_in("--start", "first.safetensors", "--device", "cuda:1")
    assert done.returncode == 0, done.stdout
    fixed = f"--resume --data {unpacked} -o out/run"
    assert train.endswith(f"train tiny --start first.safetensors --device cuda:1 {fixed}")
    assert judge.startswith(f"- tiny {unpacked} out/run/best.safetensors --device cuda:1 ")
    assert (unpacked / "mark").exists() and (tmp_path / "out" / "evaluation.json").exists()
    # The best weights are others now, and the evaluation is not theirs.
    assert stand_in("--precision", "float32")[0].returncode == 130
    os.utime(tmp_path / "out" / "run" / "best.safetensors")
    assert stand_in("--precision", "float32")[0].returncode == 130
    assert not (tmp_path / "out" / "evaluation.json").exists()


def test_skelstream_is_installed_if_missing(stand_in, tmp_path):
    done, asked = stand_in(installed="/.venv/bin/python")
    assert done.returncode == 0, done.stdout
    environment = tmp_path / "checkout" / ".venv"
    assert f"venv --system-site-packages {environment}" in asked
    assert f"pip install --quiet {tmp_path / 'checkout'}" in asked
    done, asked = stand_in(installed="/.venv/bin/python")
    assert done.returncode == 0 and not [line for line in asked if line.startswith(("venv", "pip"))]
