"""People in space as other programs read them."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from skelstream.errors import FormatError
from skelstream.formats import WriteOptions, load, save
from skelstream.formats.space import even_rate
from skelstream.people import People
from skelstream.sequences import SequenceBuilder
from skelstream.sequences.lifted import Lifted
from skelstream.skeleton import H36M17, NTU25, OPENPOSE18
from skelstream.tracking.tracked import TrackedPeople

# Left and right as seen from the front: x right, y down, z away, metres.
STANDING = np.float32([
    (0, 0, 0), (-0.1, 0, 0), (-0.1, 0.43, 0), (-0.1, 0.84, 0), (0.1, 0, 0), (0.1, 0.43, 0), (0.1, 0.84, 0), (0, -0.22, 0),
    (0, -0.5, 0), (0, -0.6, -0.1), (0, -0.72, 0), (0.2, -0.48, 0), (0.45, -0.48, 0), (0.7, -0.48, 0), (-0.2, -0.48, 0),
    (-0.45, -0.48, 0), (-0.7, -0.48, 0),
])  # fmt: skip


@pytest.fixture
def lifted(scene):
    """Everybody stands and turns, each bone in its own way."""
    rows = len(scene.frame)
    turns = Rotation.from_euler("yxz", np.linspace([0, 0, 0], [200, 40, 30], rows), degrees=True)
    keypoints = np.stack([turns.apply(joint) for joint in STANDING], 1).astype(np.float32)
    keypoints[:, 16] += np.float32([0, 0, 0.2]) * np.sin(np.arange(rows))[:, None]
    keypoints[5] = np.nan
    return replace(scene, lifted=Lifted(keypoints, np.isfinite(keypoints[..., 0])))


def test_trc_has_y_upwards_and_the_videos_times(lifted, tmp_path):
    save(lifted, tmp_path / "a.trc")
    lines = (tmp_path / "a.trc").read_text().splitlines()
    assert lines[3].split("\t")[2::3][: len(H36M17)] == list(H36M17.joints)
    track = lifted[0]
    assert len(lines) == 5 + lifted.frames  # nothing shifts
    cells = lines[5 + track.frame[0]].split("\t")
    assert float(cells[1]) == pytest.approx(track.times[0], abs=1e-6)
    places = np.array(cells[2:], float).reshape(17, 3)
    np.testing.assert_allclose(places, track.lifted.keypoints[0] * [1, -1, -1], atol=1e-4)
    # OpenSim ends a line at an empty cell, and takes NaN.
    missing = lines[5 + track.frame[5]].split("\t")
    assert missing[2:] == ["NaN"] * 51


def _played(text):
    """Places of all named joints (F, J, 3) of a BVH file, by its own offsets and turns; and the times' step."""
    head, motion = text.split("MOTION\n")
    offsets, parents, names, channels, stack = [], [], [], [], []
    for line in head.splitlines():
        words = line.split()
        if words[0] in ("ROOT", "JOINT", "End"):
            names.append(words[1])
            parents.append(stack[-1] if stack else -1)
            channels.append(words[0] != "End")
        elif words[0] == "{":
            stack.append(len(names) - 1)
        elif words[0] == "}":
            stack.pop()
        elif words[0] == "OFFSET":
            offsets.append([float(w) for w in words[1:]])
    rows = np.array([line.split() for line in motion.splitlines()[2:]], float)
    places, whole, column = [], [], 3
    for offset, parent, turns in zip(offsets, parents, channels, strict=True):
        before = whole[parent] if parent >= 0 else Rotation.identity(len(rows))
        at = places[parent] + before.apply(offset) if parent >= 0 else rows[:, :3]
        places.append(at)
        whole.append(before)
        if turns:
            whole[-1] = before * Rotation.from_euler("ZXY", rows[:, column : column + 3], degrees=True)
            column += 3
    assert column == rows.shape[1]
    return names, np.stack(places, 1), float(motion.splitlines()[1].split()[-1])


def test_bvh_plays_the_same_motion(lifted, tmp_path):
    save(lifted, tmp_path / "a.bvh")
    names, places, step = _played((tmp_path / "a.bvh").read_text())
    track = lifted[0]
    assert step == pytest.approx(np.median(np.diff(lifted.frame_time)), abs=1e-5)
    at = track.frame
    wanted = track.lifted.keypoints * [1, -1, -1]
    there = np.isfinite(wanted[:, 0, 0])
    for joint in ("left_elbow", "right_knee", "neck", "spine"):
        found = places[at[there], names.index(joint)] / 100
        np.testing.assert_allclose(found, wanted[there, H36M17.index(joint)], atol=0.03)
    assert np.isfinite(places).all()


def test_pyskl_in_three_dimensions(lifted, tmp_path):
    save(lifted, tmp_path / "a.3d.pkl")
    with open(tmp_path / "a.3d.pkl", "rb") as file:
        (clip,) = pickle.load(file)
    keypoint = clip["keypoint"]
    assert keypoint.shape == (min(2, len(lifted)), lifted.frames, 25, 3) and "keypoint_score" not in clip
    track = lifted[0]
    np.testing.assert_allclose(
        keypoint[0, track.frame[3], NTU25.index("left_wrist")],
        track.lifted.keypoints[3, H36M17.index("left_wrist")] * [-1, -1, 1] + [0, 0, 3],
        atol=1e-6,
    )
    np.testing.assert_array_equal(
        keypoint[0, :, NTU25.index("left_hand")], keypoint[0, :, NTU25.index("left_wrist")]
    )
    assert not keypoint[0, track.frame[5]].any()


