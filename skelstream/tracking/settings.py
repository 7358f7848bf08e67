"""Settings of the tracker."""

from __future__ import annotations

from dataclasses import dataclass, fields

from skelstream.errors import SettingsError


@dataclass(frozen=True)
class TrackerSettings:
    """Settings of one tracker; times in seconds, lengths in person sizes (the longer side of the box).

    Attributes:
        high_certainty: people whose visible joints are at least this certain (``People.certainty``) are matched
            first and may start a track, however much of them is in view. Somebody known by a box alone is as certain
            as their score.
        low_score: people of a lower person score are passed over. Those from it on who are not certain may only
            continue a track that was seen in the last frame (ByteTrack).
        min_similarity: a person further from a track than this is never matched, first round.
        min_similarity_low: the same for those who are not certain. 1: they continue no track.
        oks_weight: share of OKS in the similarity, the rest is IoU; 0 is IoU alone.
        max_lost: a confirmed track that was missed for longer than this ends, seconds.
        max_missed_tentative: frames that a track not yet confirmed may be missed in a row.
        max_step: a longer step of time between two frames ends every track (a cut, a seek), seconds; the frame
            after it stands alone. 0: every frame stands alone, as unrelated photos do.
        min_observations: observations after which a track is confirmed. Tracks that start in the first
            frame are confirmed at once, so that a single image has people too.
        confirm_within: where two steps between frames take longer than this, seconds, two observations do; where
            one step does, a single one.
        duplicate_similarity: a person at least this similar to one already tracked in the same frame
            starts no track of its own; by OKS, and by IoU where there are no joints.
        re_update: when a track returns, replace the prediction over the gap by a straight path (OC-SORT).
        acceleration: root spectral density of the white-noise acceleration, sizes / s^1.5.
        size_change: the same for the random walk of width and height, sizes / s^0.5.
        position_noise: standard deviation of a measured centre where it is that of a box, sizes.
        torso_noise: the same where it is that of the torso's joints.
        size_noise: standard deviation of a measured width or height, sizes.
        start_speed: standard deviation of the speed of a new track, sizes / s.
    """

    high_certainty: float = 0.5
    low_score: float = 0.05
    min_similarity: float = 0.2
    min_similarity_low: float = 0.5
    oks_weight: float = 0.4
    max_lost: float = 1.0
    max_missed_tentative: int = 1
    max_step: float = 1.5
    min_observations: int = 3
    confirm_within: float = 0.5
    duplicate_similarity: float = 0.7
    re_update: bool = True
    acceleration: float = 0.5
    size_change: float = 0.15
    position_noise: float = 0.05
    torso_noise: float = 0.02
    size_noise: float = 0.1
    start_speed: float = 0.5

    def __post_init__(self) -> None:
        def need(good: bool, what: str) -> None:
            if not good:
                raise SettingsError(f"tracker settings: {what}")

        for name in (f.name for f in fields(self) if f.name != "re_update"):
            need(0 <= getattr(self, name) < float("inf"), f"{name} must be a number of at least 0")
        for name in ("high_certainty", "low_score", "min_similarity", "min_similarity_low", "oks_weight"):
            need(getattr(self, name) <= 1, f"{name} must lie between 0 and 1")
        need(self.min_observations >= 1, "min_observations must be at least 1")
        for name in ("position_noise", "torso_noise", "size_noise"):
            need(getattr(self, name) > 0, f"{name} must be above 0")

    def needed(self, step: float) -> int:
        """Observations that confirm a track where frames are ``step`` seconds apart."""
        if step * 2 <= self.confirm_within:
            return self.min_observations
        return min(self.min_observations, 1 + int(self.confirm_within / step))

    @classmethod
    def sort(cls) -> TrackerSettings:
        """IoU alone, one round, no memory of lost tracks, as in SORT (Bewley et al. 2016)."""
        return cls(
            min_similarity=0.3,
            min_similarity_low=1.0,
            oks_weight=0.0,
            max_lost=0.0,
            max_missed_tentative=0,
            duplicate_similarity=1.0,
            re_update=False,
        )

    @classmethod
    def bytetrack(cls) -> TrackerSettings:
        """IoU alone, two rounds, lost tracks kept for a second, as in ByteTrack (Zhang et al. 2022)."""
        return cls(
            min_similarity=0.2,
            min_similarity_low=0.5,
            oks_weight=0.0,
            max_lost=1.0,
            max_missed_tentative=0,
            min_observations=2,
            duplicate_similarity=1.0,
            re_update=False,
        )
