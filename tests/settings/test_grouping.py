from __future__ import annotations

import pytest

from skelstream.errors import SettingsError
from skelstream.settings.grouping import GroupingSettings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("peak_threshold", -0.1),
        ("peak_threshold", 1.0),
        ("peak_threshold", float("nan")),
        ("max_peaks", 0),
        ("limb_samples", 1),
        ("limb_threshold", 1.0),
        ("min_good_fraction", 1.1),
        ("long_limb", 0),
        ("limb_ratio", 0.0),
        ("double_peak", 1.0),
        ("min_joints", 1),
        ("min_person_score", 2),
        ("duplicate_oks", 0),
    ],
)
def test_a_value_outside_its_range_is_named(name: str, value: float) -> None:
    with pytest.raises(SettingsError, match=f"{name} is {value}: give"):
        GroupingSettings(**{name: value})


def test_settings_are_frozen() -> None:
    with pytest.raises(AttributeError):
        GroupingSettings().min_joints = 5  # type: ignore[misc]
