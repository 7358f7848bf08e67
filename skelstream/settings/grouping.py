"""Settings of grouping."""

from __future__ import annotations

from skelstream.settings.declaration import Settings, setting


class GroupingSettings(Settings):
    """What counts as a peak, as a limb and as a person."""

    peak_threshold: float = setting("Least confidence of a peak.", default=0.03, low=0, below=1)
    max_peaks: int = setting("Most peaks kept per joint and image; the best stay.", default=40, low=1)
    limb_samples: int = setting(
        "Points sampled along a candidate limb, both ends included.", default=10, low=2
    )
    limb_threshold: float = setting(
        "A sample is good where the field's component along the limb exceeds this.",
        default=0.05,
        low=0,
        below=1,
    )
    min_good_fraction: float = setting(
        "Least fraction of good samples of a limb.", default=0.8, low=0, high=1
    )
    long_limb: float = setting(
        "Fraction of the map's height beyond which a limb's score falls with its length.",
        default=0.5,
        above=0,
    )
    limb_ratio: float = setting(
        "A limb is refused if, for its kind, it is more than this many times as long as the person's longest other limb.",
        default=2.0,
        above=0,
    )
    double_peak: float = setting(
        "Two peaks closer than this fraction of the person's extent (diagonal of the joints' box) may be one joint found"
        " twice, if they are what keeps two parts of a person apart.",
        default=0.15,
        low=0,
        below=1,
    )
    min_joints: int = setting("Least number of joints of a person.", default=3, low=2)
    min_person_score: float = setting(
        "Drop people with a lower score.", default=0.05, low=0, high=1, option="--min-score", metavar="0-1"
    )
    duplicate_oks: float = setting(
        "A person at least this similar (OKS) to a better one is a duplicate.", default=0.7, above=0, high=1
    )
