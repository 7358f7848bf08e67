"""Skeletons: joint sets of body, hands and face with their limbs, flip pairs and falloffs, and conversion between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skelstream.lazy import lazy_exports

if TYPE_CHECKING:
    from skelstream.skeleton.body import (
        BODY25,
        COCO17,
        DENSE18,
        H36M17,
        HALPE26,
        LIMB_SETS,
        MPII16,
        NTU25,
        OPENPOSE18,
    )
    from skelstream.skeleton.conversion import convert
    from skelstream.skeleton.hand import SIDES, hand_joints
    from skelstream.skeleton.joint_sets import SKELETONS, skeleton_named
    from skelstream.skeleton.skeleton import Skeleton, joint_side, part_of
    from skelstream.skeleton.whole_body import (
        BODY_FACE,
        BODY_HANDS,
        BODY_HANDS_FACE,
        COCO_WHOLEBODY133,
        FACE468,
        HAND21,
        HOLISTIC543,
        OPENPOSE_WHOLE,
    )

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "body": [
            "BODY25",
            "COCO17",
            "DENSE18",
            "H36M17",
            "HALPE26",
            "LIMB_SETS",
            "MPII16",
            "NTU25",
            "OPENPOSE18",
        ],
        "conversion": ["convert"],
        "hand": ["SIDES", "hand_joints"],
        "joint_sets": ["SKELETONS", "skeleton_named"],
        "skeleton": ["Skeleton", "joint_side", "part_of"],
        "whole_body": [
            "BODY_FACE",
            "BODY_HANDS",
            "BODY_HANDS_FACE",
            "COCO_WHOLEBODY133",
            "FACE468",
            "HAND21",
            "HOLISTIC543",
            "OPENPOSE_WHOLE",
        ],
    },
)
