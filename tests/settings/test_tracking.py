from dataclasses import replace

import pytest

from skelstream.errors import SettingsError
from skelstream.settings.tracking import TrackerSettings
from skelstream.tracking.registry import tracker_settings


@pytest.mark.parametrize(
    "wrong",
    [
        {"high_certainty": 1.5},
        {"low_score": 1.5},
        {"oks_weight": -0.1},
        {"max_lost": float("inf")},
        {"max_interval": float("nan")},
        {"min_observations": 0},
        {"torso_noise": 0.0},
        {"acceleration": -1.0},
    ],
)
def test_nonsense_is_refused_in_one_line(wrong):
    with pytest.raises(SettingsError, match=next(iter(wrong))) as error:
        TrackerSettings(**wrong)
    assert "\n" not in str(error.value)


def test_presets_are_boxes_alone():
    sort, bytetrack = tracker_settings("sort"), tracker_settings("bytetrack")
    assert (sort.oks_weight, sort.min_similarity_low) == (0, 1)
    assert bytetrack.oks_weight == 0 and bytetrack.min_similarity_low < 1


def test_botsort_is_bytetrack_with_colours():
    bytetrack, botsort = tracker_settings("bytetrack"), tracker_settings("botsort")
    assert bytetrack.appearance_weight == 0 < botsort.appearance_weight
    assert replace(botsort, appearance_weight=0.0, tracker="bytetrack") == bytetrack
