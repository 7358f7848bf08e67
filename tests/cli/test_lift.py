"""The commands that lift: what they write, say and refuse."""

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
    code, said = run("lift", walk, "--device", "cpu")
    assert code == 0 and "80 of 80 rows of 2 people lifted" in said
    lifted = load(tmp_path / "walk.3d.npz")
    poses = lifted.lifted.keypoints
    assert poses.shape == (80, 17, 3) and np.isfinite(poses).all() and not poses[:, 0].any()
    # Somebody upright has the head above the hips and the feet below: metres, y down.
    assert (poses[:, 10, 1] < -0.3).all() and (poses[:, [3, 6], 1] > 0.4).all()
    assert lifted.meta["lifting"]["weights"] == "skelstream-lift"
    code, said = run("info", tmp_path / "walk.3d.npz")
    assert code == 0 and "80 of 80 rows lifted" in said
    for name in ("walk.trc", "walk.bvh", "walk.3d.pkl"):
        code, said = run("convert", tmp_path / "walk.3d.npz", "-o", tmp_path / name)
        assert code == 0, said
    code, said = run("convert", tmp_path / "walk.3d.npz", "-o", tmp_path / "walk.csv")
    assert code == 0 and "csv has no 3D joints; they are left out" in said
    code, said = run("lift", walk, "--device", "cpu")
    assert code == 1 and "--overwrite" in said


def test_what_cannot_be_lifted_is_one_line(walk, tmp_path):
    code, said = run("lift", walk, "--weights", "skelstream-refiner", "-o", tmp_path / "a.npz")
    assert code == 1 and "not of a lifting one" in said and said.count("\n") == 1
    code, said = run("lift", walk, "-o", tmp_path / "a.csv")
    assert code == 1 and "format csv holds no 3D" in said
    code, said = run("lift", tmp_path / "none.npz")
    assert code == 1 and "none.npz" in said
    code, said = run("convert", walk, "-o", tmp_path / "a.bvh")
    assert code == 1 and "skelstream lift" in said and not (tmp_path / "a.bvh").exists()


def test_nobody_is_lifted_to_nothing(tmp_path):
    save(SequenceBuilder(OPENPOSE18, source="empty", height=48, width=64).finish(), tmp_path / "empty.npz")
    code, said = run("lift", tmp_path / "empty.npz", "--device", "cpu")
    assert code == 0 and "0 of 0 rows of 0 people" in said


def test_both_at_once_cannot_stream(walk):
    code, said = run("extract", walk, "--lift", "-o", "-")
    assert code == 2 and "--lift" in said
