"""What is drawn of a joint set: the limbs and joints of its body, hands and face."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from skelstream.skeleton import Skeleton, joint_side, part_of

BODY, FACE = "body", "face"
HANDS = ("left_hand", "right_hand", "hand")
_HEAD = ("nose", "eye", "ear")  # last words of the names of the body's joints at the head


@dataclass(frozen=True)
class Part:
    """One part of a person as it is drawn.

    Attributes:
        name: a key of ``Skeleton.parts``.
        joints: joints of the part.
        limbs: limbs of the part; of a hand also the one from the wrist. Of a face they are contours, drawn without joints.
    """

    name: str
    joints: tuple[int, ...]
    limbs: tuple[tuple[int, int], ...]


@cache
def figure(skeleton: Skeleton) -> tuple[Part, ...]:
    """Return the parts of a joint set in the order in which they are drawn: face, body, hands."""
    of_joint = [part_of(joint) for joint in skeleton.joints]
    limbs: dict[str, list[tuple[int, int]]] = {}
    for a, b in figure_limbs(skeleton):
        name = of_joint[a] if of_joint[b] == BODY else of_joint[b]
        limbs.setdefault(name, []).append((a, b))
    return tuple(
        Part(name, skeleton.parts[name], tuple(limbs.get(name, ())))
        for name in (FACE, BODY, *HANDS)
        if name in skeleton.parts
    )


def figure_limbs(skeleton: Skeleton) -> list[tuple[int, int]]:
    """Return the limbs to draw: all but ear-shoulder limbs, which only serve grouping."""
    parts = [joint.rpartition("_")[2] for joint in skeleton.joints]
    return [(a, b) for a, b in skeleton.limbs if {parts[a], parts[b]} != {"ear", "shoulder"}]


def limb_side(skeleton: Skeleton, a: int, b: int) -> str:
    """Return ``"left"`` or ``"right"`` for a limb on that side of the person, ``""`` for any other."""
    sides = {joint_side(skeleton.joints[a]), joint_side(skeleton.joints[b])} - {""}
    return sides.pop() if len(sides) == 1 else ""


@cache
def head_joints(skeleton: Skeleton) -> frozenset[int]:
    """Return the body's joints at the head: nose, eyes and ears."""
    return frozenset(
        i
        for i, joint in enumerate(skeleton.joints)
        if part_of(joint) == BODY and joint.rpartition("_")[2] in _HEAD
    )


def body_joints(skeleton: Skeleton) -> np.ndarray:
    """Return the joints that tell a person's size, int (K,): those of the body, or all of a set without a body."""
    return np.array(skeleton.parts.get(BODY, range(len(skeleton))))
