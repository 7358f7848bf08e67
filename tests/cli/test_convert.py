from __future__ import annotations

import json
import pickle
import re

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
    assert "a: 4 of 6 frames kept; convert with --frames 6 to keep all" in result.output
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
        (("{walk}", "-o", "x", "--format", "vhs"), 2, "unknown format 'vhs'"),
        (("{walk}", "-o", "no/such/x.csv"), 1, "does not exist"),
        (("{walk}", "other.npz", "-o", "x.csv"), 1, "contains one video"),
        (("{walk}", "-o", "x.ctrgcn.npz"), 1, "give labels (--labels)"),
        (("{walk}", "-o", "x.csv", "--size", "big"), 2, "1920x1080"),
        (("{walk}", "{walk}", "-o", "-"), 2, "one input"),
        (("{walk}", "-o", "x.csv", "--skeleton", "smurf"), 2, "give openpose18, coco17"),
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


def test_a_batch_into_a_format_of_one_video_names_the_way_out(tmp_path, walk, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "videos" / "walk").mkdir(parents=True)
    walk.rename(tmp_path / "videos" / "walk" / "001.mp4")
    (tmp_path / "videos" / "walk" / "broken.mp4").write_bytes(b"no video")
    options = ["--size", "64", "--refine", "0", "--runtime", "torch", "--workers", "1", "-q"]
    CliRunner().invoke(app, ["batch", "run", "videos", "-o", "out", *options])
    for name, why in (("a.csv", "format csv contains one video"), ("a.json", "does not say which format")):
        result = run("convert", "out", "-o", name)
        assert result.exit_code == 1 and result.stderr.count("\n") == 1
        assert why in result.stderr and "choose one for many videos: pyskl" in result.stderr
        ending = name.partition(".")[2]
        assert f"skelstream convert out/walk/001.npz -o 001.{ending} (--format)" in result.stderr
    done = run("convert", "out", "-o", "a.pkl")
    assert "1 of 2 clips are not done" in done.stderr and "other clips" not in done.stderr
    for command in (["info", "out"], ["view", "out"], ["render", "out", "-o", "r.mp4"]):
        shown = run(*command)
        assert shown.exit_code == 1 and "the folder of a batch" in shown.stderr
        assert "skelstream batch status out" in shown.stderr
    CliRunner().invoke(app, ["batch", "pack", "out", "--shards", "webdataset", "-q"])
    assert "skelstream batch pack out --unpack" in run("convert", "out", "-o", "a.csv").stderr


def test_folders_of_other_files_are_named(skeletons, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run("convert", "walk.npz", "-o", "k", "--format", "kinetics")
    run("convert", "walk.npz", "-o", "s", "--format", "stgcn")
    (tmp_path / "many").mkdir()
    (tmp_path / "walk.npz").rename(tmp_path / "many" / "walk.npz")
    for folder, said in (
        ("k", "a folder of kinetics-skeleton, which is only written"),
        ("s", "a folder of ST-GCN's arrays, which is only written"),
        ("many", "a folder of skeleton files; give one of them, for example many/walk.npz"),
    ):
        assert f"{folder}: {said}" in run("info", folder).stderr


def test_a_clip_of_a_pickle_is_chosen_in_every_command_that_reads_one(skeletons, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.npz").write_bytes((tmp_path / "walk.npz").read_bytes())
    (tmp_path / "a").mkdir()
    (tmp_path / "other.npz").rename(tmp_path / "a" / "walk.npz")
    assert run("convert", "walk.npz", "a/walk.npz", "-o", "two.pkl").exit_code == 0
    refused = run("info", "two.pkl")
    assert refused.exit_code == 1 and "choose one by its name (--clip)" in refused.stderr
    name = re.search(r"contains 2 clips \((.*?), ", refused.stderr)[1]
    for command in (["info"], ["view"], ["render", "--skeleton-only", "-o", "r.mp4"]):
        done = run(command[0], "two.pkl", *command[1:], "--clip", name)
        assert done.exit_code == 0, done.stderr
