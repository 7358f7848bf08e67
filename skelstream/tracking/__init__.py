"""Tracking: identities for the people of successive frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skelstream.lazy import lazy_exports

if TYPE_CHECKING:
    from skelstream.tracking.kalman_tracker import KalmanTracker
    from skelstream.tracking.registry import TRACKERS, TrackerEntry, make_tracker
    from skelstream.tracking.tracked import TrackedPeople
    from skelstream.tracking.tracker import Tracker

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "kalman_tracker": ["KalmanTracker"],
        "registry": ["TRACKERS", "TrackerEntry", "make_tracker"],
        "tracked": ["TrackedPeople"],
        "tracker": ["Tracker"],
    },
)
