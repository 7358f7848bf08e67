"""Files of other tools, written here as their own documents describe them."""

from __future__ import annotations

import csv
import pickle

import numpy as np
import pytest

from skelstream.errors import FormatError
from skelstream.formats import load, save

from .conftest import COCO, SHAPE
from .walkers import FRAMES, MEDIAPIPE, check, landmarks, triples, walker


def pyskl(**more):
    keypoint = np.zeros((2, FRAMES, 17, 2), np.float16)
    for t in range(FRAMES):
        keypoint[0, t] = walker(t)
    keypoint[1, 2:4] = keypoint[0, 2:4] - 50
    score = np.where(keypoint.any(-1), 0.75, 0).astype(np.float16)
    return {"frame_dir": "S001", "total_frames": FRAMES, "img_shape": (480, 640), "original_shape": (480, 640),
            "label": 3, "keypoint": keypoint, "keypoint_score": score, **more}  # fmt: skip


@pytest.mark.parametrize("protocol", range(6))
def test_pyskl(tmp_path, protocol):
    with open(tmp_path / "a.pkl", "wb") as file:
        pickle.dump([pyskl()], file, protocol)
    sequence = load(tmp_path / "a.pkl", fps=25)
    track = sequence[0]
    assert track.id == 1 and len(track) == FRAMES and sequence.size == (480, 640)
    assert track.keypoints[5] == pytest.approx(walker(5), abs=0.3)
    assert [len(t) for t in sequence] == [FRAMES, 2] and sequence.meta["source"] == "S001"


def test_own_pickles_come_back(scene, tmp_path):
    save(scene, tmp_path / "a.pkl")
    back = load(tmp_path / "a.pkl", fps=25)
    assert back.keypoints == pytest.approx(scene.as_skeleton("coco17").keypoints, nan_ok=True)
    assert back.frames == 8 and back.frame_time == pytest.approx(scene.frame_time)


def test_one_of_many_clips(tmp_path):
    content = {"split": {"train": ["a"]}, "annotations": [pyskl(frame_dir=name) for name in "abcde"]}
    with open(tmp_path / "set.pkl", "wb") as file:
        pickle.dump(content, file)
    with pytest.raises(FormatError, match=r"contains 5 clips \(a, b, c ...\); choose one by its name"):
        load(tmp_path / "set.pkl")
    with pytest.raises(FormatError, match="0 of them named x"):
        load(tmp_path / "set.pkl", clip="x")
    assert load(tmp_path / "set.pkl", clip="d").meta["source"] == "d"


class Evil:
    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


@pytest.mark.parametrize(
    "value",
    [
        Evil(exec, "import pathlib; pathlib.Path('ran').touch()"),
        [pyskl(label=Evil(eval, "1"))],
        [pyskl(keypoint=Evil(np.zeros, (10**12,)))],
        [pyskl(keypoint=Evil(bytearray, 10**12))],
        [pyskl(keypoint=np.array([{}], object))],
        [pyskl(keypoint=np.zeros((2, 3, 17, 3)))],
        [pyskl(keypoint=np.zeros((2, 3, 14, 2)))],
        [pyskl(keypoint=[[1, 2]])],
        [pyskl(keypoint_score=np.zeros((2, 3)))],
        [pyskl(img_shape=("a", 2))],
        [pyskl(img_shape=(0, 640))],
        [pyskl(frame_dir=5)],
        [{"frame_dir": "a"}],
        [5],
        5,
        [],
        [pyskl(keypoint=np.full((1, 3, 17, 2), np.inf))],
    ],
)
def test_pickles_that_are_something_else(tmp_path, monkeypatch, value):
    monkeypatch.chdir(tmp_path)
    with open("a.pkl", "wb") as file:
        pickle.dump(value, file)
    with pytest.raises(FormatError, match="^a.pkl: ") as caught:
        load("a.pkl")
    assert not (tmp_path / "ran").exists() and str(caught.value).isprintable()


