"""Results of other tools in JSON, written here as their own documents describe them."""

from __future__ import annotations

import numpy as np
import pytest

from skelstream.errors import FormatError
from skelstream.formats import WriteOptions, load, read, save
from skelstream.processing import with_identities
from skelstream.sequences import Detections

from .conftest import COCO, load_tracked
from .walkers import FRAMES, HALPE, check, dump, landmarks, triples, walker


def coco_rows(frames=range(FRAMES), name=lambda t: t, **more):
    return [
        {"image_id": name(t), "category_id": 1, "keypoints": triples(walker(t, x)).ravel().tolist(), "score": 0.9,
         **{key: value(i, t) for key, value in more.items()}}
        for t in frames for i, x in enumerate((300, 60))
    ]  # fmt: skip


def test_coco_results_are_tracked(tmp_path):
    found = read(dump(tmp_path / "r.json", coco_rows()))
    assert isinstance(found, Detections)
    sequence = with_identities(found)
    assert len(sequence) == 2 and sequence.skeleton.name == "coco17"
    check(sequence, x=300, index=0 if sequence[0].keypoints[0, 0, 0] > 200 else 1)


def test_track_ids_and_boxes_are_kept(tmp_path):
    rows = coco_rows(track_id=lambda i, t: 7 - i, bbox=lambda i, t: [10 * i, 20, 100, 200])
    sequence = load(dump(tmp_path / "r.json", rows))
    assert sorted(sequence.track_ids.tolist()) == [6, 7]
    six = sequence.track_ids.tolist().index(6)
    check(sequence, x=60, index=six)
    assert (sequence[six].boxes == [10, 20, 110, 220]).all()


def test_own_coco_and_alphapose_files_come_back(scene, tmp_path):
    for name in ("coco", "alphapose"):
        save(scene, tmp_path / f"a.{name}.json")
        back = load(tmp_path / f"a.{name}.json", fps=25)
        assert back.track_ids.tolist() == scene.track_ids.tolist()
        seen = scene.as_skeleton("coco17")
        # Frames at the end without anyone are not in the file, those between are.
        assert back.frame_index.tolist() == list(range(8))
        assert back.keypoints == pytest.approx(seen.keypoints, abs=1e-3, nan_ok=True)
        assert back.boxes == pytest.approx(seen.boxes, abs=0.01)


def test_frames_that_are_left_out_have_a_place(tmp_path):
    said = []
    sequence = load(
        dump(tmp_path / "r.json", coco_rows([4, 5, 6, 9, 10], track_id=lambda i, t: i)), note=said.append
    )
    assert sequence.frame_index.tolist() == [4, 5, 6, 7, 8, 9, 10] and len(sequence[0]) == 5
    assert "2 frames missing in the file" in said[0]
    every_third = load(dump(tmp_path / "r.json", coco_rows([0, 3, 9], track_id=lambda i, t: i)))
    assert every_third.frame_index.tolist() == [0, 3, 6, 9]
    photos = load(dump(tmp_path / "r.json", coco_rows([397133, 37777, 252219], track_id=lambda i, t: i)))
    assert photos.frame_index.tolist() == [37777, 252219, 397133]


@pytest.mark.parametrize("idx", [lambda i, t: i + 1, lambda i, t: [[float(i + 1)]]])
def test_alphapose_with_tracking(tmp_path, idx):
    rows = coco_rows(name=lambda t: f"{t:06d}.jpg", idx=idx, box=lambda i, t: [1, 2, 3, 4])
    for row in rows:
        row["score"] = 2.9
    said = []
    sequence = load(dump(tmp_path / "alphapose-results.json", rows), note=said.append)
    assert sorted(sequence.track_ids) == [1, 2]
    # AlphaPose's scores of people are sums: where they go above 1, the joints' mean stands in.
    assert sequence.person_scores == pytest.approx(0.75) and "above 1" in said[0]


def test_alphapose_without_tracking_gives_everybody_the_same_number(tmp_path):
    rows = coco_rows(name=lambda t: f"v_{t}.jpg", idx=lambda i, t: [0.0])
    assert isinstance(read(dump(tmp_path / "r.json", rows)), Detections)


