"""``--no-cache`` and ``SKELSTREAM_CACHE``: the same files with a cache and without."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

import skelstream.estimation.pose_estimator
from skelstream.cli import app
from skelstream.files.cache import MODELS_VARIABLE, OFF, VARIABLE, cache_folder, models_folder


def run(*arguments: object) -> None:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def test_the_option_holds_for_its_command_only(bars, walk, tmp_path, monkeypatch):
    found = []

    def make(*_):
        found.append((cache_folder(), models_folder()))
        return bars()

    monkeypatch.setattr(skelstream.estimation.pose_estimator, "PoseEstimator", make)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    run("extract", walk, "-o", tmp_path / "without.npz", "--no-cache")
    run("extract", walk, "-o", tmp_path / "with.npz")
    models = tmp_path / "cache" / "models"  # fetched networks stay in use
    assert found == [(None, models), (tmp_path / "cache", models)]
    assert contents(tmp_path / "without.npz") == contents(tmp_path / "with.npz")
    monkeypatch.delenv(VARIABLE)
    run("extract", walk, "-o", tmp_path / "again.npz", "--no-cache")
    assert os.environ.get(VARIABLE, "") != OFF and not os.environ.get(MODELS_VARIABLE)


@pytest.mark.parametrize("command", ["extract", "preview", "render", "eval", "batch run", "batch retry"])
def test_every_command_with_networks_has_it(command):
    result = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "120"})
    assert "--no-cache" in result.output


@pytest.mark.slow
def test_real_networks_write_the_same_bytes(walk, tmp_path, monkeypatch):
    for number, cache in enumerate((OFF, str(tmp_path / "cache"), str(tmp_path / "cache"))):
        monkeypatch.setenv(VARIABLE, cache)
        run("extract", walk, "-o", tmp_path / f"{number}.npz", "--end", 0.1, "--size", 64, "--refine", 0)
    assert len({(tmp_path / f"{number}.npz").read_bytes() for number in range(3)}) == 1
    assert len(list((tmp_path / "cache" / "graphs").iterdir())) == 1
