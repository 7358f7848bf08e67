"""Pose estimation: from images to people, by detection, grouping and refinement behind one protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skelstream.lazy import lazy_exports

if TYPE_CHECKING:
    from skelstream.estimation.pose_estimator import PoseEstimator
    from skelstream.estimation.protocol import Estimator, Provenance

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "pose_estimator": ["PoseEstimator"],
        "protocol": ["Estimator", "Provenance"],
    },
)
