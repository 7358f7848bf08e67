from __future__ import annotations

import sys

import numpy as np
import pytest

from skelstream.errors import MissingExtraError
from skelstream.formats import save

from .conftest import OP18, shaped

pose_format = pytest.importorskip("pose_format", reason="the extra pose-format is not installed")


def test_as_pose_format_reads_it(scene, tmp_path):
    save(scene, tmp_path / "a.pose")
    pose = pose_format.Pose.read((tmp_path / "a.pose").read_bytes())
    (component,) = pose.header.components
    assert (component.name, component.points, component.format) == ("openpose18", OP18, "XYC")
    assert (pose.header.dimensions.width, pose.header.dimensions.height) == (640, 480)
    assert pose.body.fps == pytest.approx(25)
    assert pose.body.data.shape == (8, 2, 18, 2) and pose.body.confidence.shape == (8, 2, 18)
    assert pose.body.data[0, 0].filled() == pytest.approx(shaped(OP18, 300, 250))
    assert pose.body.data.mask[1, 0, 4].all() and pose.body.data.mask[[3, 5]].all()
    assert not pose.body.data.mask[0].any() and (pose.body.confidence[0, 0] == 0.875).all()
    assert np.array_equal(component.limbs[0], (1, 2))


def test_without_the_library(scene, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pose_format.pose_header", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'skelstream\[formats\]'"):
        save(scene, tmp_path / "a.pose")
    assert not list(tmp_path.iterdir())