def test_own_pose_files_come_back(scene, tmp_path):
    pytest.importorskip("pose_format")
    save(scene, tmp_path / "a.pose")
    back = load(tmp_path / "a.pose")
    assert back.skeleton.name == "openpose18" and back.frames == 8 and back.size == (480, 640)
    assert back.keypoints == pytest.approx(scene.keypoints, nan_ok=True) and back.track_ids.tolist() == [1, 2]


def test_pose_files_of_holistic_landmarks(tmp_path):
    header_module = pytest.importorskip("pose_format.pose_header")
    body_module = pytest.importorskip("pose_format.numpy")
    pose_module = pytest.importorskip("pose_format.pose")
    parts = [
        header_module.PoseHeaderComponent("POSE_LANDMARKS", MEDIAPIPE, [(0, 1)], [(255, 0, 0)], "XYZC"),
        header_module.PoseHeaderComponent(
            "LEFT_HAND_LANDMARKS", ["WRIST", "THUMB_TIP"], [(0, 1)], [(255, 0, 0)], "XYZC"
        ),
    ]
    header = header_module.PoseHeader(0.2, header_module.PoseHeaderDimensions(640, 480, 0), parts)
    data = np.zeros((FRAMES, 1, 35, 3), np.float32)
    for t in range(FRAMES):
        data[t, 0, :33, :2] = [[p["x"] * 640, p["y"] * 480] for p in landmarks(t)]
    confidence = np.full((FRAMES, 1, 35), 0.75, np.float32)
    confidence[4] = 0
    with open(tmp_path / "a.pose", "wb") as file:
        pose_module.Pose(header, body_module.NumPyPoseBody(25, np.ma.masked_array(data), confidence)).write(
            file
        )
    said = []
    sequence = load(tmp_path / "a.pose", note=said.append)
    # The hand, of which the file has two joints, is kept.
    assert sequence.skeleton.name == "holistic543" and len(said) == 1
    assert "lacks 19 joints of the left hand, 21 joints of the right hand, 468 joints of the face" in said[0]
    check(sequence, [t for t in range(FRAMES) if t != 4])
    (tmp_path / "b.pose").write_bytes((tmp_path / "a.pose").read_bytes()[:300])
    with pytest.raises(FormatError, match=r"b.pose: not a .pose file, or damaged"):
        load(tmp_path / "b.pose")


def test_own_sleap_files_come_back(scene, tmp_path):
    pytest.importorskip("h5py")
    save(scene, tmp_path / "a.h5")
    back = load(tmp_path / "a.h5")
    assert np.array_equal(back.keypoints, scene.keypoints, equal_nan=True)
    assert back.track_ids.tolist() == scene.track_ids.tolist() and np.array_equal(back.frame, scene.frame)
    assert np.array_equal(back.scores, scene.scores) and np.array_equal(back.frame_time, scene.frame_time)


def sleap(path, names, **more):
    h5py = pytest.importorskip("h5py")
    tracks = np.full((1, 2, len(names), FRAMES), np.nan)
    for t in range(FRAMES):
        if t != 4:
            tracks[0, :, :, t] = walker(t).T[:, : len(names)]
    with h5py.File(path, "w") as file:
        for name, value in ({"tracks": tracks, "node_names": np.array(names, "S")} | more).items():
            if value is not None:
                file[name] = value
    return path


def test_sleap_without_scores(tmp_path):
    sequence = load(sleap(tmp_path / "a.analysis.h5", COCO), fps=25)
    check(sequence, [t for t in range(FRAMES) if t != 4], score=1)
    assert sequence.frames == FRAMES and sequence.frame_time[-1] == pytest.approx((FRAMES - 1) / 25)


