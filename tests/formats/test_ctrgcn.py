from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skelstream.errors import FormatError
from skelstream.formats import Sample, WriteOptions, save, save_dataset
from skelstream.sequences.lifted import Lifted
from skelstream.skeleton import H36M17, NTU25

from .conftest import OP18, SHAPE, asymmetric, build

# NTU's joints by what they are here, in its order.
NTU = [
    "mid_hip", "spine", "upper_neck", "head", "left_shoulder", "left_elbow", "left_wrist", "left_wrist", "right_shoulder",
    "right_elbow", "right_wrist", "right_wrist", "left_hip", "left_knee", "left_ankle", "left_ankle", "right_hip",
    "right_knee", "right_ankle", "right_ankle", "neck", "left_wrist", "left_wrist", "right_wrist", "right_wrist",
]  # fmt: skip


def ntu(x, y):
    """Where NTU's joints of the person at (x, y) are: float64 (25, 2)."""

    def middle(*joints):
        return np.mean([place(joint) for joint in joints], 0)

    def place(joint):
        match joint:
            case "mid_hip":
                return middle("left_hip", "right_hip")
            case "spine":
                return middle("mid_hip", "neck")
            case "head":
                return middle("left_ear", "right_ear")
            case "upper_neck":
                return middle("neck", "head")
        return np.array(SHAPE[joint]) + (x, y)

    return np.array([place(joint) for joint in NTU])


def feed(path, split):
    """As CTR-GCN's NTU feeder reads it, which knows two people of 25 joints only."""
    npz = np.load(path)
    data, label = npz[f"x_{split}"], np.where(npz[f"y_{split}"] > 0)[1]
    n, t, _ = data.shape
    data = data.reshape((n, t, 2, 25, 3)).transpose(0, 4, 1, 3, 2)
    assert len(data) == len(label)
    valid = [int(np.sum(clip.sum(0).sum(-1).sum(-1) != 0)) for clip in data]
    npz.close()
    return data, label, valid


def test_one_video(scene, tmp_path):
    save(scene, tmp_path / "a.ctrgcn.npz", label=2)
    data, label, valid = feed(tmp_path / "a.ctrgcn.npz", "train")
    assert data.shape == (1, 3, 300, 25, 2) and label.tolist() == [2]
    # Six of eight frames have someone; they stand at the start, in order, as the feeder's count expects.
    assert valid == [6]
    assert data[0, 2, :6].any(axis=(1, 2)).all() and not data[0, :, 6:].any()
    assert pytest.approx(ntu(300, 250) / (640, 480) - 0.5, abs=1e-6) == data[0, :2, 0, :, 0].T
    assert pytest.approx(ntu(314, 250) / (640, 480) - 0.5, abs=1e-6) == data[0, :2, 5, :, 0].T


def test_lifted_clips_hold_three_dimensions(scene, tmp_path):
    keypoints = np.random.default_rng(0).normal(size=(len(scene.frame), 17, 3)).astype(np.float32)
    lifted = replace(scene, lifted=Lifted(keypoints, np.ones(keypoints.shape[:2], bool)))
    notes = []
    save(lifted, tmp_path / "a.ctrgcn.npz", label=2, options=WriteOptions(note=notes.append))
    data, _, valid = feed(tmp_path / "a.ctrgcn.npz", "train")
    assert valid == [6] and not any("random_rot" in note for note in notes)
    elbow = lifted[0].lifted.keypoints[0, H36M17.index("left_elbow")] * [-1, -1, 1]
    np.testing.assert_allclose(data[0, :, 0, NTU25.index("left_elbow"), 0], elbow, atol=1e-6)
    save(scene, tmp_path / "b.ctrgcn.npz", label=2, options=WriteOptions(note=notes.append))
    assert any("set random_rot to False" in note for note in notes)
    with pytest.raises(FormatError, match="lift all or none"):
        save_dataset([Sample(lifted, "a", 0), Sample(scene, "b", 0)], tmp_path / "c.ctrgcn.npz")


