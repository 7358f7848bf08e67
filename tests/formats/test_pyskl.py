from __future__ import annotations

import pickle
import pickletools
from dataclasses import replace

import numpy as np
import pytest

from skelstream.errors import FormatError
from skelstream.formats import Sample, WriteOptions, load, save, save_dataset

from .conftest import COCO, OP18, build, shaped


def load_pickle(path):
    with open(path, "rb") as file:
        return pickle.load(file)


def check_as_pyskl(annotation):
    """What PYSKL's and MMAction2's pipelines assert or take for granted."""
    keypoint, score = annotation["keypoint"], annotation["keypoint_score"]
    assert isinstance(annotation["frame_dir"], str) and type(annotation["label"]) is int
    m, t, v, c = keypoint.shape
    assert c == 2 and v in (17, 18) and score.shape == (m, t, v)
    assert t == annotation["total_frames"] and type(annotation["total_frames"]) is int
    assert keypoint.dtype == score.dtype == np.float32
    assert np.isfinite(keypoint).all() and np.isfinite(score).all()
    height, width = annotation["img_shape"]
    assert annotation["original_shape"] == (height, width)
    assert keypoint[..., 0].max() <= width and keypoint[..., 1].max() <= height
    assert (keypoint[score <= 0.01] == 0).all()


def test_one_video(scene, tmp_path):
    save(scene, tmp_path / "a.pkl")
    (annotation,) = load_pickle(tmp_path / "a.pkl")
    check_as_pyskl(annotation)
    assert annotation["frame_dir"] == "walk" and annotation["label"] == -1
    assert annotation["img_shape"] == (480, 640) and annotation["total_frames"] == 8
    # The first slot is the person seen longest and best, in every frame.
    assert annotation["keypoint"][0, 7] == pytest.approx(shaped(COCO, 314, 250))
    assert annotation["keypoint"][1, 2] == pytest.approx(shaped(COCO, 102, 200))
    # Frame 3 failed, frame 5 is empty: both keep their place.
    assert not annotation["keypoint"][:, [3, 5]].any()
    assert annotation["keypoint"][0, 1, COCO.index("right_wrist")].tolist() == [0, 0]


def test_another_joint_set_on_request(scene, tmp_path):
    save(scene, tmp_path / "a.pkl", options=WriteOptions(skeleton="openpose18"))
    (annotation,) = load_pickle(tmp_path / "a.pkl")
    check_as_pyskl(annotation)
    assert annotation["keypoint"][0, 0] == pytest.approx(shaped(OP18, 300, 250))


def test_a_clip_is_chosen_by_name_only_where_there_may_be_several(scene, tmp_path):
    save(scene, tmp_path / "a.pkl")
    save(scene, tmp_path / "a.npz")
    assert len(load(tmp_path / "a.pkl", clip="walk")) == 2
    with pytest.raises(FormatError, match="a.npz: a file of the format npz holds one clip") as caught:
        load(tmp_path / "a.npz", clip="walk")
    assert caught.value.setting == "clip"


@pytest.mark.parametrize("name", ["h36m17", "body25", "ntu25"])
def test_joint_sets_of_equal_size_are_told_apart(scene, tmp_path, name):
    save(scene, tmp_path / "a.pkl", options=WriteOptions(skeleton=name))
    said = []
    assert load(tmp_path / "a.pkl", note=said.append).skeleton.name == name
    assert not said


def test_the_number_of_joints_counts_where_no_fitting_set_is_named(scene, tmp_path):
    save(scene, tmp_path / "a.pkl", options=WriteOptions(skeleton="h36m17"))
    (annotation,) = load_pickle(tmp_path / "a.pkl")
    for named in ("ntu25", "unheard", 3, None):
        (tmp_path / "b.pkl").write_bytes(pickle.dumps([annotation | {"skeleton": named}]))
        assert load(tmp_path / "b.pkl").skeleton.name == "coco17"


def test_persons(scene, empty, tmp_path):
    said = []
    save(scene, tmp_path / "a.pkl", options=WriteOptions(persons=1, note=said.append))
    assert load_pickle(tmp_path / "a.pkl")[0]["keypoint"].shape[0] == 1
    assert said == ["walk: 1 of 2 tracks kept, the most important ones; convert with --persons 2 to keep all"]
    save(empty, tmp_path / "b.pkl")
    (annotation,) = load_pickle(tmp_path / "b.pkl")
    assert annotation["keypoint"].shape == (1, 3, 17, 2) and not annotation["keypoint"].any()


def test_a_training_set(scene, empty, tmp_path):
    samples = [
        Sample(scene, "a", 2, "wave", "train"),
        Sample(empty, "b", 0, "fall", "val"),
        Sample(scene, "c", 1, "jump", "train"),
    ]
    save_dataset(samples, tmp_path / "set.pkl")
    data = load_pickle(tmp_path / "set.pkl")
    assert data["split"] == {"train": ["a", "c"], "val": ["b"]}
    # As PYSKL's PoseDataset picks a split.
    chosen = [a for a in data["annotations"] if a["frame_dir"] in set(data["split"]["train"])]
    assert [a["label"] for a in chosen] == [2, 1]
    for annotation in data["annotations"]:
        check_as_pyskl(annotation)


def test_names_that_a_training_set_cannot_hold_are_told(scene, tmp_path):
    said, named = [], replace(scene, meta=scene.meta | {"names": {"1": "Anna"}})
    options = WriteOptions(note=said.append)
    save_dataset([Sample(named, "a"), Sample(scene, "b")], tmp_path / "set.pkl", options=options)
    assert said == ["a: format pyskl has no names of people; they are left out"]


def test_older_numpy_can_read_it(scene, tmp_path):
    save(scene, tmp_path / "a.pkl")
    names = {
        name
        for _, arg, _ in pickletools.genops((tmp_path / "a.pkl").read_bytes())
        if isinstance(arg, str)
        for name in arg.split()
    }
    assert "numpy" in names and not any("_core" in name for name in names)
    array = load_pickle(tmp_path / "a.pkl")[0]["keypoint"]
    array[0] += 1


def test_size_is_needed(tmp_path):
    with pytest.raises(FormatError, match=r"a\.pkl: format pyskl needs the image's size"):
        save(build({0: {}}, None, None), tmp_path / "a.pkl")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [[], {"annotations": [], "split": {}}])
def test_a_pickle_without_clips(tmp_path, content):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(FormatError, match=r"a\.pkl: contains no clips$"):
        load(tmp_path / "a.pkl")
