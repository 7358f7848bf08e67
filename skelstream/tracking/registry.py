"""The table of trackers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from skelstream.errors import SettingsError
from skelstream.plugins import plugins
from skelstream.settings.tracking import TrackerSettings
from skelstream.skeleton import Skeleton
from skelstream.tracking.kalman_tracker import KalmanTracker
from skelstream.tracking.tracker import Tracker


@dataclass(frozen=True)
class TrackerEntry:
    """A tracker, or a preset of one, here or under the entry point ``skelstream.trackers`` of another package.

    Attributes:
        name: value of ``--tracker``.
        summary: one line for lists.
        settings: its default settings; ``tracker`` in them is set to the name.
        make: function from settings and joint set to a tracker for one video.
    """

    name: str
    summary: str
    settings: TrackerSettings = field(default_factory=TrackerSettings)
    make: Callable[[TrackerSettings, Skeleton], Tracker] = KalmanTracker


_SORT = TrackerSettings(
    min_similarity=0.3,
    min_similarity_low=1.0,
    oks_weight=0.0,
    max_lost=0.0,
    max_missed_tentative=0,
    duplicate_similarity=1.0,
    re_update=False,
    appearance_weight=0.0,
    linking=False,
)
_BYTETRACK = TrackerSettings(
    min_similarity=0.2,
    min_similarity_low=0.5,
    oks_weight=0.0,
    max_lost=1.0,
    max_missed_tentative=0,
    min_observations=2,
    duplicate_similarity=1.0,
    re_update=False,
    appearance_weight=0.0,
    linking=False,
)
_BOTSORT = replace(_BYTETRACK, appearance_weight=0.7)
_LISTED = (
    TrackerEntry("skelstream", "OKS and IoU, three rounds of matching, lost tracks return"),
    TrackerEntry("bytetrack", "IoU alone, two rounds, lost for a second (Zhang et al. 2022)", _BYTETRACK),
    TrackerEntry(
        "botsort",
        "as bytetrack, and colours in doubt (Aharon et al. 2022, without its camera motion)",
        _BOTSORT,
    ),
    TrackerEntry("sort", "IoU alone, one round, lost tracks do not return (Bewley et al. 2016)", _SORT),
)


def tracker_settings(name: str) -> TrackerSettings:
    """Return the default settings of a tracker.

    Raises:
        SettingsError: there is no tracker with that name.
    """
    return replace(_entry(name).settings, tracker=name)


def make_tracker(settings: TrackerSettings, skeleton: Skeleton) -> Tracker:
    """Return the tracker that the settings name, for one video.

    Raises:
        SettingsError: there is no tracker with that name.
    """
    return _entry(settings.tracker).make(settings, skeleton)


def _entry(name: str) -> TrackerEntry:
    if name not in TRACKERS:
        raise SettingsError(f"tracker is {name!r}: choose from {', '.join(TRACKERS)}", setting="tracker")
    return TRACKERS[name]


# After everything else, because other packages import this module while their trackers are loaded.
TRACKERS: dict[str, TrackerEntry] = plugins("skelstream.trackers", TrackerEntry, _LISTED)
"""Every tracker by name: skelstream's own, then those of other packages."""
