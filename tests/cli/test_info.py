from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from skelstream.cli import app
from skelstream.formats import save
from skelstream.people import People
from skelstream.processing import filled
from skelstream.sequences import SequenceBuilder
from skelstream.skeleton import OPENPOSE18
from skelstream.tracking.tracked import TrackedPeople


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def sequence(tracks):
    """Return ten frames of {track: frames}; the left wrist is always missing; frame 9 failed."""
    builder = SequenceBuilder(OPENPOSE18, source="[walk].mp4", height=240, width=320, made_with={"model": "small", "weights_sha256": "ab" * 32})  # fmt: skip
    for i in range(10):
        ids = [track for track, frames in tracks.items() if i in frames]
        keypoints = np.full((len(ids), 18, 2), 7, np.float32)
        scores = np.full((len(ids), 18), 0.5, np.float32)
        keypoints[:, 7], scores[:, 7] = np.nan, 0
        people = People(
            keypoints, scores, np.full(len(ids), 0.8, np.float32), np.ones((len(ids), 4), np.float32)
        )
        frame = TrackedPeople(i, i / 10, people, np.array(ids, np.int32), np.ones(len(ids), bool))
        builder.add(TrackedPeople.failed(i, i / 10, 18) if i == 9 else frame)
    return builder.finish()


@pytest.fixture
def skeletons(tmp_path):
    save(sequence({1: range(0, 3), 2: [0, 4, 5, 6, 8]}), tmp_path / "walk.npz")
    return tmp_path / "walk.npz"


def test_the_summary(skeletons, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    result = run("info", skeletons)
    assert result.exit_code == 0, result.output
    text = result.output
    for words in (
        "[walk].mp4, 320 x 240", "10, 3 without people, 1 failed to decode", "0.00 to 0.90 s, 10 per second",
        "2 tracks, at most 2 at once", "openpose18, by small, weights abababababab",
    ):  # fmt: skip
        assert words in text, words
    rows = {line.split()[0]: line for line in text.splitlines() if line.split()}
    assert rows["2"].split()[1:5] == ["0.0–0.8", "5", "0.80", "94%"]
    assert "0%" in rows["left_wrist"] and "100%" in rows["right_wrist"]
    # Track 1 is in the first three tenths of the video.
    bar = rows["1"][rows["1"].index("94%") + 4 :]
    assert bar.startswith("█" * 12) and "█" not in bar[16:]


def test_json_output(skeletons):
    facts = json.loads(run("info", skeletons, "--json").stdout)
    assert (facts["source"], facts["frames"], facts["frames_failed"], facts["frames_empty"]) == (
        "[walk].mp4", 10, 1, 3,
    )  # fmt: skip
    assert [track["id"] for track in facts["tracks"]] == [2, 1]
    first = facts["tracks"][0]
    assert (first["frames"], first["start"], first["end"], first["presence"]) == (5, 0, 0.8, 0.5556)
    joints = {joint["name"]: joint for joint in facts["joints"]}
    assert joints["left_wrist"] == {"name": "left_wrist", "coverage": 0, "mean_score": 0}
    assert joints["nose"] == {"name": "nose", "coverage": 1, "mean_score": 0.5}
    assert facts["cleaned"] is False and facts["settings"] == {}


def test_filled_files_are_marked(skeletons, tmp_path):
    from skelstream.formats import load

    save(filled(load(skeletons), 1.0), tmp_path / "clean.npz")
    assert "filled or smoothed" in run("info", tmp_path / "clean.npz").output
    facts = json.loads(run("info", tmp_path / "clean.npz", "--json").stdout)
    assert facts["cleaned"] and 0 < facts["filled"] < 1 and facts["tracks"][0]["frames"] == 9


def test_a_variable_frame_rate_is_shown(tmp_path):
    builder = SequenceBuilder(OPENPOSE18, source="phone.mp4", height=240, width=320)
    for i, time in enumerate((0.0, 0.02, 0.1)):
        builder.add(TrackedPeople.failed(i, time, 18))
    save(builder.finish(), tmp_path / "a.npz")
    assert "20 to 80 ms apart" in run("info", tmp_path / "a.npz").output


def test_only_20_tracks_are_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    save(sequence({m: range(9) for m in range(1, 31)}), tmp_path / "crowd.npz")
    assert "10 more" in run("info", tmp_path / "crowd.npz").output
    whole = run("info", tmp_path / "crowd.npz", "--all").output
    assert "more" not in whole and "\n   30 " in whole


def test_files_without_people_or_frames(tmp_path):
    save(sequence({}), tmp_path / "a.npz")
    assert "0 tracks" in run("info", tmp_path / "a.npz").output
    save(SequenceBuilder(OPENPOSE18, source="x", height=None, width=None).finish(), tmp_path / "b.npz")
    result = run("info", tmp_path / "b.npz")
    assert result.exit_code == 0 and "size unknown" in result.output
    assert json.loads(run("info", tmp_path / "b.npz", "--json").stdout)["start"] is None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", bytes(range(256)), None])
def test_damaged_and_unknown_files_are_one_line_errors(tmp_path, content):
    path = tmp_path / "x.npz"
    if content is not None:
        path.write_bytes(content)
    for more in ((), ("--json",)):
        result = run("info", path, *more)
        assert result.exit_code == 1 and result.output.count("\n") == 1 and "x.npz" in result.output


def test_text_from_files_is_escaped(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    evil = "\x1b]0;title\x07\x1b[2J[red]a[/nothing]\r\n\x9b31m"
    builder = SequenceBuilder(
        OPENPOSE18, source=evil, height=240, width=320, made_with={"model": evil, "weights_sha256": evil}
    )
    builder.add(TrackedPeople.failed(0, 0, 18))
    save(builder.finish(), tmp_path / "[b]x\x1b[7m.npz")
    result = run("info", tmp_path / "[b]x\x1b[7m.npz")
    assert result.exit_code == 0 and not set(result.output.replace("\n", "")) & set(map(chr, range(32)))
    assert result.output.count(r"\x1b]0;title\x07\x1b[2J[red]a[/nothing]\r\n\x9b31m") == 2
    assert r"[b]x\x1b[7m.npz" in result.output


def test_hands_and_faces_have_a_row_each(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    one = sequence({1: range(9)}).as_skeleton("body+hands+face")
    keypoints, scores = one.keypoints.copy(), one.scores.copy()
    hand = list(one.skeleton.parts["left_hand"])
    keypoints[:6, hand], scores[:6, hand] = 5, 0.75
    seen = np.isfinite(keypoints[..., 0])
    save(replace(one, keypoints=keypoints, scores=scores, observed=seen), tmp_path / "walk.npz")
    result = run("info", tmp_path / "walk.npz")
    rows = [line for line in result.output.splitlines() if "joints  " in line]
    assert [" ".join(row.split()[:6]) for row in rows[-3:]] == [
        "left hand, 21 joints 67% 0.75", "right hand, 21 joints 0% 0.00", "face, 468 joints 0% 0.00",
    ]  # fmt: skip
    assert "left_thumb1" not in result.output and "left_wrist" in result.output
    facts = json.loads(run("info", tmp_path / "walk.npz", "--json").output)
    assert facts["parts"][0] == {"name": "left_hand", "joints": 21, "coverage": 0.6667, "mean_score": 0.75}
    assert len(facts["joints"]) == 528