def _upright(keypoint):
    """Turn people as PYSKL's PreNormalize3D does: spine along z, shoulders along x; rows of zeros stay."""

    def turn(points, axis, target):
        cross, cosine = np.cross(axis, target), np.dot(axis, target) / np.linalg.norm(axis)
        if not np.linalg.norm(cross):
            return points
        return Rotation.from_rotvec(cross / np.linalg.norm(cross) * np.arccos(cosine)).apply(points)

    body = keypoint[0]
    mask = np.isclose(body[:, :1].sum(-1), 0)[..., None]  # a missing first joint
    body = (body - body[0, 1]) * ~mask
    flat = turn(body.reshape(-1, 3), body[0, 1] - body[0, 0], [0, 0, 1])
    shoulders = flat.reshape(body.shape)[0]
    return turn(flat, shoulders[8] - shoulders[4], [1, 0, 0]).reshape(body.shape)


def test_pyskls_normalisation_puts_people_upright(lifted, tmp_path):
    rows = np.broadcast_to(STANDING, lifted.lifted.keypoints.shape).copy()
    save(replace(lifted, lifted=Lifted(rows, np.isfinite(rows[..., 0]))), tmp_path / "a.3d.pkl")
    with open(tmp_path / "a.3d.pkl", "rb") as file:
        (clip,) = pickle.load(file)
    # Kinect's axes are right-handed: the left hip of a person who faces the camera has the smaller x.
    hips = clip["keypoint"][0, lifted[0].frame[0], [NTU25.index("left_hip"), NTU25.index("right_hip")], 0]
    assert hips[0] < hips[1]
    found = _upright(clip["keypoint"][:, lifted[0].frame])[0]
    assert found[NTU25.index("head"), 2] > 0.3
    for ankle in ("left_ankle", "right_ankle"):
        assert found[NTU25.index(ankle), 2] < -0.7


@pytest.mark.parametrize("name", ["a.trc", "a.bvh", "a.3d.pkl"])
def test_what_was_not_lifted_is_refused(scene, empty, tmp_path, name):
    with pytest.raises(FormatError, match="skelstream lift"):
        save(scene, tmp_path / name)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("ending", ["trc", "bvh", "3d.pkl"])
def test_equal_content_gives_equal_bytes(lifted, tmp_path, ending):
    for name in ("a", "b"):
        save(lifted, tmp_path / f"{name}.{ending}")
    assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()


def test_nobody_is_no_one_person(empty, tmp_path):
    nobody = replace(empty, lifted=Lifted(np.zeros((0, 17, 3), np.float32), np.zeros((0, 17), bool)))
    with pytest.raises(FormatError, match="needs a person, and the sequence has none"):
        save(nobody, tmp_path / "a.bvh")


@pytest.mark.parametrize("rate", [30.0, 60.0, 30000 / 1001, 12.5, 7.3])
def test_the_rate_of_rounded_times_is_found_again(rate):
    """Matroska rounds times to milliseconds, transport streams to 1/90000 s."""
    for step in (1e-3, 1 / 90000):
        times = np.round(np.arange(200) / rate / step) * step
        found, even = even_rate(times)
        assert even and found == pytest.approx(rate, rel=2e-4)
    assert even_rate(np.array([0.5])) == (30.0, True)


@pytest.mark.parametrize("ending", ["trc", "bvh", "pose"])
def test_uneven_frames_are_interpolated_and_last_as_long(tmp_path, ending):
    """60 frames at 30/s, then 10 at 10/s, 2.97 s; a person walks one unit a second."""
    times = np.concatenate([np.arange(60) / 30, 2 + np.arange(10) / 10])
    builder = SequenceBuilder(OPENPOSE18, source="a.mkv", height=200, width=800)
    for i, time in enumerate(times):
        pose = np.full((1, 18, 2), 100, np.float32) + np.float32([100 * time, 0])
        people = People(
            pose, np.full((1, 18), 0.9, np.float32), np.float32([0.9]), np.float32([[0, 0, 9, 9]])
        )
        builder.add(TrackedPeople(i, float(time), people, np.ones(1, np.int32), np.ones(1, np.bool_)))
    sequence = builder.finish()
    keypoints = np.broadcast_to(STANDING, (70, 17, 3)) + np.float32([1, 0, 0]) * times[:, None, None]
    sequence = replace(sequence, lifted=Lifted(keypoints.astype(np.float32), np.ones((70, 17), bool)))
    notes = []
    if ending == "pose":
        pytest.importorskip("pose_format")
    save(sequence, tmp_path / f"a.{ending}", options=WriteOptions(note=notes.append))
    assert any("interpolated at 30 frames per second" in note for note in notes)
    if ending == "pose":
        back = load(tmp_path / "a.pose")
        assert back.frames == 88 and back.frame_time[-1] == pytest.approx(2.9, abs=0.001)
        np.testing.assert_allclose(back[0].keypoints[:, 0, 0], 100 + 100 * back.frame_time, atol=0.1)
    elif ending == "trc":
        rows = [line.split("\t") for line in (tmp_path / "a.trc").read_text().splitlines()[5:]]
        found = np.array([[float(row[1]), float(row[2])] for row in rows])
        assert len(rows) == 88
        np.testing.assert_allclose(found[:, 1], found[:, 0], atol=1e-3)
    else:
        head = (tmp_path / "a.bvh").read_text().split("MOTION\n")[1].splitlines()
        assert head[0] == "Frames: 88" and float(head[1].split()[-1]) == pytest.approx(1 / 30, abs=1e-6)
