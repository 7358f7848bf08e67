"""Recognition of joints by the names that other tools give them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from skelstream.errors import FormatError
from skelstream.files.text import printable
from skelstream.skeleton import BODY25, COCO17, OPENPOSE18, SKELETONS, Skeleton

_SIDES = {"l": "left", "left": "left", "r": "right", "right": "right"}
# Parts that occur in pairs, and single ones, by their name without the side.
_PAIRED = {part: part for part in ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle", "heel", "big_toe", "small_toe")}  # fmt: skip
_SINGLE = {
    "nose": "nose", "neck": "neck", "thorax": "neck", "mid_hip": "mid_hip", "midhip": "mid_hip", "pelvis": "mid_hip",
    "hip": "mid_hip", "root": "mid_hip", "head": "head", "spine": "spine", "head_top": "head_top", "upper_neck": "upper_neck",
}  # fmt: skip
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_FEWEST = 6
_MEASURED = (OPENPOSE18, COCO17, BODY25)


def joint_named(name: str) -> str | None:
    """Return the joint of a name such as ``RShoulder``, ``right_shoulder`` or ``rightShoulder``; None if
    unknown."""
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
        # Derived joint sets are accepted only if all their joints are present.
        return 2 * found - len(skeleton) if skeleton in _MEASURED or found == len(skeleton) else -1000

    best = max(SKELETONS.values(), key=fit)
    places = np.array([at.get(joint, -1) for joint in best.joints])
    if (places >= 0).sum() < _FEWEST:
        shown = ", ".join(printable(name) for name in names[:4])
        raise FormatError(f"its points are not joints of a known joint set ({shown} ...)")
    return best, places


def select_joints(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the values of joints (..., V, C) from those of points (..., points, C), NaN for missing
    joints."""
    return np.where((places >= 0)[:, None], values[..., places, :], np.nan)


def missing_note(skeleton: Skeleton, places: np.ndarray) -> str | None:
    """Return a note on the missing joints, or None."""
    missing = [joint for joint, place in zip(skeleton.joints, places, strict=True) if place < 0]
    return f"the file lacks {', '.join(missing)}; these joints are missing" if missing else None
