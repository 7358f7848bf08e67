from __future__ import annotations

import json

import numpy as np
import pytest

from skelstream.errors import FormatError
from skelstream.formats import Sample, WriteOptions, save, save_dataset

from .conftest import OP18, asymmetric, build, shaped


def feed(folder, name, frames=300, persons=5):
    """As ST-GCN's kinetics feeder fills its array, up to the sorting by score."""
    labels = json.loads(folder.with_name(f"{folder.name}_label.json").read_text())
    video = json.loads((folder / name).read_text())
    info = labels[name.split(".")[0]]
    assert video["label_index"] == info["label_index"]
    data = np.zeros((3, frames, 18, persons))
    for frame in video["data"]:
        for m, skeleton in enumerate(frame["skeleton"]):
            if m >= persons:
                break
            data[0, frame["frame_index"], :, m] = skeleton["pose"][0::2]
            data[1, frame["frame_index"], :, m] = skeleton["pose"][1::2]
            data[2, frame["frame_index"], :, m] = skeleton["score"]
    data[0:2] -= 0.5
    data[0][data[2] == 0] = 0
    data[1][data[2] == 0] = 0
    return data, info


def test_one_video(scene, tmp_path):
    save(scene, tmp_path / "kinetics_val", "kinetics", label=4)
    data, info = feed(tmp_path / "kinetics_val", "walk.json")
    assert info == {"has_skeleton": True, "label": "4", "label_index": 4}
    assert pytest.approx(shaped(OP18, 300, 250) / (640, 480) - 0.5, abs=1e-5) == data[:2, 0, :, 0].T
    assert pytest.approx(shaped(OP18, 100, 200) / (640, 480) - 0.5, abs=1e-5) == data[:2, 0, :, 1].T
    assert not data[:, 1, 4, 0].any() and not data[:, [3, 5]].any()


def test_the_feeder_sees_what_the_array_holds(scene, tmp_path):
    save(scene, tmp_path / "json", "kinetics")
    save(scene, tmp_path / "npy", "stgcn")
    data, _ = feed(tmp_path / "json", "walk.json", persons=2)
    assert np.load(tmp_path / "npy" / "all_data.npy")[0] == pytest.approx(data, abs=1e-5)


def test_every_frame_has_an_entry(scene, tmp_path):
    save(scene, tmp_path / "set", "kinetics")
    video = json.loads((tmp_path / "set" / "walk.json").read_text())
    assert [frame["frame_index"] for frame in video["data"]] == list(range(8))
    assert video["data"][3]["skeleton"] == [] and len(video["data"][0]["skeleton"][0]["pose"]) == 36
    assert (video["label"], video["label_index"]) == ("unknown", -1)


def test_a_training_set(scene, empty, tmp_path):
    save_dataset([Sample(scene, "a", 1, "wave"), Sample(empty, "b", 0, "fall")], tmp_path / "set", "kinetics")
    assert sorted(p.name for p in (tmp_path / "set").iterdir()) == ["a.json", "b.json"]
    labels = json.loads((tmp_path / "set_label.json").read_text())
    assert labels == {
        "a": {"has_skeleton": True, "label": "wave", "label_index": 1},
        "b": {"has_skeleton": False, "label": "fall", "label_index": 0},
    }


def test_a_clip_never_has_the_name_of_a_splits_labels(scene, tmp_path):
    with pytest.raises(FormatError, match="train_label"):
        samples = [Sample(scene, "train_label", 0, "wave"), Sample(scene, "a", 0, "wave", "train")]
        save_dataset(samples, tmp_path / "set", "kinetics")
    assert not list(tmp_path.iterdir())


def test_frames_beyond_the_feeder_and_crowds(tmp_path):
    said = []
    people = {m: asymmetric(100 + 60 * m, 250, 0.5) for m in range(1, 8)}
    save(build({i: people for i in range(302)}), tmp_path / "set", "kinetics",
         options=WriteOptions(note=said.append))  # fmt: skip
    data, _ = feed(tmp_path / "set", "walk.json")
    assert data[2, 299].all()
    assert said == [
        "walk: 300 of 302 frames kept; a larger number of frames keeps more",
        "walk: 300 frames have more than 5 people; a larger number of persons keeps more",
    ]
