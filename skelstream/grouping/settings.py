"""Thresholds of grouping, checked once at construction."""

from __future__ import annotations

from dataclasses import dataclass

from skelstream.errors import SettingsError


@dataclass(frozen=True)
class GroupingSettings:
    """Thresholds of peaks, limbs and people.

    Attributes:
        peak_threshold: least confidence of a peak, in [0, 1).
        max_peaks: greatest number of peaks per joint and image, at least 1; those of highest score are kept.
        limb_samples: number of points sampled along a candidate limb, including both ends; at least 2.
        limb_threshold: least value of the field along the limb at a good sample, in [0, 1).
        min_good_fraction: least fraction of good samples of a limb, in [0, 1].
        long_limb: fraction of the map's height beyond which a limb's score falls with its length; above 0.
        limb_ratio: greatest length of a limb relative to the longest other limb of the person, each divided
            by the typical length of its kind; above 0.
        double_peak: greatest distance of two peaks of the same joint that may be one joint found twice when
            two parts of a person are joined, as a fraction of the person's extent (the diagonal of the
            joints' box); in [0, 1).
        min_joints: least number of joints of a person, at least 2.
        min_person_score: least person score, in [0, 1].
        duplicate_oks: least similarity (OKS) of a duplicate to a person with a higher score, in (0, 1].

    Raises:
        SettingsError: a value is out of its range.
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
