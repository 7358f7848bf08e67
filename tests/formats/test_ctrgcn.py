from __future__ import annotations

import numpy as np
import pytest

from skelstream.errors import FormatError
from skelstream.formats import Sample, WriteOptions, save, save_dataset

from .conftest import OP18, shaped


def feed(path, split):
    """As CTR-GCN's NTU feeder reads it, with 18 joints."""
    npz = np.load(path)
    data, label = npz[f"x_{split}"], np.where(npz[f"y_{split}"] > 0)[1]
    n, t, _ = data.shape
    data = data.reshape((n, t, 2, 18, 3)).transpose(0, 4, 1, 3, 2)
    assert len(data) == len(label)
    valid = [int(np.sum(clip.sum(0).sum(-1).sum(-1) != 0)) for clip in data]
    npz.close()
    return data, label, valid


def test_one_video(scene, tmp_path):
    save(scene, tmp_path / "a.ctrgcn.npz", label=2)
    data, label, valid = feed(tmp_path / "a.ctrgcn.npz", "train")
    assert data.shape == (1, 3, 300, 18, 2) and label.tolist() == [2]
    # Six of eight frames have someone; they stand at the start, in order, as the feeder's count expects.
    assert valid == [6]
    assert data[0, 2, :6].any(axis=(1, 2)).all() and not data[0, :, 6:].any()
    assert pytest.approx(shaped(OP18, 300, 250) / (640, 480) - 0.5, abs=1e-6) == data[0, :2, 0, :, 0].T
    assert pytest.approx(shaped(OP18, 314, 250) / (640, 480) - 0.5, abs=1e-6) == data[0, :2, 5, :, 0].T


def test_splits_and_one_hot(scene, tmp_path):
    samples = [Sample(scene, "a", 1, None, "train"), Sample(scene, "b", 0, None, "val"),
               Sample(scene, "c", 3, None, "test")]  # fmt: skip
    save_dataset(samples, tmp_path / "a.ctrgcn.npz", options=WriteOptions(classes=5, frames=8))
    with np.load(tmp_path / "a.ctrgcn.npz") as npz:
        assert npz["y_train"].shape == (1, 5) and npz["y_test"].argmax(1).tolist() == [0, 3]
        assert npz["x_test"].shape == (2, 8, 2 * 18 * 3) and npz["x_train"].dtype == np.float32


def test_nobody_in_test(scene, tmp_path):
    save(scene, tmp_path / "a.ctrgcn.npz", label=0)
    data, label, _ = feed(tmp_path / "a.ctrgcn.npz", "test")
    assert len(data) == len(label) == 0


def test_needs_labels_and_known_splits(scene, tmp_path):
    with pytest.raises(FormatError, match="needs a class"):
        save(scene, tmp_path / "a.ctrgcn.npz")
    with pytest.raises(FormatError, match="knows the splits"):
        save_dataset([Sample(scene, "a", 0, None, "dev")], tmp_path / "a.ctrgcn.npz")
