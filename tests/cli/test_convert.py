from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from typer.testing import CliRunner

from skelstream.cli import app
from skelstream.formats import load, save
from skelstream.people import People
from skelstream.sequences import SequenceBuilder
from skelstream.skeleton import OPENPOSE18
from skelstream.tracking.tracked import TrackedPeople


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def walk(frames=6, gap=(), size=(240, 320)):
    builder = SequenceBuilder(OPENPOSE18, source="walk.mp4", height=size[0], width=size[1])
    for i in range(frames):
        if i in gap:
            builder.add(TrackedPeople.failed(i, i / 10, 18))
            continue
        keypoints = (np.arange(36, dtype=np.float32).reshape(1, 18, 2) * 3 + 5 * i + 1) % 230
        people = People(keypoints, np.full((1, 18), 0.5, np.float32), np.array([0.5], np.float32),
                        np.array([[0, 0, 100, 200]], np.float32))  # fmt: skip
        builder.add(TrackedPeople(i, i / 10, people, np.array([1], np.int32), np.array([True])))
    return builder.finish()


@pytest.fixture
def skeletons(tmp_path):
    save(walk(gap=(2,)), tmp_path / "walk.npz")
    return tmp_path / "walk.npz"


def test_the_ending_selects_the_format(skeletons, tmp_path):
    result = run("convert", skeletons, "-o", tmp_path / "walk.csv")
    assert result.exit_code == 0 and "walk.csv" in result.output
    assert load(tmp_path / "walk.csv").frames == 6


def test_files_are_replaced_with_overwrite_only(skeletons, tmp_path):
    (tmp_path / "walk.csv").write_text("mine")
    result = run("convert", skeletons, "-o", tmp_path / "walk.csv")
    assert result.exit_code == 1 and "--overwrite" in result.output
    assert (tmp_path / "walk.csv").read_text() == "mine"
    assert run("convert", skeletons, "-o", tmp_path / "walk.csv", "--overwrite", "-q").output == ""


def test_filling_smoothing_and_joint_sets(skeletons, tmp_path):
    result = run(
        "convert", skeletons, "-o", tmp_path / "b.npz", "--fill", "0.5", "--smooth", "--skeleton", "coco17"
    )
    assert result.exit_code == 0, result.output
    clean = load(tmp_path / "b.npz")
    assert clean.skeleton.name == "coco17" and len(clean[0]) == 6 and not clean.observed[2].any()
    assert np.array_equal(
        clean.raw.keypoints, load(skeletons).as_skeleton("coco17").keypoints, equal_nan=True
    )
    assert clean.meta["filled"] == {"max_gap": 0.5} and "smoothed" in clean.meta


def test_json_lines_on_standard_output(skeletons):
    result = run("convert", skeletons, "-o", "-")
    frames = [json.loads(line) for line in result.stdout.splitlines()]
    assert [f["ok"] for f in frames] == [True, True, False, True, True, True]


def test_labels_make_a_training_set_with_splits(tmp_path):
    for name in "abc":
        save(walk(), tmp_path / f"{name}.npz")
    (tmp_path / "labels.csv").write_text("name,label,split\na,wave,train\nb,fall,train\nc,wave,val\n")
    inputs = [tmp_path / f"{name}.npz" for name in "abc"]
    result = run("convert", *inputs, "-o", tmp_path / "set.pkl", "--labels", tmp_path / "labels.csv")
    assert result.exit_code == 0, result.output
    with open(tmp_path / "set.pkl", "rb") as file:
        data = pickle.load(file)
    assert data["split"] == {"train": ["a", "b"], "val": ["c"]}
    assert [a["label"] for a in data["annotations"]] == [1, 0, 1]
    assert "classes: 0 fall, 1 wave" in result.output
    result = run("convert", *inputs, "-o", tmp_path / "set.ctrgcn.npz", "--labels", tmp_path / "labels.csv",
                 "--frames", "4")  # fmt: skip
    assert "a: 4 of 6 frames kept; a larger number of frames keeps more" in result.output
    with np.load(tmp_path / "set.ctrgcn.npz") as npz:
        assert npz["x_train"].shape == (2, 4, 150) and npz["y_test"].tolist() == [[0, 1]]


def test_class_folders_make_a_training_set_with_its_joint_set(tmp_path):
    for folder in ("run", "walk"):
        (tmp_path / folder).mkdir()
        save(walk(), tmp_path / folder / "001.npz")
    inputs = [tmp_path / folder / "001.npz" for folder in ("run", "walk")]
    for joints, asked in ((17, ()), (18, ("--skeleton", "openpose18")), (25, ("--skeleton", "ntu25"))):
        result = run("convert", *inputs, "-o", tmp_path / "set.pkl", "--class-folders", "--overwrite", *asked)
        assert result.exit_code == 0 and "classes: 0 run, 1 walk" in result.output
        with open(tmp_path / "set.pkl", "rb") as file:
            data = pickle.load(file)
        assert [(a["frame_dir"], a["label"]) for a in data] == [("run/001", 0), ("walk/001", 1)]
        assert {a["keypoint"].shape for a in data} == {(1, 6, joints, 2)}
    result = run("convert", *inputs, "-o", tmp_path / "x.pkl", "--class-folders", "--labels", "x.csv")
    assert result.exit_code == 2 and "not both" in result.output


def test_openpose_folders_are_tracked(tmp_path):
    (tmp_path / "json").mkdir()
    for i in range(8):
        pose = np.concatenate([np.random.default_rng(1).uniform(50, 150, (18, 2)) + i, np.ones((18, 1))], 1)
        people = [{"person_id": [-1], "pose_keypoints_2d": pose.ravel().tolist()}]
        (tmp_path / "json" / f"walk_{i:012d}_keypoints.json").write_text(json.dumps({"people": people}))
    result = run("convert", tmp_path / "json", "-o", tmp_path / "x.npz", "--size", "320x240", "--rate", "20")
    assert result.exit_code == 0, result.output
    sequence = load(tmp_path / "x.npz")
    assert [len(track) for track in sequence] == [8] and sequence.size == (240, 320)
    assert sequence.frame_time[-1] == pytest.approx(7 / 20)


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("none.npz", "-o", "x.csv"), 1, "none.npz: no such file"),
        (("{walk}", "-o", "x.json"), 1, "(--format)"),
        (("{walk}", "-o", "x", "--format", "vhs"), 1, "unknown format 'vhs'"),
        (("{walk}", "-o", "no/such/x.csv"), 1, "does not exist"),
        (("{walk}", "other.npz", "-o", "x.csv"), 1, "contains one video"),
        (("{walk}", "-o", "x.ctrgcn.npz"), 1, "give labels (--labels)"),
        (("{walk}", "-o", "x.csv", "--size", "big"), 2, "1920x1080"),
        (("{walk}", "{walk}", "-o", "-"), 2, "one input"),
        (("{walk}", "-o", "x.csv", "--skeleton", "smurf"), 1, "unknown joint set"),
    ],
)
def test_errors_are_one_line(skeletons, tmp_path, monkeypatch, arguments, status, message):
    monkeypatch.chdir(tmp_path)
    result = run("convert", *(a.format(walk="walk.npz") for a in arguments))
    assert result.exit_code == status and message in result.output.replace("\n", " ")
    assert "Traceback" not in result.output and sorted(p.name for p in tmp_path.iterdir()) == ["walk.npz"]


def test_help_has_examples():
    output = run("convert", "--help").output
    assert "skelstream convert walk.npz -o walk.csv" in output and "--labels" in output
