"""Settings of the tracker."""

from __future__ import annotations

from skelstream.settings.declaration import Settings, setting

_SIZES = "person sizes"  # the longer side of the box


class TrackerSettings(Settings):
    """How people are followed; lengths are in person sizes, the longer side of the box."""

    follow: bool = setting("Let each frame stand alone, as photos do.", default=True, option="--no-tracking")
    tracker: str = setting(
        "Track with skelstream, bytetrack, botsort or sort.",
        default="skelstream",
        more="A preset of the settings below, or the tracker of a plug-in.",
        option="--tracker",
        metavar="NAME",
    )
    max_people: int | None = setting(
        "Keep at most this many people per frame.",
        default=None,
        more="Those with the most evidence so far stay.",
        low=1,
        option="--max-people",
        metavar="N",
    )
    max_lost: float = setting(
        "End a track that is lost for longer than this.",
        default=1.0,
        more="A person who returns later gets a new id.",
        unit="seconds",
        low=0,
        option="--max-lost",
        metavar="SEC",
    )
    linking: bool = setting(
        "Leave tracks of one person apart at the end of a file.",
        default=True,
        more="Else those whose motion and colours agree are joined after the last frame; live sources keep the tracker's ids.",
        option="--no-linking",
    )
    max_gap: float = setting(
        "Join two tracks of one person over a gap of at most this length.",
        default=3.0,
        unit="seconds",
        low=0,
    )
    max_interval: float = setting(
        "End all tracks where two frames are further apart.",
        default=1.5,
        more="A longer interval is a cut or a seek; the frame after it stands alone.",
        unit="seconds",
        low=0,
        option="--max-interval",
        metavar="SEC",
    )
    min_observations: int = setting(
        "Confirm a track after this many observations.",
        default=3,
        more="Tracks of the first frame are confirmed at once, so that a single image has people too.",
        low=1,
        option="--min-observations",
        metavar="N",
    )
    high_certainty: float = setting(
        "People whose visible joints are at least this certain (People.certainty) are matched first and may start a"
        " track, however much of them is in view.",
        default=0.5,
        low=0,
        high=1,
    )
    low_score: float = setting(
        "People with a lower score are ignored; uncertain ones above it only continue a track found in the last frame.",
        default=0.05,
        low=0,
        high=1,
    )
    min_similarity: float = setting(
        "Least similarity of a person and a track, first round.", default=0.2, low=0, high=1
    )
    min_similarity_low: float = setting(
        "Least similarity of an uncertain person and a track; 1 matches none.", default=0.5, low=0, high=1
    )
    oks_weight: float = setting(
        "Share of OKS in the similarity; the rest is IoU.", default=0.4, low=0, high=1
    )
    appearance_weight: float = setting(
        "Share of the similarity that a person in other colours than the track's loses against other candidates; 0 tracks"
        " without colours.",
        default=0.7,
        low=0,
        high=1,
    )
    max_difference: float = setting(
        "A person whose colours differ by more does not continue a lost track, nor one with several candidates.",
        default=1.7,
        unit="standard deviations, mean over the parts of the body",
        low=0,
    )
    max_missed_tentative: int = setting(
        "Frames in a row that a tentative track may be missed.", default=1, low=0
    )
    confirm_within: float = setting(
        "Where two frame intervals take longer, two observations confirm a track; where one does, a single one.",
        default=0.5,
        unit="seconds",
        low=0,
    )
    duplicate_similarity: float = setting(
        "A person at least this similar to a tracked one in the same frame starts no track; by OKS, or by IoU without"
        " joints.",
        default=0.7,
        low=0,
    )
    re_update: bool = setting(
        "When a track returns, replace the prediction over the gap by a straight path (OC-SORT).",
        default=True,
    )
    acceleration: float = setting(
        "Root spectral density of the white-noise acceleration.", default=0.5, unit=f"{_SIZES} / s^1.5", low=0
    )
    size_change: float = setting(
        "Root spectral density of the random walk of width and height.",
        default=0.15,
        unit=f"{_SIZES} / s^0.5",
        low=0,
    )
    position_noise: float = setting(
        "Standard deviation of a measured box centre.", default=0.05, unit=_SIZES, above=0
    )
    torso_noise: float = setting(
        "Standard deviation of a measured centre of the torso joints.", default=0.02, unit=_SIZES, above=0
    )
    size_noise: float = setting(
        "Standard deviation of a measured width or height.", default=0.1, unit=_SIZES, above=0
    )
    start_speed: float = setting(
        "Standard deviation of the speed of a new track.", default=0.5, unit=f"{_SIZES} / s", low=0
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
