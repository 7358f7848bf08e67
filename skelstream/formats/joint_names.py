"""Recognition of joints by the names that other tools give them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from skelstream.errors import FormatError
from skelstream.files.text import printable
from skelstream.formats.format import ReadOptions
from skelstream.formats.parts import PARTS, has_parts
from skelstream.skeleton import BODY25, COCO17, OPENPOSE18, SKELETONS, Skeleton, part_of

_SIDES = {"l": "left", "left": "left", "r": "right", "right": "right"}
# Parts that occur in pairs, and single ones, by their name without the side.
_PAIRED = {part: part for part in ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle", "heel", "big_toe", "small_toe")}  # fmt: skip
_SINGLE = {
    "nose": "nose", "neck": "neck", "thorax": "neck", "mid_hip": "mid_hip", "midhip": "mid_hip", "pelvis": "mid_hip",
    "hip": "mid_hip", "root": "mid_hip", "head": "head", "spine": "spine", "head_top": "head_top", "upper_neck": "upper_neck",
}  # fmt: skip
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_FEWEST = 6
# Sets of which a file may lack joints. Derived ones must be whole, since others have most of their joints.
_PARTIAL = (OPENPOSE18, COCO17, BODY25, *(s for s in SKELETONS.values() if has_parts(s)))
_OWN = {joint for skeleton in SKELETONS.values() for joint in skeleton.joints}
_FACE_POINT = re.compile(r"face-(\d{1,2})")  # MMPose's
_NAMED = 4


def joint_named(name: str) -> str | None:
    """Return the joint of a name such as ``RShoulder``, ``right_shoulder`` or ``rightShoulder``; None if unknown."""
    if name in _OWN:
        return name
    if point := _FACE_POINT.fullmatch(name):
        return f"face_{int(point[1])}"
    words = [word.lower() for word in _WORDS.findall(name)]
    if (
        words
        and len(words[0]) > 1
        and words[0] not in _SIDES
        and words[0][0] in "lr"
        and words[0][1:] in _PAIRED
    ):
        words = [words[0][0], words[0][1:], *words[1:]]
    sides = [word for word in words if word in _SIDES]
    part = "_".join(word for word in words if word not in _SIDES)
    if len(sides) == 1 and part in _PAIRED:
        return f"{_SIDES[sides[0]]}_{part}"
    return _SINGLE.get(part) if not sides else None


def joints_of(names: Sequence[str]) -> tuple[Skeleton, np.ndarray]:
    """Return the joint set that fits a tool's names best, and the positions of its joints among the names.

    Returns:
        joint set; int (V,), positions in ``names``, -1 for missing joints.

    Raises:
        FormatError: the names are not joints of people.
    """
    at: dict[str, int] = {}
    for i, name in enumerate(names):
        at.setdefault(joint_named(name) or f"?{i}", i)

    def fit(skeleton: Skeleton) -> int:
        found = sum(joint in at for joint in skeleton.joints)
        return 2 * found - len(skeleton) if skeleton in _PARTIAL or found == len(skeleton) else -1000

    best = max(SKELETONS.values(), key=fit)
    places = np.array([at.get(joint, -1) for joint in best.joints])
    if (places >= 0).sum() < _FEWEST:
        shown = ", ".join(printable(name) for name in names[:4])
        raise FormatError(f"its points are not joints of a known joint set ({shown} ...)")
    return best, places


def select_joints(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the values of joints (..., V, C) from those of points (..., points, C), NaN for missing joints."""
    return np.where((places >= 0)[:, None], values[..., places, :], np.nan)


def note_joints(skeleton: Skeleton, places: np.ndarray, names: Sequence[str], options: ReadOptions) -> None:
    """Note the joints that a file lacks, and its points that are no joints of the joint set.

    Args:
        skeleton: joint set that the file is read into.
        places: int (V,), positions of its joints among the names, -1 for missing joints.
        names: names of the file's points.
        options: options of reading.
    """
    missing = [joint for joint, place in zip(skeleton.joints, places, strict=True) if place < 0]
    if missing:
        options.note(f"the file lacks {listed(missing)}; these joints are missing")
    left = [printable(name) for i, name in enumerate(names) if i not in places]
    if left:
        more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
        options.note(
            f"points that are no joints of {skeleton.name} are left out: {', '.join(left[:_NAMED])}{more}"
        )


def listed(joints: Sequence[str]) -> str:
    """Return joints for a line: those of the body by name, those of hands and face by their number."""
    parts = [part_of(joint) for joint in joints]
    names = [joint for joint, part in zip(joints, parts, strict=True) if part not in PARTS]
    return ", ".join([*names, *(f"{parts.count(p)} joints of the {PARTS[p]}" for p in PARTS if p in parts)])
