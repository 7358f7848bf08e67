"""Writer of BVH: one person as a hierarchy of rotating bones, for animation programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skelstream.files.atomic import replacing
from skelstream.formats.format import Format, Sample, WriteOptions
from skelstream.formats.space import first_person
from skelstream.sequences.lifted import SKELETON

if TYPE_CHECKING:
    from scipy.spatial.transform import Rotation

# Centimetres per metre, since animation programs expect centimetres.
_UNIT = 100.0
# Direction of each bone in the rest pose: arms out, legs down; x to the person's left.
_REST = {
    "right_hip": (-1, 0, 0), "left_hip": (1, 0, 0), "right_shoulder": (-1, 0, 0), "left_shoulder": (1, 0, 0),
    "right_elbow": (-1, 0, 0), "left_elbow": (1, 0, 0), "right_wrist": (-1, 0, 0), "left_wrist": (1, 0, 0),
    "right_knee": (0, -1, 0), "left_knee": (0, -1, 0), "right_ankle": (0, -1, 0), "left_ankle": (0, -1, 0),
    "spine": (0, 1, 0), "neck": (0, 1, 0), "nose": (0, 1, 0), "head": (0, 1, 0),
}  # fmt: skip
_PARENTS = {child: parent for parent, child in SKELETON.limbs}
_CHILDREN = {j: [c for c, p in _PARENTS.items() if p == j] for j in range(len(SKELETON))}
_ORDER = "ZXY"


def write(sample: Sample, path: Path, options: WriteOptions) -> None:
    """Write the most important person, with bones of their median lengths in centimetres, y up.

    There is a frame for every frame of the sequence; a frame that was not lifted repeats the one before, or the
    first one. Frames have equal intervals, as the format demands: uneven ones are interpolated.
    """
    person = first_person(sample, "bvh", options)
    keypoints = _held(person.keypoints)
    lengths = _lengths(keypoints)
    rotations = _rotations(keypoints)
    lines = [
        "HIERARCHY",
        *_joint(0, lengths, 0),
        "MOTION",
        f"Frames: {len(keypoints)}",
        f"Frame Time: {1 / person.rate:.8f}",
    ]
    joints = [j for j in _order(0) if _CHILDREN[j]]
    angles = np.stack([rotations[j].as_euler(_ORDER, degrees=True) for j in joints], 1).reshape(
        len(keypoints), -1
    )
    lines += [" ".join(["0 0 0", *(f"{value:.4f}" for value in row)]) for row in angles]
    with replacing(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _held(keypoints: np.ndarray) -> np.ndarray:
    """Fill gaps with the frame before, or the first one; a person that was never lifted gets the rest pose."""
    present = np.isfinite(keypoints[:, 0, 0])
    if not present.any():
        places = np.zeros((len(SKELETON), 3))
        for j in _order(0)[1:]:
            places[j] = places[_PARENTS[j]] + 0.25 * np.array(_REST[SKELETON.joints[j]])
        return np.broadcast_to(places, keypoints.shape)
    last = np.maximum.accumulate(np.where(present, np.arange(len(present)), -1))
    return keypoints[np.where(last < 0, int(np.argmax(present)), last)]


def _lengths(keypoints: np.ndarray) -> dict[int, float]:
    """Return each bone's median length in metres, by its end joint."""
    return {
        j: float(np.median(np.linalg.norm(keypoints[:, j] - keypoints[:, parent], axis=-1)))
        for j, parent in _PARENTS.items()
    }


def _order(joint: int) -> list[int]:
    """Return a joint and all joints below it, depth first, in the order of the file."""
    return [joint, *(below for child in _CHILDREN[joint] for below in _order(child))]


def _joint(joint: int, lengths: dict[int, float], depth: int) -> list[str]:
    name, tab = SKELETON.joints[joint], "  " * depth
    offset = np.zeros(3) if joint == 0 else _UNIT * lengths[joint] * np.array(_REST[name])
    place = "OFFSET " + " ".join(f"{value:.4f}" for value in offset)
    rotation = " ".join(f"{axis}rotation" for axis in _ORDER)
    if not _CHILDREN[joint]:
        return [f"{tab}End Site", f"{tab}{{", f"{tab}  {place}", f"{tab}}}"]
    kind = "ROOT" if joint == 0 else "JOINT"
    channels = (
        f"CHANNELS 6 Xposition Yposition Zposition {rotation}" if joint == 0 else f"CHANNELS 3 {rotation}"
    )
    lines = [f"{tab}{kind} {name}", f"{tab}{{", f"{tab}  {place}", f"{tab}  {channels}"]
    for child in _CHILDREN[joint]:
        lines += _joint(child, lengths, depth + 1)
    return [*lines, f"{tab}}}"]


def _rotations(keypoints: np.ndarray) -> dict[int, Rotation]:
    """Return each joint's rotation over the frames, relative to its parent's."""
    from scipy.spatial.transform import (
        Rotation,
    )  # takes a fifth of a second, and other formats do not need it

    whole: dict[int, Rotation] = {}
    local: dict[int, Rotation] = {}
    for j in _order(0):
        children = _CHILDREN[j]
        if not children:
            continue
        rest = np.array([_REST[SKELETON.joints[c]] for c in children], np.float64)
        bones = keypoints[:, children] - keypoints[:, [j]]
        bones = bones / np.maximum(np.linalg.norm(bones, axis=-1, keepdims=True), 1e-9)
        parent = whole[_PARENTS[j]] if j else Rotation.identity(len(keypoints))
        # In the parent's axes, so that a single bone does not twist about itself more than its parent does.
        directions = np.stack([parent.inv().apply(bones[:, i]) for i in range(len(children))], 1)
        local[j] = _align(rest, directions)
        whole[j] = parent * local[j]
    return local


def _align(rest: np.ndarray, directions: np.ndarray) -> Rotation:
    """Return T rotations from rest directions (C, 3) onto directions (T, C, 3), by least squares.

    For one direction it is the shortest rotation.
    """
    from scipy.spatial.transform import Rotation

    if len(rest) == 1:
        axis = np.cross(np.broadcast_to(rest[0], directions[:, 0].shape), directions[:, 0])
        sine, cosine = np.linalg.norm(axis, axis=-1), directions[:, 0] @ rest[0]
        across = np.roll(rest[0], 1)  # for opposite directions any perpendicular axis will do
        axis = np.where(sine[:, None] > 1e-9, axis / np.maximum(sine, 1e-9)[:, None], across)
        return Rotation.from_rotvec(axis * np.arctan2(sine, cosine)[:, None])
    u, _, vt = np.linalg.svd(np.einsum("tci,cj->tij", directions, rest))
    signs = np.ones((len(directions), 3))
    signs[:, 2] = np.linalg.det(u @ vt)
    return Rotation.from_matrix((u * signs[:, None]) @ vt)


FORMAT = Format("bvh", (".bvh",), "BVH of one lifted person", write, holds_3d=True, holds_parts=False)
