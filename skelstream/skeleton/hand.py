"""The 21 joints of a hand: their names, limbs and falloffs.

OpenPose, COCO-WholeBody and MediaPipe agree on the joints and their order: the wrist, then thumb, forefinger,
middle finger, ring finger and little finger, each from its base to its tip. The names are those that MMPose has
for COCO-WholeBody.
"""

from __future__ import annotations

_FINGERS = ("thumb", "forefinger", "middle_finger", "ring_finger", "pinky_finger")

SIDES = ("left", "right")
HAND_JOINTS = ("hand_root", *(f"{finger}{place}" for finger in _FINGERS for place in range(1, 5)))
"""Names of a hand's joints without its side, in storage order."""

HAND_LIMBS = tuple(
    (0 if place == 0 else 4 * finger + place, 4 * finger + place + 1)
    for finger in range(5)
    for place in range(4)
)
"""The limbs of a hand: each finger from the root to its tip."""

HAND_SIGMAS = (
    0.029,
    0.022, 0.035, 0.037, 0.047,
    0.026, 0.025, 0.024, 0.035,
    0.018, 0.024, 0.022, 0.026,
    0.017, 0.021, 0.021, 0.032,
    0.02, 0.019, 0.022, 0.031,
)  # fmt: skip
"""Falloffs of a hand's joints in COCO-WholeBody's evaluation (``myeval_wholebody.py``)."""


def hand_joints(side: str) -> tuple[str, ...]:
    """Return the 21 joint names of the ``"left"`` or ``"right"`` hand, in storage order."""
    return tuple(f"{side}_{joint}" for joint in HAND_JOINTS)
