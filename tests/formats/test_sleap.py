from __future__ import annotations

import errno
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from skelstream.errors import FormatError, OutputError
from skelstream.formats import load, save

from .conftest import OP18, build, shaped

h5py = pytest.importorskip("h5py", reason="the extra h5py is not installed")


def test_as_sleaps_tutorial_reads_it(scene, tmp_path):
    save(scene, tmp_path / "a.analysis.h5")
    with h5py.File(tmp_path / "a.analysis.h5", "r") as file:
        locations = file["tracks"][:].T
        node_names = [name.decode() for name in file["node_names"][:]]
        track_names = [name.decode() for name in file["track_names"][:]]
        occupancy = file["track_occupancy"][:]
        scores = file["point_scores"][:]
        edges = file["edge_inds"][:]
    frames, nodes, two, instances = locations.shape
    assert (frames, nodes, two, instances) == (8, 18, 2, 2)
    assert node_names == OP18 and track_names == ["track_2", "track_1"]
    assert locations[0, :, :, 0] == pytest.approx(shaped(OP18, 300, 250))
    assert np.isnan(locations[[3, 5]]).all() and np.isnan(locations[1, 4, :, 0]).all()
    assert np.isnan(locations[3:, :, :, 1]).all()
    assert occupancy.shape == (8, 2) and occupancy[:, 0].tolist() == [1, 1, 1, 0, 1, 0, 1, 1]
    assert scores.shape == (2, 18, 8) and np.isnan(scores[0, 4, 1]) and scores[0, 0, 0] == 0.875
    assert edges[0].tolist() == [1, 2]


def test_a_source_whose_name_is_no_text(scene, tmp_path):
    from dataclasses import replace

    save(replace(scene, meta={**scene.meta, "source": "\udcff.mp4"}), tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r") as file:
        assert file["video_path"][()] == b"?.mp4"


def test_nobody(empty, tmp_path):
    save(empty, tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r") as file:
        assert file["tracks"].shape == (0, 2, 18, 3)
    save(build({}), tmp_path / "b.h5")
    with h5py.File(tmp_path / "b.h5", "r") as file:
        assert file["tracks"].shape == (0, 2, 18, 0)


def test_same_content_same_bytes(scene, tmp_path):
    save(scene, tmp_path / "a.h5")
    save(scene, tmp_path / "b.h5")
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_a_full_disk_is_an_error_and_no_crash(scene, tmp_path, monkeypatch):
    """HDF5 writes to memory; what the file system refuses is Python's to tell."""

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="No space left"):
        save(scene, tmp_path / "a.h5")
    assert list(tmp_path.iterdir()) == []


def test_columns_are_the_frames_of_the_video(scene, tmp_path):
    """Of a part of it, and of each third frame, too."""
    shifted = replace(scene, frame_index=scene.frame_index * 3 + 30)
    save(shifted, tmp_path / "a.h5")
    save(scene, tmp_path / "b.h5")
    with h5py.File(tmp_path / "a.h5") as file, h5py.File(tmp_path / "b.h5") as whole:
        assert file["tracks"].shape[-1] == file["track_occupancy"].shape[0] == 30 + 7 * 3 + 1
        assert file["tracking_scores"].shape == file["instance_scores"].shape == (2, 52)
        for name in ("tracks", "point_scores", "instance_scores"):
            assert np.array_equal(file[name][..., 30::3], whole[name][...], equal_nan=True)
        assert np.array_equal(file["track_occupancy"][30::3], whole["track_occupancy"][...])
        assert file["track_occupancy"][...].sum() == whole["track_occupancy"][...].sum()
        assert file["frame_time"][30::3] == pytest.approx(scene.frame_time)
        assert np.isnan(file["tracks"][..., :30]).all() and np.isnan(file["frame_time"][31])


def test_dimensions_in_another_order_are_read_by_their_names(scene, tmp_path):
    """sleap-io's order ``standard``: frames first."""
    save(scene, tmp_path / "a.analysis.h5")
    orders = {
        "tracks": ("track", "xy", "node", "frame"), "point_scores": ("track", "node", "frame"),
        "instance_scores": ("track", "frame"),
    }  # fmt: skip
    with h5py.File(tmp_path / "a.analysis.h5") as old, h5py.File(tmp_path / "b.analysis.h5", "w") as new:
        for name in old:
            if name in orders:
                wanted = [dim for dim in ("frame", "track", "node", "xy") if dim in orders[name]]
                new[name] = old[name][:].transpose([orders[name].index(dim) for dim in wanted])
                new[name].attrs["dims"] = json.dumps(wanted)
            else:
                new[name] = old[name][()]
    one, other = load(tmp_path / "a.analysis.h5"), load(tmp_path / "b.analysis.h5")
    for name in ("keypoints", "scores", "person_scores", "frame", "track_ids", "frame_time"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    with h5py.File(tmp_path / "b.analysis.h5", "a") as file:
        file["tracks"].attrs["dims"] = "[1]"
    with pytest.raises(FormatError, match="expected"):
        load(tmp_path / "b.analysis.h5")


def test_a_fill_value_does_not_fill_the_memory(tmp_path):
    path = tmp_path / "a.analysis.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset(
            "tracks", (3, 2, 18, 2_000_000), np.float64, chunks=(1, 2, 18, 1024), fillvalue=1.0
        )
        file["node_names"] = np.array(OP18, "S")
    with pytest.raises(FormatError, match="made to fill memory"):
        load(path)
