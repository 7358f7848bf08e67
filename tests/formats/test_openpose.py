from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from skelstream.errors import FormatError, OutputError, SettingsError
from skelstream.formats import load, read, save
from skelstream.sequences import Detections
from skelstream.settings.tracking import TrackerSettings
from skelstream.skeleton import BODY25, OPENPOSE18

from .conftest import OP18, SHAPE, load_tracked, shaped


def test_as_stgcn_packs_it(scene, tmp_path):
    """The number is the last but one part of the stem, and every number has a file."""
    save(scene, tmp_path / "out", "openpose")
    frames = {}
    for path in Path(tmp_path / "out").glob("walk*.json"):
        frames[int(path.stem.split("_")[-2])] = json.loads(path.read_text())
    assert sorted(frames) == list(range(8))
    first = frames[0]["people"][0]
    assert frames[0]["version"] == 1.3 and first["person_id"] == [2]
    pose = np.array(first["pose_keypoints_2d"]).reshape(-1, 3)
    assert pose[:, :2] == pytest.approx(shaped(OP18, 300, 250)) and (pose[:, 2] == 0.875).all()
    assert frames[1]["people"][0]["pose_keypoints_2d"][12:15] == [0, 0, 0]
    assert frames[3]["people"] == [] and frames[5]["people"] == []


def test_round_trip(scene, tmp_path):
    save(scene, tmp_path / "out", "openpose")
    back = load(tmp_path / "out", fps=25)
    for name in ("track_ids", "track_start", "frame", "frame_index"):
        assert np.array_equal(getattr(back, name), getattr(scene, name))
    assert np.array_equal(back.keypoints, scene.keypoints, equal_nan=True)
    assert np.array_equal(back.scores, scene.scores)
    assert back.frame_time == pytest.approx(scene.frame_time)
    assert back.meta["source"] == "walk" and back.size is None


def test_body25_has_the_common_joints(scene, tmp_path):
    save(scene.as_skeleton("body25"), tmp_path / "out", "openpose")
    pose = json.loads(sorted((tmp_path / "out").iterdir())[0].read_text())["people"][0]["pose_keypoints_2d"]
    pose = np.array(pose).reshape(25, 3)
    names = OP18[:8] + ["mid_hip"] + OP18[8:]
    for name, place in zip(names, pose, strict=False):
        expected = (300.5, 270.5) if name == "mid_hip" else np.array(SHAPE[name]) + (300, 250)
        assert place == pytest.approx([*expected, 0.875])
    assert not pose[19:].any()


@pytest.mark.parametrize(
    ("name", "written"),
    [("h36m17", OPENPOSE18), ("mpii16", OPENPOSE18), ("ntu25", OPENPOSE18), ("halpe26", BODY25)],
)
def test_other_bodies_become_openpose_s(scene, tmp_path, name, written):
    """Readers know joints by their number alone: 25 joints of NTU RGB+D are not BODY_25's."""
    sequence = scene.as_skeleton(name)
    save(sequence, tmp_path / "out", "openpose")
    back = load(tmp_path / "out", fps=25)
    assert back.skeleton == written
    assert np.array_equal(back.keypoints, sequence.as_skeleton(written.name).keypoints, equal_nan=True)
    wrist = back.keypoints[:, written.index("left_wrist")]
    assert np.array_equal(wrist, scene.keypoints[:, OP18.index("left_wrist")], equal_nan=True)


def write_frames(folder, frames, **extra):
    folder.mkdir()
    for number, poses in frames.items():
        people = [
            {"person_id": [-1], "pose_keypoints_2d": np.ravel(pose).tolist(), **extra} for pose in poses
        ]
        text = json.dumps({"version": 1.3, "people": people})
        (folder / f"my_clip_{number:012d}_keypoints.json").write_text(text)


def body25(x):
    pose = np.zeros((25, 3))
    pose[:18] = np.concatenate([np.random.default_rng(0).uniform(0, 200, (18, 2)) + x, np.ones((18, 1))], 1)
    return pose