def test_splits_and_one_hot(scene, tmp_path):
    samples = [Sample(scene, "a", 1, None, "train"), Sample(scene, "b", 0, None, "val"),
               Sample(scene, "c", 3, None, "test")]  # fmt: skip
    save_dataset(samples, tmp_path / "a.ctrgcn.npz", options=WriteOptions(classes=5, frames=8))
    with np.load(tmp_path / "a.ctrgcn.npz") as npz:
        assert npz["y_train"].shape == (1, 5) and npz["y_test"].argmax(1).tolist() == [3]
        assert npz["y_val"].argmax(1).tolist() == [0] and npz["x_val"].shape == (1, 8, 2 * 25 * 3)
        assert npz["x_test"].shape == (1, 8, 2 * 25 * 3) and npz["x_train"].dtype == np.float32


def test_val_replaces_a_missing_test_split(scene, tmp_path):
    said = []
    samples = [Sample(scene, "a", 1, None, "train"), Sample(scene, "b", 0, None, "val")]
    save_dataset(samples, tmp_path / "a.ctrgcn.npz", options=WriteOptions(note=said.append))
    with np.load(tmp_path / "a.ctrgcn.npz") as npz:
        assert npz["y_test"].argmax(1).tolist() == [0] and "x_val" not in npz
    assert said[:1] == ["there is no test split: val is written as test, which CTR-GCN reads"]


def test_one_person_and_three(tmp_path):
    alone = build({i: {1: asymmetric(100 + i, 200, 0.5)} for i in range(4)})
    crowd = {1: asymmetric(100, 200, 0.5), 2: asymmetric(300, 250, 0.875), 3: asymmetric(500, 250, 0.75)}
    samples = [Sample(alone, "a", 0), Sample(build({i: crowd for i in range(4)}), "b", 0)]
    said = []
    save_dataset(samples, tmp_path / "a.ctrgcn.npz", options=WriteOptions(note=said.append))
    data, _, valid = feed(tmp_path / "a.ctrgcn.npz", "train")
    assert valid == [4, 4] and said[:2] == [
        "b: 2 of 3 tracks kept, as the format always has 2",
        "no clip is in the split test: x_test is empty, and CTR-GCN reads train and test; give splits with the labels",
    ]
    assert data[0, :, :4, :, 0].any() and not data[0, ..., 1].any()
    # The two that matter most, in that order.
    assert data[1, 2, 0, 0].tolist() == [0.875, 0.75]
    with pytest.raises(FormatError, match="always has 2 people, not 3"):
        save_dataset(samples, tmp_path / "b.ctrgcn.npz", options=WriteOptions(persons=3))


def test_no_frame_with_a_person_has_a_sum_of_zero(tmp_path):
    """The feeder would take such a frame for an empty one and cut the clip."""
    pose = np.zeros((18, 3), np.float32)
    pose[:, :2], pose[:, 2] = (160, 120), 0.5
    sequence = build({i: {1: pose} for i in range(6)})
    save(sequence, tmp_path / "a.ctrgcn.npz", label=0)
    data, _, valid = feed(tmp_path / "a.ctrgcn.npz", "train")
    assert valid == [6]
    assert np.abs(data[0, 2, :6, :, 0] - 0.5).max() == pytest.approx(0.01)


def test_missing_ears_and_wrists(tmp_path):
    pose = asymmetric(300, 250, 0.5)
    for joint in ("left_ear", "left_eye", "left_wrist", "left_hip"):
        pose[OP18.index(joint)] = 0
    save(build({0: {1: pose}}), tmp_path / "a.ctrgcn.npz", label=0)
    data, *_ = feed(tmp_path / "a.ctrgcn.npz", "train")
    seen = data[0, :, 0, :, 0].T
    assert seen[3, :2] == pytest.approx(
        np.array([300, 190]) / (640, 480) - 0.5
    )  # the nose is all there is of a head
    assert not seen[[0, 1, 6, 7, 12, 21, 22]].any()


def test_nobody_in_test(scene, tmp_path):
    save(scene, tmp_path / "a.ctrgcn.npz", label=0)
    data, label, _ = feed(tmp_path / "a.ctrgcn.npz", "test")
    assert len(data) == len(label) == 0


def test_needs_labels(scene, tmp_path):
    for unknown in (None, -1):
        with pytest.raises(FormatError, match="needs a class"):
            save(scene, tmp_path / "a.ctrgcn.npz", label=unknown)
    with pytest.raises(FormatError, match="label is -2, a whole number from 0"):
        save(scene, tmp_path / "a.ctrgcn.npz", label=-2)
