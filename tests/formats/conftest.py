from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from skelstream.formats import read
from skelstream.people import People
from skelstream.processing import with_identities
from skelstream.sequences import SequenceBuilder, SkeletonSequence
from skelstream.settings.tracking import TrackerSettings
from skelstream.skeleton import OPENPOSE18
from skelstream.tracking.tracked import TrackedPeople

LIBRARIES = {"parquet": "pyarrow", "pose": "pose_format", "sleap": "h5py", "h5": "h5py"}


def skip_without_library(name: str) -> None:
    """Skip the test if the library of a format is not installed; the format is given by its name or a file's ending."""
    pytest.importorskip(LIBRARIES.get(name.rpartition(".")[2], "numpy"))


def build(frames: dict[int, dict[int, np.ndarray] | None], height=480, width=640) -> SkeletonSequence:
    """A sequence at 25 fps from {frame: {track id: float (18, 3)}}; None: the frame failed to decode."""
    builder = SequenceBuilder(OPENPOSE18, source="walk.mp4", height=height, width=width)
    for index, people in frames.items():
        if people is None:
            builder.add(TrackedPeople.failed(index, index / 25, 18))
            continue
        rows = np.array(list(people.values()), np.float32).reshape(-1, 18, 3)
        missing = rows[..., 2] == 0
        keypoints = np.where(missing[..., None], np.nan, rows[..., :2])
        boxes = np.array([[*np.nanmin(k, 0), *np.nanmax(k, 0)] for k in keypoints], np.float32).reshape(-1, 4)
        seen = np.maximum((~missing).sum(1), 1)
        group = People(keypoints, rows[..., 2], (rows[..., 2].sum(1) / seen).astype(np.float32), boxes)
        ids = np.array(list(people), np.int32)
        builder.add(TrackedPeople(index, index / 25, group, ids, np.ones(len(ids), bool)))
    return builder.finish()


# A person facing the camera, left arm up, left leg long; the person's left joints lie at larger x.
SHAPE = {
    "nose": (0, -60), "neck": (0.5, -40.5),
    "right_shoulder": (-20, -40), "right_elbow": (-30, -10), "right_wrist": (-35, 20),
    "left_shoulder": (21, -41), "left_elbow": (40, -70), "left_wrist": (45, -100),
    "right_hip": (-12, 20), "right_knee": (-13, 60), "right_ankle": (-14, 100),
    "left_hip": (13, 21), "left_knee": (33, 70), "left_ankle": (53, 130),
    "right_eye": (-5, -65), "left_eye": (6, -66), "right_ear": (-10, -62), "left_ear": (11, -63),
}  # fmt: skip

# Joint orders as the consumers document them, spelt out here so that the package cannot vouch for itself.
OP18 = [
    "nose",
    "neck",
    "right_shoulder",
    "right_elbow",
    "right_wrist",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "right_hip",
    "right_knee",
    "right_ankle",
    "left_hip",
    "left_knee",
    "left_ankle",
    "right_eye",
    "left_eye",
    "right_ear",
    "left_ear",
]
COCO = [
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
]


def asymmetric(x: float, y: float, score: float) -> np.ndarray:
    """The person of `SHAPE` at (x, y): float32 (18, 3)."""
    at = np.array([SHAPE[joint] for joint in OP18], np.float32) + (x, y)
    return np.concatenate([at, np.full((18, 1), score)], 1).astype(np.float32)


def shaped(joints: list[str], x: float, y: float) -> np.ndarray:
    """Where those joints are of the person at (x, y): float64 (V, 2)."""
    return np.array([SHAPE[joint] for joint in joints]) + (x, y)


@pytest.fixture
def scene() -> SkeletonSequence:
    """Eight frames, two people: track 2 walks through all that decoded, track 1 in the first three.

    Frame 3 failed to decode, frame 5 is empty, track 2 misses its right wrist in frame 1.
    """
    frames: dict[int, dict[int, np.ndarray] | None] = {}
    for i in range(8):
        frames[i] = {}
        if i < 3:
            frames[i][1] = asymmetric(100 + i, 200, 0.5)
        if i != 5:
            frames[i][2] = asymmetric(300 + 2 * i, 250, 0.875)
    frames[1][2][OPENPOSE18.index("right_wrist")] = 0
    frames[3] = None
    return build(frames)


@pytest.fixture
def empty() -> SkeletonSequence:
    return build({0: {}, 1: None, 2: {}})


def load_tracked(
    path: Path,
    fps: float | None = None,
    size: tuple[int, int] | None = None,
    clip: str | None = None,
    note: Callable[[str], None] | None = None,
    settings: TrackerSettings = TrackerSettings(),
) -> SkeletonSequence:
    """A file's people, with identities by the tracker where it has none."""
    sequence = with_identities(read(path, fps=fps, size=size, clip=clip, note=note), settings)
    for warning in sequence.meta.get("warnings") or [] if note else []:
        note(warning)
    return sequence