def test_people_without_identity_are_tracked(tmp_path):
    # OpenPose changes the order of people from frame to frame.
    frames = {i: [body25(2 * i), body25(400 - 2 * i)][:: 1 if i % 2 else -1] for i in range(12)}
    write_frames(tmp_path / "out", frames)
    assert isinstance(read(tmp_path / "out"), Detections)
    sequence = load_tracked(tmp_path / "out", fps=30)
    assert sequence.skeleton.name == "body25" and sequence.meta["source"] == "my_clip"
    assert len(sequence) == 2 and [len(track) for track in sequence] == [12, 12]
    for track in sequence:
        assert np.abs(np.diff(track.keypoints[:, 0, 0])).max() < 5
    assert np.isnan(sequence.keypoints[:, 24]).all()
    assert sequence.as_skeleton("openpose18").keypoints.shape[1] == 18


def test_numbers_with_gaps_and_scores_above_one(tmp_path):
    pose = body25(0)
    pose[3, 2] = 1.04
    write_frames(tmp_path / "out", {2: [pose], 4: [pose], 6: []})
    sequence = load_tracked(tmp_path / "out", fps=10)
    assert sequence.frame_index.tolist() == [2, 4, 6] and sequence.frame_time.tolist() == [0.2, 0.4, 0.6]
    assert sequence.scores.max() == 1


def test_nobody_at_all(tmp_path):
    write_frames(tmp_path / "out", {0: [], 1: []})
    assert (len(load(tmp_path / "out")), load(tmp_path / "out").frames) == (0, 2)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not JSON"),
        ("[]", r"a_000_keypoints.json: the content is \[\], an object"),
        (
            '{"people": [{"pose_keypoints_2d": [1, 2]}]}',
            r"people\[0\].pose_keypoints_2d has 2 values, not three",
        ),
        ('{"people": [{"pose_keypoints_2d": [1, 2, 3]}]}', "people have 1 keypoints"),
    ],
)
def test_foreign_files(tmp_path, content, words):
    (tmp_path / "a_000_keypoints.json").write_text(content)
    with pytest.raises(FormatError, match=words):
        load(tmp_path)


def test_foreign_folders(tmp_path):
    with pytest.raises(FormatError, match="this one contains no files named"):
        load(tmp_path)
    (tmp_path / "a_000_keypoints.json").write_text('{"people": []}')
    (tmp_path / "b_000_keypoints.json").write_text('{"people": []}')
    with pytest.raises(FormatError, match="several videos"):
        load(tmp_path)
    with pytest.raises(SettingsError, match="fps is 0: give a number of frames per second"):
        load(tmp_path, fps=0)


