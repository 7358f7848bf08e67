from __future__ import annotations

from fractions import Fraction

import pytest

from skelstream.video.timestamps import Timestamps

MS = Fraction(1, 1000)


def times(pts, rate=25.0, zero=None):
    clock = Timestamps(MS, rate, zero)
    return [clock.seconds(p) for p in pts]


def test_the_first_frame_is_at_zero():
    assert times([5000, 5040, 5100]) == pytest.approx([0, 0.04, 0.1])


def test_negative_timestamps():
    assert times([-80, -40, 0]) == pytest.approx([0, 0.04, 0.08])


def test_a_clock_of_its_own():
    assert times([5000], zero=Fraction(3)) == pytest.approx([2])


def test_a_first_frame_before_the_zero_is_the_zero():
    assert times([1000, 1040], zero=Fraction(3)) == pytest.approx([0, 0.04])


def test_missing_timestamps_are_bridged_with_the_mean_rate():
    assert times([0, None, None, 120]) == pytest.approx([0, 0.04, 0.08, 0.12])


def test_no_timestamps_at_all():
    assert times([None] * 3, rate=None) == pytest.approx([0, 1 / 30, 2 / 30])


def test_missing_at_the_beginning():
    assert times([None, 40, 80]) == pytest.approx([0, 0.04, 0.08])


def test_time_never_stands_or_goes_back():
    got = times([0, 40, 40, 20, 0, 1000])
    assert got == pytest.approx([0, 0.04, 0.08, 0.12, 0.16, 1.0])


def test_long_videos_keep_their_precision():
    hours = 36_000_000
    assert times([0, hours, hours + 1])[2] == 36_000.001