def test_sleap_of_a_part_of_a_video(tmp_path):
    """Columns are the video's frames; those that were not processed have no time."""
    times = np.arange(FRAMES) / 25
    times[:3] = np.nan
    tracks = np.full((1, 2, 17, FRAMES), np.nan)
    for t in range(3, FRAMES):
        tracks[0, :, :, t] = walker(t).T
    sequence = load(sleap(tmp_path / "a.h5", COCO, frame_time=times, tracks=tracks))
    assert sequence.frame_index.tolist() == list(range(3, FRAMES)) and sequence.frame_time[0] == 3 / 25


def test_sleap_that_claims_a_century(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = sleap(tmp_path / "a.h5", COCO, tracks=None)
    with h5py.File(path, "a") as file:
        file.create_dataset(
            "tracks", (1, 2, 17, 10**10), np.float64, fillvalue=np.nan, chunks=(1, 2, 17, 1024)
        )
    with pytest.raises(FormatError, match="claims 10,000,000,000 frames"):
        load(path)


@pytest.mark.parametrize(
    ("names", "more", "words"),
    [
        (COCO, {"tracks": None}, "no tracks and node_names"),
        (COCO, {"tracks": np.zeros(3)}, "tracks has shape"),
        (COCO, {"node_names": np.array(["a"], "S")}, "1 names for 17 nodes"),
        (
            ["snout", "tail", *"abcdefghijklmno"],
            {},
            r"not joints of a known joint set \(snout, tail, a, b ...\)",
        ),
        (COCO, {"frame_time": np.full(FRAMES, np.nan)}, "frame 0 has people but no time"),
    ],
)
def test_sleap_that_is_something_else(tmp_path, names, more, words):
    with pytest.raises(FormatError, match=words):
        load(sleap(tmp_path / "a.h5", names, **more))


def deeplabcut(path, individuals=("",), parts=COCO, label=str):
    levels = [["scorer"], ["individuals"], ["bodyparts"], ["coords"]]
    for individual in individuals:
        for part in parts:
            for coordinate in ("x", "y", "likelihood"):
                for level, word in zip(levels, ("DLC", individual, part, coordinate), strict=True):
                    level.append(word)
    if individuals == ("",):
        del levels[1]
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows(levels)
        for t in range(FRAMES):
            cells = [
                v
                for i in range(len(individuals))
                for v in triples(walker(t, 300 - 200 * i))[: len(parts)].ravel()
            ]
            writer.writerow([label(t), *([""] * len(cells) if t == 4 else cells)])
    return path


@pytest.mark.parametrize("label", [str, lambda t: f"labeled-data/walk/img{t:04d}.png"])
def test_deeplabcut(tmp_path, label):
    sequence = load(deeplabcut(tmp_path / "a.csv", label=label))
    check(sequence, [t for t in range(FRAMES) if t != 4])
    assert sequence.frames == FRAMES


def test_deeplabcut_of_several(tmp_path):
    said = []
    sequence = load(deeplabcut(tmp_path / "a.csv", ("one", "two"), COCO[:13]), note=said.append)
    assert sequence.track_ids.tolist() == [1, 2]
    check(sequence, [t for t in range(FRAMES) if t != 4], x=100, joints=COCO[:13], index=1)
    assert "the file lacks left_knee, right_knee, left_ankle, right_ankle" in said[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("likelihood", "z"), "coordinates are z, not x, y, likelihood"),
        (lambda text: text.replace("bodyparts", "parts"), "no rows bodyparts and coords"),
        (lambda text: text + "9,1,2\n", "line 13 has 3 cells, the header 52"),
        (lambda text: text.replace("0.75", "x", 1), "line 4: could not convert"),
        (lambda text: text.replace("\n0,", "\nframe,"), "line 4: 'frame' is not a frame number"),
        (lambda text: text.replace("0.75", "inf", 1), "not finite"),
        (lambda text: text.replace("left_eye", "nose"), "names a column twice"),
    ],
)
def test_deeplabcut_that_is_something_else(tmp_path, change, words):
    path = deeplabcut(tmp_path / "a.csv")
    path.write_text(change(path.read_text().replace("\r\n", "\n")))
    with pytest.raises(FormatError, match=words):
        load(path)


