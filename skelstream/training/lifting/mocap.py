"""Motion capture as bones over time.

A file is a ``.npz`` of arrays named ``train/ACTION/CLIP`` and ``test/ACTION/CLIP``, int16 (T, 38, 3),
millimetres: the joints of the CMU Graphics Lab Motion Capture Database, x to the person's left, y up, z
forward.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from skelstream.errors import FormatError
from skelstream.formats.zipped import read_arrays

RATE = 60.0
"""Frame rate of the file, in frames per second."""
_JOINTS = 38

# Bones by name: parent bone, first and last joint in the file. The file lacks the trunk's third bone, so its
# bodies have too short a trunk: the third bone continues the second one.
_BONES: dict[str, tuple[str | None, int, int]] = {
    "left_hip": (None, 0, 2), "left_thigh": ("left_hip", 2, 3), "left_shin": ("left_thigh", 3, 4),
    "right_hip": (None, 0, 8), "right_thigh": ("right_hip", 8, 9), "right_shin": ("right_thigh", 9, 10),
    "loins": (None, 0, 14), "chest": ("loins", 14, 15), "thorax": ("chest", 14, 15),
    "neck": ("thorax", 15, 17), "nape": ("neck", 17, 18), "skull": ("nape", 18, 19),
    "left_collar": ("thorax", 15, 21), "left_upper_arm": ("left_collar", 21, 22),
    "left_forearm": ("left_upper_arm", 22, 23), "right_collar": ("thorax", 15, 30),
    "right_upper_arm": ("right_collar", 30, 31), "right_forearm": ("right_upper_arm", 31, 32),
}  # fmt: skip
BONES = tuple(_BONES)
"""Names of the bones in the order of the arrays; a bone's name is that of its body part or its last joint."""


def bone(*names: str) -> list[int]:
    """Return the numbers of bones by name."""
    return [BONES.index(name) for name in names]


def paths() -> np.ndarray:
    """Return a float32 matrix (bones, bones) whose row i adds up the bones from the root to bone i."""
    out = np.zeros((len(BONES), len(BONES)), np.float32)
    for i, name in enumerate(BONES):
        step: str | None = name
        while step is not None:
            out[i, BONES.index(step)] = 1
            step = _BONES[step][0]
    return out


@dataclass(frozen=True)
class Mocap:
    """Clips of one part of a file.

    Attributes:
        bones: float32 (F, bones, 3), metres, frames of all clips in sequence.
        first: int64 (C,), first frame of each clip.
        last: int64 (C,), last frame of each clip.
        actions: C names of actions.
    """

    bones: Tensor
    first: Tensor
    last: Tensor
    actions: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.actions)


def read_mocap(path: Path, part: str) -> Mocap:
    """Read the clips of one part of a file.

    Args:
        path: the file.
        part: ``train`` or ``test``.

    Raises:
        FormatError: the file is not motion capture, or has no clips of that part.
    """
    try:
        clips = read_arrays(path, "a motion capture file", f"{part}/")
    except (FormatError, OSError) as error:
        raise FormatError(f"{path}: {error}") from None
    if not clips:
        raise FormatError(f"{path}: no clip named {part}/ACTION/CLIP")
    for name, clip in clips.items():
        if clip.ndim != 3 or clip.shape[1:] != (_JOINTS, 3) or not len(clip):
            raise FormatError(f"{path}: {name} has shape {clip.shape}, expected (frames, {_JOINTS}, 3)")
    starts = np.array([start for _, start, _ in _BONES.values()])
    ends = np.array([end for _, _, end in _BONES.values()])
    places = np.concatenate(list(clips.values())).astype(np.float32) / 1000
    lengths = torch.tensor([len(clip) for clip in clips.values()])
    last = lengths.cumsum(0) - 1
    return Mocap(
        torch.from_numpy(places[:, ends] - places[:, starts]),
        last - lengths + 1,
        last,
        tuple(name.split("/")[1] for name in clips),
    )
