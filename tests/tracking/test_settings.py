import pytest

from skelstream.errors import SettingsError
from skelstream.settings.tracking import TrackerSettings


@pytest.mark.parametrize(
    "wrong",
    [
        {"high_certainty": 1.5},
        {"low_score": 1.5},
        {"oks_weight": -0.1},
        {"max_lost": float("inf")},
        {"max_step": float("nan")},
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
    assert TrackerSettings.sort().oks_weight == 0
    assert TrackerSettings.sort().min_similarity_low == 1
    assert TrackerSettings.bytetrack().oks_weight == 0
    assert TrackerSettings.bytetrack().min_similarity_low < 1
