from __future__ import annotations

import numpy as np
import pytest

from skelstream.formats import save

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