def test_ids_that_do_not_tell_people_apart(tmp_path):
    said = []
    rows = coco_rows(track_id=lambda i, t: 5)
    assert isinstance(read(dump(tmp_path / "r.json", rows), note=said.append), Detections)
    assert "all people are tracked again" in said[0]
    rows = [{"frame_id": 0, "instances": [mmpose_instance(0, 300, track_id=1), mmpose_instance(0, 60)]}]
    said.clear()
    assert isinstance(read(dump(tmp_path / "r.json", rows), note=said.append), Detections)
    assert "some people have no id" in said[0]


@pytest.mark.parametrize(("joints", "name"), [(26, "halpe26"), (136, "halpe26"), (133, "coco-wholebody133")])
def test_joints_beyond_cocos(tmp_path, joints, name):
    said = []
    rows = coco_rows(name=lambda t: f"{t}.jpg", idx=lambda i, t: i)
    for row in rows:
        row["keypoints"] += [c for j in range(17, joints) for c in (1.0 + j, 2.0, 0.5)]
    sequence = load(dump(tmp_path / "r.json", rows), note=said.append)
    assert sequence.skeleton.name == name
    assert said == [] if joints != 136 else f"the first {len(sequence.skeleton)} are kept ({name})" in said[0]
    if name == "halpe26":
        assert sequence.keypoints[0, 17:, 0].tolist() == [18.0 + i for i in range(9)]
        save(sequence, tmp_path / "again.alphapose.json", options=WriteOptions(skeleton="halpe26"))
        again = load(tmp_path / "again.alphapose.json")
        assert again.skeleton.name == "halpe26"
        np.testing.assert_array_equal(again.keypoints, sequence.keypoints)


def test_names_without_numbers_are_counted(tmp_path):
    rows = coco_rows(range(3), name=lambda t: "abc"[t] + ".jpg", track_id=lambda i, t: i)
    said = []
    assert load(dump(tmp_path / "r.json", rows), note=said.append).frame_index.tolist() == [0, 1, 2]
    assert "counted in the order of the file" in said[0]


def mmpose_instance(t, x, **more):
    places = walker(t, x)
    box = [*places.min(0).tolist(), *places.max(0).tolist()]
    return {
        "keypoints": places.tolist(),
        "keypoint_scores": [0.75] * 17,
        "bbox": [box],
        "bbox_score": 0.8,
        **more,
    }


def test_mmpose_videos(tmp_path):
    rows = [
        {"frame_id": t, "instances": [mmpose_instance(t, 300), mmpose_instance(t, 60)]} for t in range(FRAMES)
    ]
    rows[3]["instances"] = []
    sequence = load_tracked(dump(tmp_path / "walk.json", rows), fps=25)
    assert len(sequence) == 2 and sequence.frames == FRAMES and len(sequence[0]) == FRAMES - 1
    assert sequence.person_scores == pytest.approx(0.8)
    with_info = {
        "meta_info": {"dataset_name": "coco", "keypoint_id2name": dict(enumerate(COCO))},
        "instance_info": rows,
    }
    assert load_tracked(dump(tmp_path / "walk.json", with_info), fps=25).equals(sequence)


def test_mmpose_ids_and_other_sets_by_name(tmp_path):
    names = [*HALPE, "Head", "Neck", "Hip", "LBigToe", "RBigToe", "LSmallToe", "RSmallToe", "LHeel", "RHeel"]
    rows = []
    for t in range(FRAMES):
        places = np.concatenate([walker(t), walker(t)[:9] + 7])
        person = {"keypoints": places.tolist(), "keypoint_scores": [0.75] * 26, "track_id": 4}
        rows.append({"frame_id": t + 1, "instances": [person]})
    content = {
        "meta_info": {"keypoint_id2name": {str(i): n for i, n in enumerate(names)}},
        "instance_info": rows,
    }
    sequence = load(dump(tmp_path / "a.json", content))
    assert sequence.skeleton.name == "body25" and sequence.track_ids.tolist() == [4]
    assert sequence.frame_index[0] == 1


def test_mmpose_of_one_image(tmp_path):
    sequence = load_tracked(dump(tmp_path / "a.json", [mmpose_instance(0, 300), mmpose_instance(0, 60)]))
    assert sequence.frames == 1


def ultralytics(t, x, size=None, **more):
    places = walker(t, x) / (size or (1, 1))
    low, high = places.min(0), places.max(0)
    return {
        "name": "person", "class": 0, "confidence": 0.9,
        "box": {"x1": low[0], "y1": low[1], "x2": high[0], "y2": high[1]},
        "keypoints": {"x": places[:, 0].tolist(), "y": places[:, 1].tolist(), "visible": [0.75] * 17}, **more,
    }  # fmt: skip