def trc(path, names=("Hip", "RHip", "RKnee", "RAnkle", "LHip", "LKnee", "LAnkle", "Neck", "Nose", "RShoulder", "LShoulder"), scale=1.0):  # fmt: skip
    own = {"Hip": None, "Neck": "neck", "Nose": "nose"}
    side = {"L": "left", "R": "right"}
    lines = [
        "PathFileType\t4\t(X/Y/Z)\ta.trc",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        f"25\t25\t{FRAMES}\t{len(names)}\tm\t25\t0\t{FRAMES}",
        "Frame#\tTime\t" + "\t\t\t".join(names) + "\t\t",
        "\t\t" + "\t".join(f"X{i}\tY{i}\tZ{i}" for i in range(1, len(names) + 1)),
    ]
    for t in range(FRAMES):
        cells = [str(t), str(t / 25)]
        for name in names:
            joint = own.get(name, f"{side.get(name[0])}_{name[1:].lower()}")
            places = (
                [""] * 3
                if t == 4
                else [*(np.array(SHAPE.get(joint, (0, 20))) + (300 + 2 * t, 250)) * scale, 0.0]
            )
            cells += [str(value) for value in places]
        lines.append("\t".join(cells))
    path.write_text("\n".join(lines) + "\n")
    return path


def test_trc(tmp_path):
    said = []
    sequence = load(trc(tmp_path / "walk_px_person00.trc"), note=said.append)
    assert sequence.skeleton.name == "openpose18" or sequence.skeleton.name == "body25"
    joints = ["right_hip", "right_knee", "left_ankle", "nose", "right_shoulder", "neck"]
    track = sequence[0]
    assert track.frame_index.tolist() == [t for t in range(FRAMES) if t != 4] and sequence.frames == FRAMES
    for joint in joints:
        assert track.keypoints[2, sequence.skeleton.index(joint)] == pytest.approx(
            np.array(SHAPE[joint]) + (304, 250)
        )
    assert sequence.frame_time[-1] == pytest.approx((FRAMES - 1) / 25) and any(
        "has no scores" in s for s in said
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: "x" + text, "not a TRC table"),
        (lambda text: text[:20], "not a TRC table"),
        (lambda text: text.split("\n0\t")[0], "contains no frames"),
        (lambda text: text.replace("\n1\t", "\n1.5\t"), "line 7: the frame's number is 1.5"),
        (lambda text: text.replace("\n1\t0.04", "\n1\tx"), "line 7: could not convert"),
        (lambda text: text.replace("\n1\t0.04", "\n1\tinf"), "not finite"),
        (
            lambda text: text.replace("Hip", "Tail").replace("Knee", "Paw").replace("Ankle", "Claw"),
            "not joints of a known joint set",
        ),
    ],
)
def test_trc_that_is_something_else(tmp_path, change, words):
    path = trc(tmp_path / "a.trc")
    path.write_text(change(path.read_text()))
    with pytest.raises(FormatError, match=words):
        load(path)


def test_metres_are_refused(tmp_path):
    with pytest.raises(FormatError, match="not pixels"):
        load(trc(tmp_path / "walk_m_person00.trc", scale=0.005))


@pytest.mark.parametrize("group", ["df_with_missing", "keypoints"])
def test_deeplabcut_in_pandas_fixed_layout_names_the_csv(tmp_path, group):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_group(group).attrs["pandas_type"] = "frame"
        file[f"{group}/block0_values"] = np.zeros((4, 51))
    for format in (None, "deeplabcut"):
        with pytest.raises(FormatError, match=r"fixed layout.*give the \.csv .*converth5_to_csv"):
            load(tmp_path / "a.h5", format)
