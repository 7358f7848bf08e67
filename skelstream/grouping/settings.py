"""Thresholds of grouping, checked once at construction."""

from __future__ import annotations

from dataclasses import dataclass

from skelstream.errors import SettingsError


@dataclass(frozen=True)
class GroupingSettings:
    """What counts as a peak, as a limb and as a person.

    Attributes:
        peak_threshold: least confidence of a peak, in [0, 1).
        max_peaks: most peaks kept per joint and image, at least 1; the best stay.
        limb_samples: points sampled along a candidate limb, both ends included; at least 2.
        limb_threshold: a sample is good where the field's part along the limb exceeds this, in [0, 1).
        min_good_fraction: least fraction of good samples of a limb, in [0, 1].
        long_limb: fraction of the map's height beyond which a limb's score falls with its length; above 0.
        limb_ratio: a limb is refused where it would be more than so many times as long, for its kind, as the longest of
            the person's other limbs; above 0.
        double_peak: two peaks no further apart than this fraction of a person's extent (the diagonal of the joints'
            box) may be the same joint found twice, where they are what keeps two parts of a person apart; in [0, 1).
        min_joints: least joints of a person, at least 2.
        min_person_score: least person score, in [0, 1].
        duplicate_oks: a person at least this similar to a better one is the same person again, in (0, 1].

    Raises:
        SettingsError: a value outside its range.
    """

    peak_threshold: float = 0.03
    max_peaks: int = 40
    limb_samples: int = 10
    limb_threshold: float = 0.05
    min_good_fraction: float = 0.8
    long_limb: float = 0.5
    limb_ratio: float = 2.0
    double_peak: float = 0.15
    min_joints: int = 3
    min_person_score: float = 0.05
    duplicate_oks: float = 0.7

    def __post_init__(self) -> None:
        self._check("peak_threshold", 0 <= self.peak_threshold < 1, "in [0, 1)")
        self._check("max_peaks", self.max_peaks >= 1, "at least 1")
        self._check("limb_samples", self.limb_samples >= 2, "at least 2")
        self._check("limb_threshold", 0 <= self.limb_threshold < 1, "in [0, 1)")
        self._check("min_good_fraction", 0 <= self.min_good_fraction <= 1, "in [0, 1]")
        self._check("long_limb", self.long_limb > 0, "above 0")
        self._check("limb_ratio", self.limb_ratio > 0, "above 0")
        self._check("double_peak", 0 <= self.double_peak < 1, "in [0, 1)")
        self._check("min_joints", self.min_joints >= 2, "at least 2")
        self._check("min_person_score", 0 <= self.min_person_score <= 1, "in [0, 1]")
        self._check("duplicate_oks", 0 < self.duplicate_oks <= 1, "in (0, 1]")

    def _check(self, name: str, valid: bool, expected: str) -> None:
        if not valid:
            raise SettingsError(f"grouping setting {name} is {getattr(self, name)}; it must be {expected}")
