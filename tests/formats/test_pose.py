from __future__ import annotations

import sys

import numpy as np
import pytest

from skelstream.errors import MissingExtraError
from skelstream.formats import WriteOptions, load, save

from .conftest import OP18, shaped
from .whole_bodies import whole_scene

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


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("body+hands", "holistic"),
        ("body+face", "holistic"),
        ("body+hands+face", "holistic"),
        ("holistic543", "holistic"),
        ("openpose-whole", "openpose"),
        ("coco-wholebody133", "coco_wholebody_133"),
    ],
)
def test_whole_bodies_have_the_components_that_pose_format_knows(tmp_path, name, known):
    from pose_format.utils.generic import (
        correct_wrists,
        detect_known_pose_format,
        hands_indexes,
        normalize_pose_size,
        pose_hide_legs,
        pose_normalization_info,
        reduce_holistic,
    )

    sequence, notes = whole_scene(name), []
    save(sequence, tmp_path / "a.pose", options=WriteOptions(note=notes.append))
    pose = pose_format.Pose.read((tmp_path / "a.pose").read_bytes())
    assert detect_known_pose_format(pose) == known
    assert any("written with the components of Holistic" in line for line in notes) == ("body+" in name)
    if "left_hand" in sequence.skeleton.parts:
        track = sequence[0]
        for side, index in zip(("left", "right"), hands_indexes(pose.header), strict=True):
            knuckle = track.keypoints[:, sequence.skeleton.index(f"{side}_middle_finger1")]
            seen = np.isfinite(knuckle[:, 0])
            np.testing.assert_array_equal(pose.body.data.data[:5, 0, index][seen], knuckle[seen])
            assert (pose.body.confidence[:5, 0, index] > 0).tolist() == seen.tolist()
        correct_wrists(pose)
    points = len(pose.body.data[0, 0])
    assert len(pose_hide_legs(pose.copy(), remove=True).body.data[0, 0]) < points
    reduced = reduce_holistic(pose)
    if known == "holistic":
        assert reduced.body.data.shape[2] == 8 + 128 + 42
    normal = reduced.normalize(pose_normalization_info(reduced.header))
    normalize_pose_size(normal)
    assert normal.header.dimensions.width == 512


@pytest.mark.parametrize("name", ["body+hands+face", "holistic543", "openpose-whole", "coco-wholebody133"])
def test_whole_bodies_come_back(tmp_path, name):
    sequence, notes = whole_scene(name), []
    save(sequence, tmp_path / "a.pose", options=WriteOptions(skeleton=name))
    back = load(tmp_path / "a.pose", note=notes.append)
    assert back.skeleton.name == name and notes == [] and back.frames == sequence.frames
    for track, other in zip(sequence, back, strict=True):
        np.testing.assert_array_equal(other.keypoints, track.keypoints)
        np.testing.assert_array_equal(other.scores, track.scores)


def test_holistics_reduced_file_is_read_with_what_it_has(tmp_path):
    from pose_format.utils.generic import reduce_holistic

    sequence, notes = whole_scene(), []
    save(sequence, tmp_path / "a.pose")
    pose = reduce_holistic(pose_format.Pose.read((tmp_path / "a.pose").read_bytes()))
    with open(tmp_path / "b.pose", "wb") as file:
        pose.write(file)
    back = load(tmp_path / "b.pose", note=notes.append)
    assert (
        back.skeleton.name == "holistic543" and "340 joints of the face; these joints are missing" in notes[0]
    )
    hand = list(back.skeleton.parts["right_hand"])
    np.testing.assert_array_equal(
        back[0].keypoints[:, hand], sequence.as_skeleton("holistic543")[0].keypoints[:, hand]
    )


def test_holistics_depth_irises_and_world_are_named(tmp_path):
    """A file as pose-format makes it from a video."""
    module = pose_format.pose_header
    save(whole_scene("holistic543"), tmp_path / "a.pose")
    pose = pose_format.Pose.read((tmp_path / "a.pose").read_bytes())
    parts = {c.name: c for c in pose.header.components}
    points = {name: list(c.points) for name, c in parts.items()}
    points["FACE_LANDMARKS"] += [str(i) for i in range(468, 478)]
    points["POSE_WORLD_LANDMARKS"] = points["POSE_LANDMARKS"]
    components = [module.PoseHeaderComponent(name, p, [], [], "XYZC") for name, p in points.items()]
    header = module.PoseHeader(0.2, module.PoseHeaderDimensions(640, 480, 0), components)
    data, confidence = np.ones((3, 1, 586, 3), np.float32), np.ones((3, 1, 586), np.float32)
    data[..., :2] = 5 + np.arange(586)[:, None]
    body = pose_format.numpy.NumPyPoseBody(25, np.ma.masked_array(data), confidence)
    with open(tmp_path / "b.pose", "wb") as file:
        pose_format.Pose(header, body).write(file)
    notes = []
    back = load(tmp_path / "b.pose", note=notes.append)
    skeleton = back.skeleton
    assert skeleton.name == "holistic543" and np.isfinite(back.keypoints).all()
    assert back.keypoints[0, skeleton.index("right_pinky_finger4"), 0] == 5 + 33 + 478 + 41
    assert any("FACE_LANDMARKS 468" in line and "and 39 more" in line for line in notes)
    assert "the depth of the points is left out" in notes[-1]
