"""`Lifted`: 3D joints beside those in the image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skelstream.errors import FormatError
from skelstream.skeleton import H36M17

SKELETON = H36M17
"""The joint set of lifted rows."""
# Largest coordinate in metres from the root; no person is larger.
_LARGEST = 100.0


@dataclass(frozen=True, eq=False)
class Lifted:
    """3D joints of a sequence's rows, in the joint set ``SKELETON``.

    Attributes:
        keypoints: float32 (N, 17, 3), metres from the mid-hip of a person of average size; x right, y down, z
            away from a camera facing the person. NaN in rows that were not lifted.
        observed: bool (N, 17), False for a joint whose own joints in the image are missing in that row, so
            that it is inferred from other joints and neighbouring frames.

    Raises:
        FormatError: an array has the wrong shape, type or contents.
    """

    keypoints: np.ndarray
    observed: np.ndarray

    def __post_init__(self) -> None:
        keypoints, observed = np.asarray(self.keypoints), np.asarray(self.observed)
        joints = len(SKELETON)
        if keypoints.ndim != 3 or keypoints.shape[1:] != (joints, 3) or keypoints.dtype.kind != "f":
            raise FormatError(f"keypoints_3d must be float (N, {joints}, 3), not {keypoints.shape}")
        if observed.shape != keypoints.shape[:2] or observed.dtype != bool:
            raise FormatError(f"observed_3d must be bool (N, {joints})")
        missing = np.isnan(keypoints)
        if (missing.any((1, 2)) != missing.all((1, 2))).any() or (
            np.abs(keypoints[~missing]) > _LARGEST
        ).any():
            raise FormatError(f"keypoints_3d must lie within {_LARGEST:g} m, or be NaN in the whole row")
        if (observed & missing.any(-1)).any():
            raise FormatError("observed_3d must be False in rows that were not lifted")
        object.__setattr__(self, "keypoints", np.ascontiguousarray(keypoints, np.float32))
        object.__setattr__(self, "observed", observed)

    def __len__(self) -> int:
        return len(self.keypoints)

    def take(self, rows: np.ndarray | slice) -> Lifted:
        """Return some rows, in any order."""
        return Lifted(self.keypoints[rows], self.observed[rows])

    def equals(self, other: Lifted) -> bool:
        """Return whether all values are equal."""
        return np.array_equal(self.keypoints, other.keypoints, equal_nan=True) and np.array_equal(
            self.observed, other.observed
        )
