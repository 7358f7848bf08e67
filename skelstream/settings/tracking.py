"""Settings of the tracker."""

from __future__ import annotations

from skelstream.settings.declaration import Settings, setting

_SIZES = "person sizes"  # the longer side of the box


class TrackerSettings(Settings):
    """How people are followed; lengths are in person sizes, the longer side of the box."""

    follow: bool = setting(True, "Let each frame stand alone, as photos do.", option="--no-tracking")
    tracker: str = setting(
        "skelstream",
        "skelstream, bytetrack or sort.",
        more="A preset of the settings below, or the tracker of a plug-in.",
        option="--tracker",
        metavar="NAME",
    )
    max_people: int | None = setting(
        None,
        "Most people per frame.",
        more="Those with the most evidence so far stay.",
        low=1,
        option="--max-people",
        metavar="N",
    )
    max_lost: float = setting(
        1.0,
        "End a track lost for longer.",
        more="A person who returns later gets a new id.",
        unit="seconds",
        low=0,
        option="--max-lost",
        metavar="SEC",
    )
    max_interval: float = setting(
        1.5,
        "End tracks at a longer frame interval.",
        more="A longer interval is a cut or a seek; the frame after it stands alone.",
        unit="seconds",
        low=0,
        option="--max-interval",
        metavar="SEC",
    )
    min_observations: int = setting(
        3,
        "Observations to confirm a track.",
        more="Tracks of the first frame are confirmed at once, so that a single image has people too.",
        low=1,
        option="--min-observations",
        metavar="N",
    )
    high_certainty: float = setting(
        0.5,
        "People whose visible joints are at least this certain (People.certainty) are matched first and may start a"
        " track, however much of them is in view.",
        low=0,
        high=1,
    )
    low_score: float = setting(
        0.05,
        "People with a lower score are ignored; uncertain ones above it only continue a track found in the last frame.",
        low=0,
        high=1,
    )
    min_similarity: float = setting(
        0.2, "Least similarity of a person and a track, first round.", low=0, high=1
    )
    min_similarity_low: float = setting(
        0.5, "Least similarity of an uncertain person and a track; 1 matches none.", low=0, high=1
    )
    oks_weight: float = setting(0.4, "Share of OKS in the similarity; the rest is IoU.", low=0, high=1)
    max_missed_tentative: int = setting(1, "Frames in a row that a tentative track may be missed.", low=0)
    confirm_within: float = setting(
        0.5,
        "Where two frame intervals take longer, two observations confirm a track; where one does, a single one.",
        unit="seconds",
        low=0,
    )
    duplicate_similarity: float = setting(
        0.7,
        "A person at least this similar to a tracked one in the same frame starts no track; by OKS, or by IoU without"
        " joints.",
        low=0,
    )
    re_update: bool = setting(
        True, "When a track returns, replace the prediction over the gap by a straight path (OC-SORT)."
    )
    acceleration: float = setting(
        0.5, "Root spectral density of the white-noise acceleration.", unit=f"{_SIZES} / s^1.5", low=0
    )
    size_change: float = setting(
        0.15, "Root spectral density of the random walk of width and height.", unit=f"{_SIZES} / s^0.5", low=0
    )
    position_noise: float = setting(
        0.05, "Standard deviation of a measured box centre.", unit=_SIZES, above=0
    )
    torso_noise: float = setting(
        0.02, "Standard deviation of a measured centre of the torso joints.", unit=_SIZES, above=0
    )
    size_noise: float = setting(
        0.1, "Standard deviation of a measured width or height.", unit=_SIZES, above=0
    )
    start_speed: float = setting(
        0.5, "Standard deviation of the speed of a new track.", unit=f"{_SIZES} / s", low=0
    )

    @property
    def alone(self) -> bool:
        """Whether every frame stands alone, as unrelated photos do."""
        return not self.follow or self.max_interval == 0

    def needed(self, interval: float) -> int:
        """Return the number of observations that confirm a track where frames are ``interval`` seconds apart."""
        if interval * 2 <= self.confirm_within:
            return self.min_observations
        return min(self.min_observations, 1 + int(self.confirm_within / interval))
