from __future__ import annotations

import json

import numpy as np
import pytest

from skelstream.errors import FormatError
from skelstream.formats import frame_line, load, read, save
from skelstream.people import People
from skelstream.processing import filled
from skelstream.sequences import Detections
from skelstream.skeleton import OPENPOSE18
from skelstream.tracking.tracked import TrackedPeople

from .conftest import OP18, load_tracked, shaped, skip_without_library


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_one_line_a_frame(scene, tmp_path):
    save(scene, tmp_path / "a.jsonl")
    frames = lines(tmp_path / "a.jsonl")
    assert [f["frame"] for f in frames] == list(range(8))
    assert [f["time"] for f in frames] == pytest.approx([i / 25 for i in range(8)])
    assert [f["ok"] for f in frames] == [i != 3 for i in range(8)]
    assert frames[3]["people"] == frames[5]["people"] == []
    assert frames[5] == {
        "frame": 5, "time": 0.2, "ok": True, "size": [480, 640], "skeleton": "openpose18", "people": [],
    }  # fmt: skip
    first = frames[0]["people"][0]
    assert set(first) == {"id", "confirmed", "score", "box", "keypoints"}
    assert (first["id"], first["confirmed"], first["score"]) == (2, True, 0.875)
    pose = np.array(first["keypoints"])
    assert pose[:, :2] == pytest.approx(shaped(OP18, 300, 250)) and (pose[:, 2] == 0.875).all()
    assert frames[1]["people"][0]["keypoints"][4] is None


def test_a_stream_writes_the_same_lines(scene, tmp_path):
    save(scene, tmp_path / "a.jsonl")
    first, failed = (tmp_path / "a.jsonl").read_text().splitlines()[0::3][:2]
    rows = [0, scene.track_start[1]]
    people = People(*(getattr(scene, n)[rows] for n in ("keypoints", "scores", "person_scores", "boxes")))
    tracked = TrackedPeople(0, 0.0, people, np.array([2, 1], np.int32), np.array([True, True]))
    assert frame_line(tracked, OPENPOSE18, (480, 640)) == first
    assert frame_line(TrackedPeople.failed(3, 0.12, 18), OPENPOSE18, (480, 640)) == failed


def test_a_stream_marks_tentative_tracks(tmp_path):
    people = People(np.ones((1, 18, 2), np.float32), np.ones((1, 18), np.float32),
                    np.ones(1, np.float32), np.ones((1, 4), np.float32))  # fmt: skip
    tracked = TrackedPeople(np.int64(0), np.float64(0.5), people, np.array([9]), np.array([False]))
    line = frame_line(tracked, OPENPOSE18, None)
    assert "\n" not in line and json.loads(line)["people"][0]["confirmed"] is False
    (tmp_path / "a.jsonl").write_text(line + "\n\n")
    assert len(load(tmp_path / "a.jsonl")) == 0
    # Once a track is believed, its rows from before count too.
    later = frame_line(TrackedPeople(1, 0.6, people, np.array([9]), np.array([True])), OPENPOSE18, None)
    (tmp_path / "a.jsonl").write_text(line + "\n" + later)
    assert [len(track) for track in load(tmp_path / "a.jsonl")] == [2]


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet"])
def test_round_trips(scene, tmp_path, name):
    skip_without_library(name)
    save(scene, tmp_path / name)
    back = load(tmp_path / name)
    for field in ("track_ids", "track_start", "frame", "frame_index", "frame_ok", "scores", "person_scores"):
        assert np.array_equal(getattr(back, field), getattr(scene, field)), field
    assert np.array_equal(back.keypoints, scene.keypoints, equal_nan=True)
    assert back.boxes == pytest.approx(scene.boxes) and back.frame_time == pytest.approx(scene.frame_time)
    assert back.size == (480, 640) and back.skeleton.name == "openpose18"


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet"])
def test_filled_rows_of_a_failed_frame_survive(scene, tmp_path, name):
    skip_without_library(name)
    whole = filled(scene, 0.2)
    save(whole, tmp_path / name)
    back = load(tmp_path / name)
    assert np.array_equal(back.frame, whole.frame) and not back.frame_ok[3]
    assert len(whole[0]) == 8


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet"])
def test_nobody(empty, tmp_path, name):
    skip_without_library(name)
    save(empty, tmp_path / name)
    back = load(tmp_path / name)
    assert (len(back), back.frames, back.frame_ok.tolist()) == (0, 3, [True, False, True])


def test_people_without_ids_are_tracked(scene, tmp_path):
    save(scene, tmp_path / "a.jsonl")
    frames = lines(tmp_path / "a.jsonl")
    for frame in frames:
        for person in frame["people"]:
            del person["id"]
    (tmp_path / "b.jsonl").write_text("\n".join(json.dumps(frame) for frame in frames))
    assert isinstance(read(tmp_path / "b.jsonl"), Detections)
    back = load_tracked(tmp_path / "b.jsonl")
    assert [len(track) for track in back] == [len(track) for track in scene] and back.frames == 8


GOOD = '{"frame": 0, "time": 0, "skeleton": "openpose18", "people": []}\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "contains no frames"),
        (GOOD + "{", "line 2: .*not JSON"),
        ("[]\n", "line 1: the line is .*, an object"),
        ("3\n", "line 1: the line is .*, an object"),
        (GOOD.replace("openpose18", "smurf"), "line 1: unknown joint set"),
        (
            GOOD + GOOD.replace("openpose18", "coco17").replace('"frame": 0', '"frame": 1'),
            "line 2: joint set",
        ),
        (GOOD + GOOD, "is not later than frame"),
        (GOOD.replace("[]", '[{"id": 1, "keypoints": [[1, 2]], "box": [0, 0, 1, 1], "score": 1}]'), "line 1"),
        (GOOD.replace("[]", '[{"id": 1}]'), "line 1"),
    ],
)
def test_damaged(tmp_path, text, words):
    (tmp_path / "a.jsonl").write_text(text)
    with pytest.raises(FormatError, match=words) as caught:
        load(tmp_path / "a.jsonl")
    assert "a.jsonl" in str(caught.value) and "\n" not in str(caught.value)


def test_not_text(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FormatError, match="cannot be read as text"):
        load(tmp_path / "a.jsonl")
    with pytest.raises(FormatError, match="no such file"):
        load(tmp_path / "b.jsonl")
