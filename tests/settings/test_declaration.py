from __future__ import annotations

import json
import pickle
from dataclasses import FrozenInstanceError, fields, is_dataclass

import pytest

from skelstream.errors import SettingsError
from skelstream.extraction.settings import ExtractionSettings
from skelstream.geometry.region import Region
from skelstream.settings import (
    DetectionSettings,
    EstimatorSettings,
    GroupingSettings,
    Setting,
    Settings,
    TrackerSettings,
    VideoSettings,
)
from skelstream.settings.postprocessing import JOINT_SETS
from skelstream.skeleton import SKELETONS


def test_a_value_is_replaced_by_its_flat_name_wherever_it_stands():
    settings = ExtractionSettings().with_options(
        size=96, refine=3, max_lost=2.5, fps=25, rate=12.5, detect_every="auto", region="0,0,50%,9"
    )
    assert settings.estimator.detection.size == 96 and settings.estimator.refinement.limit == 3
    assert settings.tracking.max_lost == 2.5 and settings.detect_every == "auto"
    assert settings.postprocessing.fps == 25 and settings.video.rate == 12.5
    assert settings.video.region == Region.parsed("0,0,50%,9")
    assert ExtractionSettings().estimator.detection.size == 416  # nothing is changed in place


def test_settings_go_through_json_and_pickle():
    settings = ExtractionSettings().with_options(
        size=96, refine=3, region="0,0,50%,9", person="moving", tracker="sort", smooth=True
    )
    written = json.loads(json.dumps(settings.to_json()))
    assert written["video"]["region"] == "0,0,50%,9"
    assert ExtractionSettings.from_json(written) == settings
    assert pickle.loads(pickle.dumps(settings)) == settings
    scaled = DetectionSettings(scales=(1.0, 0.5))
    assert DetectionSettings.from_json(json.loads(json.dumps(scaled.to_json()))) == scaled


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"videos": {}}, "unknown setting 'videos'"),
        ({"estimator": {"detection": {"size": 8}}}, "size is 8: give 64 to 4096 pixels"),
        ({"estimator": {"detection": {"size": True}}}, "size is True"),
        ({"tracking": {"max_lost": float("nan")}}, "max_lost is nan"),
        ({"tracking": 3}, "tracking is 3"),
        ({"detect_every": "often"}, "detect_every is 'often': give auto or a number at least 1"),
    ],
)
def test_json_of_something_else_is_refused_by_name(values, match):
    with pytest.raises(SettingsError, match=match):
        ExtractionSettings.from_json(values)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"sise": 96}, "unknown setting 'sise'; did you mean size?"),
        ({"size": 96.5}, "size is 96.5: give 64 to 4096 pixels"),
        ({"refine": -1}, "refine is -1: give auto, all or a number at least 0"),
        ({"refine": "some"}, "refine is 'some'"),
        ({"person": "nobody"}, "person is 'nobody': give longest, largest, centre or moving"),
        ({"tracker": "none"}, "tracker is 'none': choose from skelstream, bytetrack, botsort, sort"),
        ({"max_lost": float("inf")}, "max_lost is inf: give a number at least 0 seconds"),
        ({"tracking": False, "max_lost": 2.0}, "max_lost has no effect without tracking"),
        ({"tracking": False, "detect_every": 3}, "detect_every has no effect without tracking"),
        ({"hand_network": "hand.onnx", "face": True}, "hand_network has no effect without hands"),
        ({"face_network": "face.onnx"}, "face_network has no effect without face"),
    ],
)
def test_values_that_cannot_be_are_refused_by_name(options, match):
    with pytest.raises(SettingsError, match=match) as error:
        ExtractionSettings().with_options(**options)
    assert error.value.setting is None or error.value.setting in options


def test_settings_are_frozen():
    with pytest.raises(FrozenInstanceError):
        ExtractionSettings().detect_every = 2


def test_a_tracker_brings_its_own_defaults_which_options_change():
    tracking = ExtractionSettings().with_options(tracker="sort", min_observations=5).tracking
    assert (tracking.tracker, tracking.max_lost, tracking.oks_weight, tracking.min_observations) == (
        "sort",
        0,
        0,
        5,
    )


def test_without_tracking_the_least_score_alone_decides():
    tracking = ExtractionSettings().with_options(tracking=False, min_score=0.3).tracking
    assert tracking.alone and (tracking.low_score, tracking.high_certainty) == (0.3, 0.0)


def test_flat_names_are_unique_and_every_setting_is_explained():
    names = [option.name for option in ExtractionSettings.options()]
    assert len(set(names)) == len(names) > 25

    def visit(kind):
        for one in fields(kind):
            declared = one.metadata["skelstream"]
            if isinstance(declared, Setting):
                assert declared.help.endswith("."), one.name
                assert declared.option is None or len(declared.help) <= 60, declared.help

    for kind in (VideoSettings, DetectionSettings, EstimatorSettings, GroupingSettings, TrackerSettings):
        assert is_dataclass(kind) and issubclass(kind, Settings)
        visit(kind)


def test_the_setting_of_the_joint_set_names_all_of_them():
    assert tuple(SKELETONS) == JOINT_SETS
