"""Joints by the names that other tools have for them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from skelstream.errors import FormatError
from skelstream.files.text import printable
from skelstream.skeleton import BODY25, COCO17, OPENPOSE18, SKELETONS, Skeleton

_SIDES = {"l": "left", "left": "left", "r": "right", "right": "right"}
# Parts that come in pairs, and those that do not, by their words without the side.
_PAIRED = {part: part for part in ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle", "heel", "big_toe", "small_toe")}  # fmt: skip
_SINGLE = {
    "nose": "nose", "neck": "neck", "thorax": "neck", "mid_hip": "mid_hip", "midhip": "mid_hip", "pelvis": "mid_hip",
    "hip": "mid_hip", "root": "mid_hip", "head": "head", "spine": "spine", "head_top": "head_top", "upper_neck": "upper_neck",
}  # fmt: skip
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_FEWEST = 6
_MEASURED = (OPENPOSE18, COCO17, BODY25)


def joint_named(name: str) -> str | None:
    """The joint that a tool calls ``RShoulder``, ``right_shoulder``, ``RIGHT_SHOULDER`` or ``rightShoulder``; or None."""
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
    """The joint set that fits a tool's names best, and where its joints are among them.

    Returns:
        The set, and int (V,), places among ``names``, -1 for joints that are not there.

    Raises:
        FormatError: they are no person's joints.
    """
    at: dict[str, int] = {}
    for i, name in enumerate(names):
        at.setdefault(joint_named(name) or f"?{i}", i)

    def fit(skeleton: Skeleton) -> int:
        found = sum(joint in at for joint in skeleton.joints)
        # Sets that are made from others are meant only where they are whole.
        return 2 * found - len(skeleton) if skeleton in _MEASURED or found == len(skeleton) else -1000

    best = max(SKELETONS.values(), key=fit)
    places = np.array([at.get(joint, -1) for joint in best.joints])
    if (places >= 0).sum() < _FEWEST:
        shown = ", ".join(printable(name) for name in names[:4])
        raise FormatError(f"its points are no joints of people known here ({shown} ...)")
    return best, places


def taken(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The values (..., points, C) of joints (..., V, C); NaN for joints that are not there."""
    return np.where((places >= 0)[:, None], values[..., places, :], np.nan)


def missing_note(skeleton: Skeleton, places: np.ndarray) -> str | None:
    """A line on the joints that are not there, or None."""
    absent = [joint for joint, place in zip(skeleton.joints, places, strict=True) if place < 0]
    return f"has no {', '.join(absent)}; these are missing in {skeleton.name}" if absent else None
