"""Settings of grouping."""

from __future__ import annotations

from skelstream.settings.declaration import Settings, setting


class GroupingSettings(Settings):
    """What counts as a peak, as a limb and as a person."""

    peak_threshold: float = setting(0.03, "Least confidence of a peak.", low=0, below=1)
    max_peaks: int = setting(40, "Most peaks kept per joint and image; the best stay.", low=1)
    limb_samples: int = setting(10, "Points sampled along a candidate limb, both ends included.", low=2)
    limb_threshold: float = setting(
        0.05, "A sample is good where the field's component along the limb exceeds this.", low=0, below=1
    )
    min_good_fraction: float = setting(0.8, "Least fraction of good samples of a limb.", low=0, high=1)
    long_limb: float = setting(
        0.5, "Fraction of the map's height beyond which a limb's score falls with its length.", above=0
    )
    limb_ratio: float = setting(
        2.0,
        "A limb is refused if, for its kind, it is more than this many times as long as the person's longest other limb.",
        above=0,
    )
    double_peak: float = setting(
        0.15,
        "Two peaks closer than this fraction of the person's extent (diagonal of the joints' box) may be one joint found"
        " twice, if they are what keeps two parts of a person apart.",
        low=0,
        below=1,
    )
    min_joints: int = setting(3, "Least number of joints of a person.", low=2)
    min_person_score: float = setting(
        0.05, "Drop people with a lower score.", low=0, high=1, option="--min-score", metavar="0-1"
    )
    duplicate_oks: float = setting(
        0.7, "A person at least this similar (OKS) to a better one is a duplicate.", above=0, high=1
    )
