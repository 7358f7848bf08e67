"""The protocol of refiners: networks that see one person at a time and say where the joints are.

OpenPose refined its people with a single-person network on crops (Cao et al., CVPR 2017, section 3.1). Which crops a
refiner sees, and how its results are merged, is decided by ``refinement.refinement``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from skelstream.skeleton import Skeleton


class Refiner(Protocol):
    """Finds one person's joints in a box.

    Attributes:
        name: network and runtime, for people to read.
        skeleton: the V joints that it finds.
        weights_sha256: SHA-256 of its weights, hexadecimal.
    """

    name: str
    skeleton: Skeleton
    weights_sha256: str

    def joints(
        self, image: np.ndarray, boxes: Sequence[np.ndarray] | np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the joints of the person in each box.

        Args:
            image: uint8 RGB (H, W, 3).
            boxes: P boxes, each with centre x, centre y, width and height in source pixels and the turn of its sides, in degrees
                clockwise: what is turned as the box is stands upright for the network.

        Returns:
            Keypoints float32 (P, V, 2) in source pixels and scores float32 (P, V) in [0, 1].
        """
        ...