def test_an_old_folder_is_replaced_whole(scene, empty, tmp_path):
    save(scene, tmp_path / "out", "openpose")
    with pytest.raises(OutputError, match="exists"):
        save(empty, tmp_path / "out", "openpose")
    save(empty, tmp_path / "out", "openpose", overwrite=True)
    assert len(list((tmp_path / "out").iterdir())) == 3
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_file_is_not_replaced_by_a_folder(scene, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(OutputError, match="is a file"):
        save(scene, tmp_path / "out", "openpose", overwrite=True)
    assert (tmp_path / "out").read_text() == "mine"


def scaled(folder, scale, size=(480, 640), frames=12, where=(80, 300)):
    """A person walking, as OpenPose's --keypoint_scale writes it: 0 pixels, 3 from 0 to 1, 4 from -1 to 1."""
    height, width = size
    pixels = []
    folder.mkdir()
    for i in range(frames):
        pose = np.concatenate([shaped(OP18, where[0] + 3 * i, where[1]), np.full((18, 1), 0.75)], 1)
        pose[4] = 0
        pixels.append(pose.copy())
        share = pose[:, :2] / (width, height)
        # OpenPose moves missing joints along with the others.
        pose[:, :2] = {0: pose[:, :2], 3: share, 4: 2 * share - 1}[scale]
        people = [{"person_id": [-1], "pose_keypoints_2d": pose.ravel().tolist()}]
        (folder / f"a_{i:012d}_keypoints.json").write_text(json.dumps({"people": people}))
    return np.array(pixels)


@pytest.mark.parametrize("scale", [0, 3, 4])
@pytest.mark.parametrize("where", [(80, 300), (400, 320)])
def test_shares_of_the_image_become_pixels(tmp_path, scale, where):
    pixels = scaled(tmp_path / "json", scale, where=where)
    said = []
    sequence = load_tracked(tmp_path / "json", fps=25, size=(480, 640), note=said.append)
    (track,) = sequence
    seen = np.where(pixels[..., 2:] > 0, pixels[..., :2], np.nan)
    assert track.keypoints == pytest.approx(seen, abs=0.01, nan_ok=True)
    words = {0: [], 3: ["from 0 to 1"], 4: ["from -1 to 1"]}[scale]
    assert len(said) == len(words) and all(w in line for w, line in zip(words, said, strict=True))


@pytest.mark.parametrize("scale", [3, 4])
def test_shares_of_a_image_of_unknown_size_are_refused(tmp_path, scale):
    scaled(tmp_path / "json", scale)
    with pytest.raises(
        FormatError, match="json: positions are relative to the image .* give the image's size"
    ):
        load(tmp_path / "json")


def test_nobody_is_no_share(tmp_path):
    write_frames(tmp_path / "json", {0: [], 1: [np.zeros((18, 3))]})
    assert load_tracked(tmp_path / "json").frames == 2


@pytest.mark.parametrize("step", [20, 45, 60, 900])
@pytest.mark.parametrize("score", [0.9, 0.1])
def test_everyone_in_a_sparse_folder_has_a_row(tmp_path, step, score):
    """A person, found surely or not, in all frames but one."""
    pose = np.hstack([np.random.default_rng(0).uniform(50, 90, (18, 2)), np.full((18, 1), score)])
    write_frames(tmp_path / "in", {i * step: [pose] if i != 4 else [] for i in range(12)})
    notes = []
    sequence = load_tracked(tmp_path / "in", fps=30, note=notes.append)
    assert len(sequence.frame) == 11 and sorted(sequence.frame) == [i for i in range(12) if i != 4]
    assert len(notes) == (step > 45) and sequence.meta["warnings"] == notes


def test_without_tracking_everyone_has_an_id_of_their_own(tmp_path):
    pose = np.hstack([np.random.default_rng(0).uniform(50, 90, (18, 2)), np.full((18, 1), 0.9)])
    write_frames(tmp_path / "in", {i: [pose] for i in range(5)})
    assert len(load_tracked(tmp_path / "in")) == 1
    assert len(load_tracked(tmp_path / "in", settings=TrackerSettings(max_interval=0.0))) == 5


def test_missing_numbers_are_frames_without_people(tmp_path):
    """Between 9 and 20 nobody was written; numbers with a common interval have no holes."""
    for number in (*range(10), *range(20, 30)):
        person = {"person_id": [0], "pose_keypoints_2d": [10.0 * number + 5, 60.0, 0.9] * 18}
        (tmp_path / f"a_{number:012d}_keypoints.json").write_text(json.dumps({"people": [person]}))
    notes = []
    sequence = read(tmp_path, "openpose", fps=25.0, size=(480, 640), note=notes.append)
    assert (
        sequence.frames == 30
        and len(sequence.frame) == 20
        and np.ptp(sequence.frame_time) == pytest.approx(29 / 25)
    )
    assert any("10 frames missing" in note for note in notes)


def test_a_person_has_the_score_of_the_body_not_of_the_face(tmp_path):
    body = np.column_stack([np.arange(18) * 10 + 50, np.arange(18) * 5 + 50, np.full(18, 0.5)])
    write_frames(tmp_path / "whole", {0: [body]}, face_keypoints_2d=[100.0, 100.0, 1.0] * 70)
    (_, _, people), *_ = read(tmp_path / "whole").frames
    assert people.person_scores == pytest.approx([0.5])
