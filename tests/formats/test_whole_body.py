"""Every format with people who have hands and faces: nothing is lost without a word."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from skelstream.errors import FormatError
from skelstream.formats import FORMATS, WriteOptions, load, read, save
from skelstream.skeleton import SKELETONS, hand_joints

from .conftest import skip_without_library
from .whole_bodies import FRAMES, whole_scene

WHOLE = [name for name, skeleton in SKELETONS.items() if set(skeleton.parts) != {"body"}]
NATIVE = [name for name in WHOLE if name.startswith("body+")]


def same_joints(back, sequence, joints=None):
    """The joints, all that both have by default, are in the same places of the same tracks and frames."""
    assert back.frames == sequence.frames
    common = [j for j in sequence.skeleton.joints if j in back.skeleton.joints] if joints is None else joints
    assert len(common) > 40
    for track in sequence:
        (other,) = [t for t in back if t.id == track.id]
        assert other.frame.tolist() == track.frame.tolist()
        here, there = ([s.index(j) for j in common] for s in (sequence.skeleton, back.skeleton))
        np.testing.assert_allclose(other.keypoints[:, there], track.keypoints[:, here], atol=0.002)
        np.testing.assert_allclose(other.scores[:, there], track.scores[:, here], atol=0.002)


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("ending", [".npz", ".jsonl", ".csv", ".parquet", ".analysis.h5"])
def test_formats_with_all_joints(tmp_path, name, ending):
    skip_without_library(ending)
    sequence, notes = whole_scene(name), []
    save(sequence, tmp_path / f"a{ending}", options=WriteOptions(note=notes.append))
    back = load(tmp_path / f"a{ending}")
    assert back.skeleton == sequence.skeleton and notes == []
    same_joints(back, sequence)


@pytest.mark.parametrize(
    ("name", "read_as"),
    [
        ("body+hands", "body+hands"),
        ("body+face", "openpose-whole"),
        ("body+hands+face", "openpose-whole"),
        ("openpose-whole", "openpose-whole"),
        ("coco-wholebody133", "openpose-whole"),
        ("holistic543", "openpose-whole"),
    ],
)
def test_openpose(tmp_path, name, read_as):
    sequence, notes = whole_scene(name), []
    save(sequence, tmp_path / "out", "openpose", options=WriteOptions(note=notes.append))
    person = json.loads(sorted((tmp_path / "out").iterdir())[0].read_text())["people"][0]
    parts = sequence.skeleton.parts
    assert len(person["hand_left_keypoints_2d"]) == (63 if "left_hand" in parts else 0)
    assert len(person["hand_right_keypoints_2d"]) == (63 if "right_hand" in parts else 0)
    assert len(person["face_keypoints_2d"]) == (210 if "face" in parts else 0)
    assert len(person["pose_keypoints_2d"]) == (54 if name in NATIVE else 75)
    assert any("70 points of a face" in line for line in notes) == (len(parts.get("face", ())) > 70)
    back = load(tmp_path / "out", fps=25)
    assert back.skeleton.name == read_as
    there = [j for j in back.skeleton.joints if j != "mid_hip" or name not in NATIVE]
    same_joints(back, sequence.as_skeleton(read_as), there)


def test_openpose_hands_are_in_their_arrays(tmp_path):
    sequence = whole_scene()
    save(sequence, tmp_path / "out", "openpose")
    content = json.loads(sorted((tmp_path / "out").iterdir())[2].read_text())
    (person,) = [p for p in content["people"] if p["person_id"] == [4]]
    assert not any(person["hand_left_keypoints_2d"])
    right = np.array(person["hand_right_keypoints_2d"]).reshape(21, 3)
    (track,) = [t for t in sequence if t.id == 4]
    for place, joint in enumerate(hand_joints("right")):
        assert right[place, :2] == pytest.approx(track.keypoints[2, sequence.skeleton.index(joint)])


def openpose_person(**parts):
    keys = {"body": "pose", "face": "face", "left": "hand_left", "right": "hand_right"}
    person = {f"{key}_keypoints_2d": [] for key in keys.values()}
    for i, (part, joints) in enumerate(parts.items()):
        places = [c for j in range(joints) for c in (10.0 + j, 20.0 + 7 * i, 0.5)]
        person[f"{keys[part]}_keypoints_2d"] = places
    return {"person_id": [3], **person}


@pytest.mark.parametrize(
    ("parts", "name", "missing"),
    [
        ({"body": 25, "left": 21, "right": 21, "face": 70}, "openpose-whole", 0),
        ({"body": 25, "face": 70}, "openpose-whole", 42),
        ({"body": 18, "left": 21, "right": 21}, "body+hands", 0),
        ({"body": 18, "face": 70}, "openpose-whole", 42 + 7),
        ({"body": 25}, "body25", 0),
    ],
)
def test_openposes_own_folders(tmp_path, parts, name, missing):
    people = [openpose_person(**parts)]
    (tmp_path / "a_000000000000_keypoints.json").write_text(json.dumps({"people": people}))
    notes = []
    sequence = load(tmp_path, note=notes.append)
    assert sequence.skeleton.name == name and np.isnan(sequence.keypoints[0, :, 0]).sum() == missing
    assert any("joints of the body are missing" in line for line in notes) == (missing == 49)
    if "face" in parts:
        assert sequence.keypoints[0, sequence.skeleton.index("left_pupil"), 0] == 79


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"body": 25, "left": 20}, "people have 20 keypoints of the left hand, not OpenPose's 21"),
        ({"body": 16, "left": 21}, "people have 16 keypoints of the body beside hands or a face"),
    ],
)
def test_openpose_with_other_joints(tmp_path, parts, words):
    people = [openpose_person(**parts)]
    (tmp_path / "a_000000000000_keypoints.json").write_text(json.dumps({"people": people}))
    with pytest.raises(FormatError, match=words):
        load(tmp_path)


@pytest.mark.parametrize("name", WHOLE)
def test_coco_wholebody(tmp_path, name):
    sequence, notes = whole_scene(name), []
    save(sequence, tmp_path / "a.coco.json", options=WriteOptions(note=notes.append))
    rows = json.loads((tmp_path / "a.coco.json").read_text())
    first = rows[0]
    lengths = {"keypoints": 17, "foot_kpts": 6, "face_kpts": 68, "lefthand_kpts": 21, "righthand_kpts": 21}
    assert {key: len(first[key]) / 3 for key in lengths} == lengths
    parts = sequence.skeleton.parts
    assert [first[f"{part}_valid"] for part in ("foot", "face", "lefthand")] == [
        False, "face" in parts, "left_hand" in parts,
    ]  # fmt: skip
    if "left_hand" in parts:
        track = next(t for t in sequence if t.id == first["track_id"])
        places = track.keypoints[0, list(parts["left_hand"])]
        assert first["lefthand_box"] == pytest.approx([*places.min(0), *np.ptp(places, 0)], abs=0.002)
    else:
        assert first["lefthand_box"] == [0, 0, 0, 0]
    assert any("68 points of a face" in line for line in notes) == (len(parts.get("face", ())) > 68)
    back = load(tmp_path / "a.coco.json", fps=25)
    assert back.skeleton.name == "coco-wholebody133"
    # Nobody is in the last frame, and COCO lists people.
    assert back.frames == FRAMES - 1
    for track in sequence.as_skeleton("coco-wholebody133"):
        (other,) = [t for t in back if t.id == track.id]
        np.testing.assert_allclose(other.keypoints, track.keypoints, atol=0.002)


def test_coco_annotations_with_a_part(tmp_path):
    row = {
        "image_id": 3, "category_id": 1, "id": 7, "track_id": 1, "keypoints": [5.0, 6.0, 2] * 17,
        "lefthand_kpts": [8.0, 9.0, 1] * 21, "lefthand_valid": True,
    }  # fmt: skip
    (tmp_path / "a.json").write_text(json.dumps({"annotations": [row]}))
    sequence = load(tmp_path / "a.json")
    hand = list(sequence.skeleton.parts["left_hand"])
    assert sequence.skeleton.name == "coco-wholebody133" and np.isfinite(sequence.keypoints[0, hand]).all()
    assert np.isnan(sequence.keypoints[0, list(sequence.skeleton.parts["face"])]).all()


@pytest.mark.parametrize("name", WHOLE)
def test_pyskl(tmp_path, name):
    sequence = whole_scene(name)
    notes = []
    save(sequence, tmp_path / "a.pkl", options=WriteOptions(note=notes.append))
    assert pickle.loads((tmp_path / "a.pkl").read_bytes())[0]["keypoint"].shape == (2, FRAMES, 17, 2)
    assert any(f"are left out; --skeleton {name} keeps them" in line for line in notes)
    notes.clear()
    save(sequence, tmp_path / "b.pkl", options=WriteOptions(skeleton=name, note=notes.append))
    back = load(tmp_path / "b.pkl", fps=25)
    assert back.skeleton.name == name and notes == []
    for slot, track in enumerate(sequence, 1):
        (other,) = [t for t in back if t.id == slot]
        np.testing.assert_array_equal(other.keypoints, track.keypoints)


def test_alphapose(tmp_path):
    sequence, notes = whole_scene(), []
    save(sequence, tmp_path / "a.alphapose.json", options=WriteOptions(note=notes.append))
    assert (
        "hands and faces are left out" in notes[0] and "--skeleton coco-wholebody133 keeps them" in notes[0]
    )
    name = "coco-wholebody133"
    save(sequence, tmp_path / "b.alphapose.json", options=WriteOptions(skeleton=name))
    back = load(tmp_path / "b.alphapose.json", fps=25)
    assert back.skeleton.name == name and len(back) == 2
    np.testing.assert_allclose(back[0].keypoints, sequence.as_skeleton(name)[0].keypoints, atol=0.002)


@pytest.mark.parametrize("format", ["stgcn", "agcn", "kinetics", "posetrack"])
def test_formats_of_bodies_say_so(tmp_path, format):
    notes = []
    save(whole_scene(), tmp_path / "out", format, options=WriteOptions(note=notes.append))
    line = f"sign: hands and faces are left out; format {format} has joints of the body alone"
    assert line in notes
    notes.clear()
    save(whole_scene("coco17"), tmp_path / "body", format, options=WriteOptions(note=notes.append))
    assert not any("hands" in line for line in notes)


def test_every_format_that_writes_is_tried():
    tried = {
        *("npz", "jsonl", "csv", "parquet", "sleap", "openpose", "coco", "pyskl", "alphapose", "pose"),
        *("stgcn", "agcn", "kinetics", "posetrack"),
    }
    written = {format.name for format in FORMATS.values() if format.write}
    assert written - tried == {"ctrgcn", "trc", "bvh", "pyskl3d"}
    assert not any(FORMATS[name].holds_parts for name in written - tried)


def holistic_landmarks(count, x=0.5, **more):
    return [{"x": x, "y": 0.001 * i, "z": -0.1, **more} for i in range(count)]


@pytest.mark.parametrize("keys", ["snake", "camel"])
def test_mediapipe_holistic(tmp_path, keys):
    face, left, body = (
        ("face_landmarks", "left_hand_landmarks", "pose_landmarks") if keys == "snake"
        else ("faceLandmarks", "leftHandLandmarks", "poseLandmarks")
    )  # fmt: skip
    rows = [
        {body: holistic_landmarks(33, visibility=0.5), face: holistic_landmarks(478), left: holistic_landmarks(21, 0.25)},
        {body: holistic_landmarks(33, visibility=0.5), face: None, left: []},
        {body: None, face: None, left: {"landmark": holistic_landmarks(21, 0.25, visibility=0)}},
    ]  # fmt: skip
    (tmp_path / "a.json").write_text(json.dumps({"height": 100, "width": 200, "frames": rows}))
    notes = []
    found = read(tmp_path / "a.json", note=notes.append)
    assert found.skeleton.name == "holistic543" and any("depth is left out" in line for line in notes)
    parts = found.skeleton.parts
    present = [
        {p for p in parts if np.isfinite(people.keypoints[0, parts[p][0]]).all()}
        for _, _, people in found.frames
    ]
    assert present == [{"body", "face", "left_hand"}, {"body"}, {"left_hand"}]
    first = found.frames[0][2]
    assert first.keypoints[0, found.skeleton.index("left_thumb4")] == pytest.approx([50, 0.4])
    assert first.scores[0, found.skeleton.index("left_thumb4")] == 1
    # Feet below the image and an elbow to its left are still relative to it.
    rows[1][body][28].update(x=0.5, y=1.75)
    rows[1][body][13].update(x=-0.25)
    (tmp_path / "c.json").write_text(json.dumps(rows))
    with pytest.raises(FormatError, match="relative to the image"):
        read(tmp_path / "c.json")
    people = read(tmp_path / "c.json", size=(100, 200), note=notes.append).frames[1][2]
    assert people.keypoints[0, found.skeleton.index("right_ankle")] == pytest.approx([100, 175])
    assert people.keypoints[0, found.skeleton.index("left_elbow")] == pytest.approx([-50, 1.3])
    assert people.keypoints[0, 0] == pytest.approx([100, 0])
    rows[0][body] = [holistic_landmarks(33), holistic_landmarks(33)]
    (tmp_path / "b.json").write_text(json.dumps({"height": 100, "width": 200, "frames": rows}))
    with pytest.raises(FormatError, match="entry 0 has several people"):
        read(tmp_path / "b.json")


@pytest.mark.parametrize("named", [False, True])
def test_mmpose_whole_bodies(tmp_path, named):
    sequence = whole_scene("coco-wholebody133")
    instances = [
        {"frame_id": t, "instances": [
            {"keypoints": np.nan_to_num(track.keypoints[t]).tolist(), "keypoint_scores": track.scores[t].tolist(), "track_id": track.id}
            for track in sequence
        ]}
        for t in range(FRAMES - 1)
    ]  # fmt: skip
    # MMPose's names of the face have a dash.
    names = [joint.replace("face_", "face-") for joint in sequence.skeleton.joints]
    info = {"keypoint_id2name": dict(enumerate(names))} if named else {}
    (tmp_path / "a.json").write_text(json.dumps({"meta_info": info, "instance_info": instances}))
    notes = []
    back = load(tmp_path / "a.json", fps=25, note=notes.append)
    assert back.skeleton.name == "coco-wholebody133" and notes == []
    for track in sequence:
        (other,) = [t for t in back if t.id == track.id]
        np.testing.assert_allclose(other.keypoints, track.keypoints, atol=0.002)
