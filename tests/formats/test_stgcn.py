from __future__ import annotations

import pickle

import numpy as np
import pytest

from skelstream.formats import Sample, WriteOptions, save, save_dataset

from .conftest import OP18, asymmetric, build, shaped


def feed(folder, split="all"):
    """As ST-GCN's feeder loads it."""
    with open(folder / f"{split}_label.pkl", "rb") as file:
        sample_name, label = pickle.load(file)
    data = np.load(folder / f"{split}_data.npy", mmap_mode="r")
    n, c, _, v, _ = data.shape
    assert n == len(label) == len(sample_name) and c == 3 and v == 18
    assert data.dtype == np.float32
    return data, sample_name, label


def test_array(scene, tmp_path):
    save(scene, tmp_path / "set", "stgcn", label=3)
    data, names, labels = feed(tmp_path / "set")
    assert data.shape == (1, 3, 300, 18, 2) and names == ["walk"] and labels == [3]
    expected = shaped(OP18, 300, 250) / (640, 480) - 0.5
    assert pytest.approx(expected, abs=1e-6) == data[0, :2, 0, :, 0].T
    assert (data[0, 2, 0, :, 0] == 0.875).all()
    # Missing joints, empty and failed frames, and everything after the end are zeros.
    assert not data[0, :, 1, 4, 0].any() and not data[0, :, [3, 5]].any() and not data[0, :, 8:].any()


def test_a_slot_is_one_person(scene, tmp_path):
    save(scene, tmp_path / "set", "stgcn")
    data, _, labels = feed(tmp_path / "set")
    assert labels == [-1]
    x = data[0, 0, :8, 0, 0][[0, 1, 2, 4, 6, 7]]
    assert x == pytest.approx((300 + 2 * np.array([0, 1, 2, 4, 6, 7])) / 640 - 0.5, abs=1e-6)
    assert not data[0, :, 3:, :, 1].any()


def test_agcn_negates_y(scene, tmp_path):
    save(scene, tmp_path / "a", "stgcn")
    save(scene, tmp_path / "b", "agcn")
    a, b = feed(tmp_path / "a")[0], feed(tmp_path / "b")[0]
    assert np.array_equal(a[:, 0], b[:, 0]) and np.array_equal(a[:, 1], -b[:, 1])
    assert np.array_equal(a[:, 2], b[:, 2]) and (a[:, 1] != 0).any()


def test_splits(scene, empty, tmp_path):
    samples = (Sample(s, f"clip{i}", i % 3, None, "train" if i < 11 else "val") for i, s in
               enumerate([scene, empty] * 7))  # fmt: skip
    save_dataset(samples, tmp_path / "set", "stgcn", options=WriteOptions(frames=8))
    train, names, labels = feed(tmp_path / "set", "train")
    assert train.shape == (11, 3, 8, 18, 2) and labels == [i % 3 for i in range(11)]
    assert names[10] == "clip10" and train[10].any() and not train[9].any()
    assert feed(tmp_path / "set", "val")[0].shape[0] == 3


def test_longer_clips_are_cut_with_a_note(tmp_path):
    said = []
    long = build({i: {1: asymmetric(300, 250, 0.5)} for i in range(310)})
    save(long, tmp_path / "set", "stgcn", options=WriteOptions(note=said.append))
    assert feed(tmp_path / "set")[0].shape[2] == 300
    assert said == ["walk: 300 of 310 frames kept; convert with --frames 310 to keep all"]


def test_a_failure_leaves_nothing(scene, tmp_path):
    def samples():
        yield Sample(scene, "a")
        raise RuntimeError("unreadable")

    with pytest.raises(RuntimeError):
        save_dataset(samples(), tmp_path / "set", "stgcn")
    assert not list(tmp_path.iterdir())
