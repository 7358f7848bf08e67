"""Motion capture as bones over time.

A file is a ``.npz`` of arrays called ``train/ACTION/CLIP`` and ``test/ACTION/CLIP``, int16 (T, 38, 3) millimetres: the joints of
the CMU Graphics Lab Motion Capture Database, x to the person's left, y up, z forward.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from skelstream.errors import FormatError

RATE = 60.0
"""Frames a second of the file."""
_JOINTS = 38

# Bones by name: parent bone, first and last joint in the file. The trunk's third bone is missing there, which leaves bodies
# with too short a trunk: it is made as a continuation of the second.
_BONES: dict[str, tuple[str | None, int, int]] = {
    "left_hip": (None, 0, 2), "left_thigh": ("left_hip", 2, 3), "left_shin": ("left_thigh", 3, 4),
    "right_hip": (None, 0, 8), "right_thigh": ("right_hip", 8, 9), "right_shin": ("right_thigh", 9, 10),
    "loins": (None, 0, 14), "chest": ("loins", 14, 15), "thorax": ("chest", 14, 15),
    "neck": ("thorax", 15, 17), "nape": ("neck", 17, 18), "skull": ("nape", 18, 19),
    "left_collar": ("thorax", 15, 21), "left_upper_arm": ("left_collar", 21, 22), "left_forearm": ("left_upper_arm", 22, 23),
    "right_collar": ("thorax", 15, 30), "right_upper_arm": ("right_collar", 30, 31), "right_forearm": ("right_upper_arm", 31, 32),
}  # fmt: skip
BONES = tuple(_BONES)
"""The bones, in the order of the arrays; each is named after what it leads to, or what it is in."""


def bone(*names: str) -> list[int]:
    """The numbers of bones."""
    return [BONES.index(name) for name in names]


def paths() -> np.ndarray:
    """float32 (bones, bones): the end of bone i, from the root, is the sum of the bones j in row i."""
    out = np.zeros((len(BONES), len(BONES)), np.float32)
    for i, name in enumerate(BONES):
        step: str | None = name
        while step is not None:
            out[i, BONES.index(step)] = 1
            step = _BONES[step][0]
    return out


@dataclass(frozen=True)
class Mocap:
    """The clips of one part of the file.

    Attributes:
        bones: float32 (F, bones, 3) metres, all clips one after the other.
        first, last: int64 (C,), each clip's frames.
        actions: C names.
    """

    bones: Tensor
    first: Tensor
    last: Tensor
    actions: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.actions)


def read_mocap(path: Path, part: str) -> Mocap:
    """The clips of ``train`` or ``test``.

    Raises:
        FormatError: the file is not such a file, or has no clips of that part.
    """
    try:
        with np.load(path) as file:
            clips = {name: file[name] for name in file.files if name.startswith(f"{part}/")}
    except (OSError, ValueError, EOFError) as error:
        raise FormatError(f"{path}: not a file of motion capture ({error})") from None
    if not clips:
        raise FormatError(f"{path}: no clip called {part}/ACTION/CLIP")
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
