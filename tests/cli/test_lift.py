"""Tests of the commands that lift."""

from __future__ import annotations

import numpy as np
import pytest
from typer.testing import CliRunner

from skelstream.cli import app
from skelstream.formats import load, save
from skelstream.sequences import SequenceBuilder
from skelstream.skeleton import OPENPOSE18

from ..samples.test_recognise import record


@pytest.fixture
def walk(tmp_path):
    record(tmp_path / "walk.npz", ("striding", 150, 200), ("waving", 450, 260))
    return tmp_path / "walk.npz"


def run(*arguments) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.output


def test_a_file_is_lifted_and_exported(walk, tmp_path):
    code, output = run("lift", walk, "--device", "cpu")
    assert code == 0 and "80 of 80 poses of 2 tracks lifted" in output
    lifted = load(tmp_path / "walk.3d.npz")
    poses = lifted.lifted.keypoints
    assert poses.shape == (80, 17, 3) and np.isfinite(poses).all() and not poses[:, 0].any()
    # An upright person has the head above the hips and the feet below: metres, y down.
    assert (poses[:, 10, 1] < -0.3).all() and (poses[:, [3, 6], 1] > 0.4).all()
    assert lifted.meta["lifting"]["weights"] == "skelstream-lift"
    code, output = run("info", tmp_path / "walk.3d.npz")
    assert code == 0 and "80 of 80 poses lifted" in output
    for name in ("walk.trc", "walk.bvh", "walk.3d.pkl"):
        code, output = run("convert", tmp_path / "walk.3d.npz", "-o", tmp_path / name)
        assert code == 0, output
    code, output = run("convert", tmp_path / "walk.3d.npz", "-o", tmp_path / "walk.csv")
    assert code == 0 and "csv has no 3D joints; they are left out" in output
    code, output = run("lift", walk, "--device", "cpu")
    assert code == 1 and "--overwrite" in output


def test_errors_are_one_line(walk, tmp_path):
    code, output = run("lift", walk, "--weights", "skelstream-refiner", "-o", tmp_path / "a.npz")
    assert code == 1 and "give weights of a lifting network" in output and output.count("\n") == 1
    code, output = run("lift", walk, "-o", tmp_path / "a.csv")
    assert code == 1 and "format csv holds no 3D" in output
    code, output = run("lift", tmp_path / "none.npz")
    assert code == 1 and "none.npz" in output
    code, output = run("convert", walk, "-o", tmp_path / "a.bvh")
    assert code == 1 and "skelstream lift" in output and not (tmp_path / "a.bvh").exists()


def test_an_empty_file_is_lifted(tmp_path):
    save(SequenceBuilder(OPENPOSE18, source="empty", height=48, width=64).finish(), tmp_path / "empty.npz")
    code, output = run("lift", tmp_path / "empty.npz", "--device", "cpu")
    assert code == 0 and "0 of 0 poses of 0 tracks" in output


def test_a_stream_cannot_be_lifted(walk):
    code, output = run("extract", walk, "--lift", "-o", "-")
    assert code == 2 and "--lift" in output
