"""BVH: one person as a skeleton of bones that turn, for animation programs. Written only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from skelstream.files.atomic import replacing
from skelstream.formats.format import Format, Sample, WriteOptions
from skelstream.formats.space import even_rate, first_person
from skelstream.sequences.lifted import SKELETON

# Centimetres a metre: what animation programs expect.
_UNIT = 100.0
# Where a bone points in the pose of rest: arms out, legs down; x to the person's left.
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
    """Write the most important person: bones of their median lengths, centimetres, y up, a frame for every frame of the
    video from their first to their last. A frame that was not lifted repeats the one before. Frames are evenly apart, as
    the format has it.
    """
    person = first_person(sample, "bvh", options)
    keypoints = _held(person.keypoints)
    lengths = _lengths(keypoints)
    turns = _turns(keypoints)
    rate = even_rate(person.times)
    lines = [
        "HIERARCHY",
        *_joint(0, lengths, 0),
        "MOTION",
        f"Frames: {len(keypoints)}",
        f"Frame Time: {1 / rate:.6f}",
    ]
    joints = [j for j in _order(0) if _CHILDREN[j]]
    angles = np.stack([turns[j].as_euler(_ORDER, degrees=True) for j in joints], 1).reshape(
        len(keypoints), -1
    )
    lines += [" ".join(["0 0 0", *(f"{value:.4f}" for value in row)]) for row in angles]
    with replacing(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _held(keypoints: np.ndarray) -> np.ndarray:
    """Gaps filled with the frame before, else with the first one; a person that was never lifted stands at rest."""
    there = np.isfinite(keypoints[:, 0, 0])
    if not there.any():
        places = np.zeros((len(SKELETON), 3))
        for j in _order(0)[1:]:
            places[j] = places[_PARENTS[j]] + 0.25 * np.array(_REST[SKELETON.joints[j]])
        return np.broadcast_to(places, keypoints.shape)
    last = np.maximum.accumulate(np.where(there, np.arange(len(there)), -1))
    return keypoints[np.where(last < 0, int(np.argmax(there)), last)]


def _lengths(keypoints: np.ndarray) -> dict[int, float]:
    """Each bone's median length in metres, by its end."""
    return {
        j: float(np.median(np.linalg.norm(keypoints[:, j] - keypoints[:, parent], axis=-1)))
        for j, parent in _PARENTS.items()
    }


def _order(joint: int) -> list[int]:
    """A joint and all after it, depth first, as they stand in the file."""
    return [joint, *(below for child in _CHILDREN[joint] for below in _order(child))]


def _joint(joint: int, lengths: dict[int, float], depth: int) -> list[str]:
    name, tab = SKELETON.joints[joint], "  " * depth
    offset = np.zeros(3) if joint == 0 else _UNIT * lengths[joint] * np.array(_REST[name])
    place = "OFFSET " + " ".join(f"{value:.4f}" for value in offset)
    turn = " ".join(f"{axis}rotation" for axis in _ORDER)
    if not _CHILDREN[joint]:
        return [f"{tab}End Site", f"{tab}{{", f"{tab}  {place}", f"{tab}}}"]
    kind = "ROOT" if joint == 0 else "JOINT"
    channels = f"CHANNELS 6 Xposition Yposition Zposition {turn}" if joint == 0 else f"CHANNELS 3 {turn}"
    lines = [f"{tab}{kind} {name}", f"{tab}{{", f"{tab}  {place}", f"{tab}  {channels}"]
    for child in _CHILDREN[joint]:
        lines += _joint(child, lengths, depth + 1)
    return [*lines, f"{tab}}}"]


def _turns(keypoints: np.ndarray) -> dict[int, Rotation]:
    """Each joint's turn over the frames, relative to its parent's."""
    whole: dict[int, Rotation] = {}
    local: dict[int, Rotation] = {}
    for j in _order(0):
        children = _CHILDREN[j]
        if not children:
            continue
        rest = np.array([_REST[SKELETON.joints[c]] for c in children], np.float64)
        bones = keypoints[:, children] - keypoints[:, [j]]
        bones = bones / np.maximum(np.linalg.norm(bones, axis=-1, keepdims=True), 1e-9)
        before = whole[_PARENTS[j]] if j else Rotation.identity(len(keypoints))
        # In the parent's axes, so that a single bone does not twist about itself more than its parent does.
        seen = np.stack([before.inv().apply(bones[:, i]) for i in range(len(children))], 1)
        local[j] = _onto(rest, seen)
        whole[j] = before * local[j]
    return local


def _onto(rest: np.ndarray, seen: np.ndarray) -> Rotation:
    """Turns (T) that bring directions (C, 3) onto those seen (T, C, 3), by the least squares; of one direction the shortest."""
    if len(rest) == 1:
        axis = np.cross(np.broadcast_to(rest[0], seen[:, 0].shape), seen[:, 0])
        sine, cosine = np.linalg.norm(axis, axis=-1), seen[:, 0] @ rest[0]
        across = np.roll(rest[0], 1)  # straight back: about any axis across
        axis = np.where(sine[:, None] > 1e-9, axis / np.maximum(sine, 1e-9)[:, None], across)
        return Rotation.from_rotvec(axis * np.arctan2(sine, cosine)[:, None])
    u, _, vt = np.linalg.svd(np.einsum("tci,cj->tij", seen, rest))
    signs = np.ones((len(seen), 3))
    signs[:, 2] = np.linalg.det(u @ vt)
    return Rotation.from_matrix((u * signs[:, None]) @ vt)


FORMAT = Format("bvh", (".bvh",), "BVH of one lifted person", write, space=True)