def test_ultralytics(tmp_path):
    frames = [[ultralytics(t, 300, track_id=3), ultralytics(t, 60, track_id=5)] for t in range(FRAMES)]
    frames[4] = []
    frames[5].append({"name": "dog", "class": 16, "confidence": 0.9, "box": {}})
    sequence = load(dump(tmp_path / "a.json", frames))
    assert sorted(sequence.track_ids.tolist()) == [3, 5] and sequence.frames == FRAMES
    check(sequence, [t for t in range(FRAMES) if t != 4], index=sequence.track_ids.tolist().index(3))
    assert load(dump(tmp_path / "b.json", frames[0])).frames == 1


def test_ultralytics_shares(tmp_path):
    frames = [[ultralytics(t, 300, (640, 480), track_id=3)] for t in range(FRAMES)]
    with pytest.raises(FormatError, match="positions are relative to the image"):
        load(dump(tmp_path / "a.json", frames))
    check(load(tmp_path / "a.json", size=(480, 640)))
    assert load(tmp_path / "a.json", size=(480, 640)).boxes[0, 2] > 300


@pytest.mark.parametrize("layout", ["lists", "people", "objects", "result"])
def test_mediapipe(tmp_path, layout):
    frames = {
        "lists": [landmarks(t) for t in range(FRAMES)],
        "people": [[landmarks(t)] for t in range(FRAMES)],
        "objects": [{"frame": t, "landmarks": landmarks(t)} for t in range(FRAMES)],
        "result": {
            "frames": [{"timestamp_ms": 40 * t, "pose_landmarks": [landmarks(t)]} for t in range(FRAMES)]
        },
    }[layout]
    sequence = load_tracked(dump(tmp_path / "a.json", frames), fps=25, size=(480, 640))
    check(sequence)
    assert sequence.frame_time[-1] == pytest.approx((FRAMES - 1) / 25)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([], "contains no people"),
        ([[], []], "contains no people"),
        ({}, "the content is {}, a list expected"),
        ("x", "the content is 'x', a list expected"),
        ([{"a": 1}], "not the results of a known tool"),
        ([1], "the first entry is 1, an object"),
        ([{"image_id": [1], "keypoints": [1] * 51}], "entry 0: image_id is"),
        ([{"image_id": 1, "keypoints": [1] * 50}], "entry 0: keypoints has 50 values"),
        ([{"image_id": 1, "keypoints": ["1"] * 51}], "entry 0: keypoints is"),
        ([{"image_id": 1, "keypoints": [1e9] * 51}], "beyond the limit"),
        ([{"image_id": 1, "keypoints": [1] * 42}], "people have 14 joints; known joint sets have 17, 26, 133, 136"),
        ([{"image_id": 1, "keypoints": [1] * 51, "track_id": "x"}], "entry 0: track_id is 'x'"),
        ([{"image_id": 1, "keypoints": [1] * 51, "category_id": c} for c in (1, 2)], "several categories"),
        ([{"instances": 5}], "entry 0: instances is 5"),
        ([{"instances": [{"keypoints": [[1, 2]], "keypoint_scores": []}]}], r"instances\[0\].keypoint_scores is"),
        ([{"class": 0, "box": 1, "keypoints": {"x": [1] * 17, "y": [1] * 17}}], "entry 0: box is 1"),
        ([{"landmarks": [{"x": 0.5, "y": 0.5}] * 5}], "person 0 is .*, a list of 33 expected"),
        ({"images": [], "annotations": [{"image_id": 1, "keypoints": [1] * 51}],
          "categories": [{"keypoints": ["nose", "head_bottom"]}]}, "its joints are not COCO's 17"),
    ],
)  # fmt: skip
def test_json_that_is_something_else(tmp_path, content, words):
    with pytest.raises(FormatError, match=f"a.json: .*{words}"):
        load(dump(tmp_path / "a.json", content))


def test_the_file_is_named_once(tmp_path):
    path = tmp_path / "a.json"
    for words in ("no such file", "the content: not JSON, or cut short"):
        with pytest.raises(FormatError, match=words) as caught:
            load(path)
        assert str(caught.value).count("a.json") == 1
        path.write_text("[{")
