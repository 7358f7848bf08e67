from __future__ import annotations

import numpy as np
import pytest

from skelstream.errors import FormatError, SettingsError
from skelstream.extraction.extraction import run
from skelstream.extraction.settings import ExtractionSettings
from skelstream.geometry.region import Region

BOXES = np.array([[0, 0, 20, 20], [80, 40, 120, 60], [150, 90, 190, 100]], np.float32)


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("0,0,200,100", [True, True, True]),
        ("50%,0,100%,100%", [False, True, True]),
        ("0,0,100,50", [True, True, False]),
        ("20, 20, 99.5, 80", [False, False, False]),
        ("75%,0,200,100%", [False, False, True]),
    ],
)
def test_boxes_whose_middle_is_inside(text, inside):
    assert Region.parsed(text).holds(BOXES, 100, 200).tolist() == inside
    assert Region.parsed(str(Region.parsed(text))) == Region.parsed(text)


@pytest.mark.parametrize(
    "text", ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "5,0,5,9", "0,9,5,1", "-1,0,5,5", "1e3,0,5,5"]
)
def test_text_that_is_no_region_is_refused(text):
    with pytest.raises(SettingsError, match="region"):
        Region.parsed(text)


def test_only_people_inside_the_region_are_tracked(walk, bars):
    """One person walks from 15 to 54 on the left, another from 130 to 111 on the right."""
    right = run(
        walk, ExtractionSettings().with_options(region=Region.parsed("50%,0,100%,100%")), estimator=bars()
    )
    assert np.diff(right.sequence.track_start).tolist() == [20]
    assert right.sequence.meta["settings"]["video"]["region"] == "50%,0,100%,100%"


def test_slow_motion_has_real_times(walk, bars):
    done = run(walk, ExtractionSettings().with_options(slow_motion=4.0, end=1.0), estimator=bars())
    assert done.sequence.frame_time == pytest.approx(np.arange(20) / 80, abs=1e-3)
    assert (
        done.sequence.meta["fps"] == pytest.approx(80)
        and done.sequence.meta["settings"]["video"]["slow_motion"] == 4
    )


@pytest.mark.parametrize("text", ["90%,0,10,100%", "160,0,900,50", "0,90%,100%,20", "0,120,160,130"])
def test_a_region_outside_the_image_is_refused(walk, bars, text):
    with pytest.raises(FormatError, match=f"region {text} lies outside the image of 160x"):
        run(walk, ExtractionSettings().with_options(region=Region.parsed(text)), estimator=bars())
