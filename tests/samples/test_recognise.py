"""Tests of the sample that trains recognisers, on synthetic people."""

from __future__ import annotations

import importlib.util
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

import skelstream
from skelstream import OPENPOSE18, People, TrackedPeople
from skelstream.sequences import SequenceBuilder

pytestmark = pytest.mark.slow

SAMPLES = Path(__file__).parents[2] / "samples"
JOINTS = list(OPENPOSE18.joints)
# Joints of a standing person with arms down, in heights, x to the right of the image.
STANCE = {
    "nose": (0, 0.06), "neck": (0, 0.16), "shoulder": (0.1, 0.18), "elbow": (0.13, 0.33), "wrist": (0.14, 0.47),
    "hip": (0.06, 0.5), "knee": (0.06, 0.73), "ankle": (0.06, 0.96), "eye": (0.02, 0.04), "ear": (0.04, 0.05),
}  # fmt: skip


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(SAMPLES))
    spec = importlib.util.spec_from_file_location("recognise", SAMPLES / "recognise.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "recognise", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "train", partial(module.train, steps=60))
    monkeypatch.setattr(module, "PoseEstimator", lambda settings: None)  # files of skeletons need none
    threads = torch.get_num_threads()
    yield module
    torch.set_num_threads(threads)
    sys.modules.pop("fetch_clips", None)


def pose(action: str, phase: float) -> np.ndarray:
    """Return the joints (V, 2) at ``phase`` of a cycle."""
    points = []
    for joint in JOINTS:
        side, _, part = joint.rpartition("_")
        sign = {"left": 1, "right": -1, "": 0}[side]
        x, y = STANCE[part]
        swing = np.sin(2 * np.pi * phase)
        if action == "waving" and part in ("elbow", "wrist"):
            y -= (0.3 if part == "elbow" else 0.55) * (0.5 + 0.5 * swing)
        if action == "striding" and part in ("knee", "ankle"):
            points.append((sign * (0.02 + (0.1 if part == "knee" else 0.2) * swing), y))
        else:
            points.append((sign * x, y))
    return np.array(points)


def record(path: Path, *actors: tuple[str, float, float], frames: int = 40, rate: float = 30) -> None:
    """Write skeletons of (action, x, height), each with its own phase and pace."""
    random = np.random.default_rng(len(path.stem) + int(actors[0][1]))
    phases, paces = random.uniform(0, 1, len(actors)), random.uniform(0.8, 1.2, len(actors))
    builder = SequenceBuilder(OPENPOSE18, source=path.name, height=480, width=640)
    for i in range(frames):
        keypoints = np.array(
            [
                pose(a, p + s * i / rate) * h + [x, 100]
                for (a, x, h), p, s in zip(actors, phases, paces, strict=True)
            ]
        ) + random.normal(0, 1, (len(actors), len(JOINTS), 2))
        low, high = keypoints.min(1), keypoints.max(1)
        scores = np.full((len(actors), len(JOINTS)), 0.8)
        people = People(
            *(a.astype(np.float32) for a in (keypoints, scores, scores[:, 0], np.hstack([low, high])))
        )
        ids = np.arange(1, len(actors) + 1, dtype=np.int32)
        builder.add(TrackedPeople(i, i / rate, people, ids, np.ones(len(actors), bool)))
    skelstream.save(builder.finish(), path)


@pytest.fixture
def folder(tmp_path):
    """Write two people for training and others for testing."""
    record(tmp_path / "a.npz", ("waving", 150, 200), ("striding", 450, 260))
    record(tmp_path / "b.npz", ("striding", 200, 150), ("waving", 400, 300))
    rows = [
        "a.npz,train,waving,,,0:150:200", "a.npz,train,striding,,,0:450:200",
        "b.npz,test,striding,0.1,1.2,0:200:170 1.3:210:170", "b.npz,test,waving,,,0:400:250",
    ]  # fmt: skip
    (tmp_path / "actions.csv").write_text("\n".join(["clip,part,action,start,end,path", *rows]))
    return tmp_path


def test_other_people_are_recognised(script, folder, capsys):
    assert script.main([str(folder)]) == 0
    out, in_3d = capsys.readouterr().out.split("with 3D joints:")
    assert "100% correct" in in_3d
    table = {
        line.split()[0]: line.split()[1:]
        for line in out.splitlines()
        if line.startswith(("waving", "striding"))
    }
    assert table["waving"] == ["13", "13", "waving", "13"]
    assert table["striding"] == ["13", "9", "striding", "9"]
    assert "100% correct, mean over actions 100%; always 'waving' would be 59%, mean 50%" in out


def test_wrong_recognitions_are_counted(script, folder, capsys):
    table = folder / "actions.csv"
    table.write_text(
        table.read_text()
        .replace("test,striding", "test,waving")
        .replace("b.npz,test,waving,,", "b.npz,test,striding,,")
    )
    assert script.main([str(folder)]) == 0
    assert "0% correct, mean over actions 0%" in capsys.readouterr().out


def test_training_is_reproducible(script, folder):
    clips = np.stack([p for p, *_ in script.people(skelstream.load(folder / "a.npz").windows(16, 4))])
    first, second = (script.train(clips, ["x", "y"] * (len(clips) // 2), steps=5) for _ in range(2))
    assert torch.equal(first(clips), second(clips))


def test_mirroring_swaps_left_and_right(script, monkeypatch):
    monkeypatch.setattr(script.torch, "rand", lambda *size: torch.full(size, 0.5 if len(size) == 1 else 0.4))
    x = torch.rand(1, 1, 18, 2) * torch.arange(36).view(1, 1, 18, 2)
    mirrored = script.augmented(x)  # not rotated, mirrored, no missing joints
    left, right = JOINTS.index("left_wrist"), JOINTS.index("right_wrist")
    assert torch.allclose(mirrored[0, 0, left], x[0, 0, right] * torch.tensor([-1.0, 1.0]))


@pytest.mark.parametrize(
    "table", [None, "", "clip,part\na,b\n", "clip,part,action,start,end,path\na.npz,train,x,soon,,\n"]
)
def test_a_bad_table_is_a_one_line_error(script, folder, capsys, table):
    (folder / "actions.csv").unlink()
    if table is not None:
        (folder / "actions.csv").write_text(table)
    assert script.main([str(folder)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("recognise: ") and "actions.csv" in error or "in 'train' and in 'test'" in error
    assert error.count("\n") == 1


def test_a_video_is_extracted_once_and_streamed(script, walk, bars, capsys, monkeypatch):
    estimators = []

    def estimator(settings):
        estimators.append(bars())
        return estimators[-1]

    monkeypatch.setattr(script, "PoseEstimator", estimator)
    rows = ["walk.mp4,train,going right,0,1,0:15:32 2:55:32", "walk.mp4,test,going right,1,2,0:15:32 2:55:32"]
    (walk.parent / "actions.csv").write_text("\n".join(["clip,part,action,start,end,path", *rows]))
    for _ in range(2):
        assert script.main([str(walk.parent)]) == 0
    assert [sum(e.batches) for e in estimators] == [80, 40]
    out = capsys.readouterr().out
    assert out.count("extracting") == 1
    stream = [line for line in out.splitlines() if " s  person " in line]
    # Windows from frames 0, 8, 16, 24; the second person is there for 20 frames and fills no more than one.
    mine = [line for line in stream[: len(stream) // 2] if "person 1" in line]
    assert [line.split()[0] for line in mine] == ["0.00", "0.40", "0.80", "1.20"]
    assert ["(going right, train)" in line for line in mine] == [True, False, False, False]
    assert ["(going right, test)" in line for line in mine] == [False, False, False, True]


def test_the_clips_of_the_sample_table_can_be_downloaded(script):
    actions = script.actions_in(SAMPLES)
    assert {a.clip.name for a in actions} <= {clip.name for clip in script.CLIPS}
    spans = {}
    for a in actions:
        spans.setdefault((a.clip, a.name), {})[a.part] = (a.start, a.end)
    for parts in spans.values():  # what is held out is another clip or comes later
        assert len(parts) == 1 or parts["train"][1] <= parts["test"][0]
    assert {a.name for a in actions if a.part == "train"} == {a.name for a in actions if a.part == "test"}
