"""The joint sets that files and users can name."""

from __future__ import annotations

from skelstream.errors import FormatError
from skelstream.skeleton.body import BODY25, COCO17, H36M17, HALPE26, MPII16, NTU25, OPENPOSE18
from skelstream.skeleton.skeleton import Skeleton
from skelstream.skeleton.whole_body import (
    BODY_FACE,
    BODY_HANDS,
    BODY_HANDS_FACE,
    COCO_WHOLEBODY133,
    HOLISTIC543,
    OPENPOSE_WHOLE,
)

SKELETONS: dict[str, Skeleton] = {
    s.name: s
    for s in (
        OPENPOSE18, COCO17, BODY25, H36M17, MPII16, NTU25, HALPE26, BODY_HANDS, BODY_FACE, BODY_HANDS_FACE, OPENPOSE_WHOLE,
        COCO_WHOLEBODY133, HOLISTIC543,
    )
}  # fmt: skip
"""Joint sets by name."""


def skeleton_named(name: str) -> Skeleton:
    """Return the joint set called ``name``.

    Raises:
        FormatError: there is no such joint set.
    """
    if isinstance(name, str) and name in SKELETONS:
        return SKELETONS[name]
    shown = repr(name) if isinstance(name, str) else f"of type {type(name).__name__}"
    raise FormatError(f"unknown joint set {shown}; known: {', '.join(SKELETONS)}")
