from __future__ import annotations

import numpy as np
import pytest

from skelstream.errors import FormatError, SettingsError
from skelstream.formats import load, save
from skelstream.people import People
from skelstream.processing.postprocessing import postprocess
from skelstream.processing.resampling import resampled
from skelstream.sequences import SequenceBuilder
from skelstream.settings.postprocessing import PostprocessingSettings
from skelstream.skeleton import OPENPOSE18
from skelstream.tracking.tracked import TrackedPeople


def moving(times, away=(), failed=()):
    """Return a person with all joints at x = 100 t, y = 50, absent in frames ``away``."""
    builder = SequenceBuilder(OPENPOSE18, source="a.mp4", height=200, width=400)
    for i, time in enumerate(times):
        if i in failed:
            builder.add(TrackedPeople.failed(i, time, 18))
            continue
        count = 0 if i in away else 1
        pose = np.tile(np.array([[[100 * time, 50]]], np.float32), (count, 18, 1))
        box = np.tile(np.array([[100 * time - 5, 0, 100 * time + 5, 100]], np.float32), (count, 1))
        score = np.full((count, 18), 0.5, np.float32)
        people = People(pose, score, np.full(count, 0.5, np.float32), box)
        builder.add(TrackedPeople(i, time, people, np.ones(count, np.int32), np.ones(count, bool)))
    return builder.finish()


@pytest.mark.parametrize("rate", [10, 12.5, 15, 24, 25, 30, 60, 100])
def test_a_constant_rate_is_resampled(rate):
    sequence = moving(np.arange(31) / 30)
    even = resampled(sequence, rate)
    assert even.frame_time == pytest.approx(np.arange(int(rate + 1e-6) + 1) / rate)
    assert even.keypoints[:, 3, 0] == pytest.approx(100 * even.frame_time, abs=0.1)
    assert even.meta["fps"] == rate and even.meta["resampled"]["fps"] == rate
    on_a_frame = np.abs(even.frame_time * 30 - np.round(even.frame_time * 30)) < 1e-6
    assert (even.observed.all(1) == on_a_frame).all() and (even.observed.any(1) == on_a_frame).all()
    if rate <= 30:
        assert np.abs(even.frame_index / 30 - even.frame_time).max() <= 1 / 60 + 1e-6
    else:
        assert even.meta["resampled"]["frame_index"] == "counted" and even.frame_index[-1] == rate


def test_a_variable_rate_becomes_constant_and_gaps_stay():
    times = np.cumsum([0, 0.03, 0.05, 0.1, 0.02, 0.04, 0.06, 0.1, 0.1])
    even = resampled(moving(times, away=(4,), failed=(7,)), 20)
    assert np.diff(even.frame_time) == pytest.approx(0.05)
    assert even.keypoints[:, 0, 0] == pytest.approx(100 * even[0].times, abs=1e-3)
    # A new frame has a person only if both frames around it have one, and is intact only if both are.
    gone = (even.frame_time > times[3] + 1e-3) & (even.frame_time < times[5] - 1e-3)
    broken = (even.frame_time > times[6] + 1e-3) & (even.frame_time < times[8] - 1e-3)
    there = np.zeros(even.frames, bool)
    there[even.frame] = True
    assert (there == ~gone & ~broken).all() and (even.frame_ok == ~broken).all()


def test_a_file_keeps_observed(tmp_path):
    even = resampled(moving(np.arange(31) / 30), 20)
    save(even, tmp_path / "a.npz")
    back = load(tmp_path / "a.npz")
    assert np.array_equal(back.observed, even.observed) and back.observed.any() and not back.observed.all()
    with np.load(tmp_path / "a.npz") as file:
        assert np.isnan(file["keypoints"][..., 0]).any() and not np.isnan(file["clean_keypoints"]).any()


def test_the_same_rate_changes_times_only():
    sequence = moving(np.round(np.arange(40) / 30, 3))  # rounded as in Matroska
    even = resampled(sequence, 30)
    assert np.array_equal(even.keypoints, sequence.keypoints) and even.observed.all()
    assert np.array_equal(even.frame_index, sequence.frame_index)


def test_no_frames_and_one_frame():
    assert resampled(moving([]), 25).frames == 0
    assert resampled(moving([3.0]), 25).frame_time.tolist() == [3.0]
    nobody = resampled(moving(np.arange(5) / 10, away=range(5)), 25)
    assert nobody.frames == 11 and len(nobody) == 0
    for rate in (0, -1, float("nan"), float("inf")):
        with pytest.raises(SettingsError, match="above 0"):
            resampled(moving([0.0]), rate)


def test_filled_and_smoothed_sequences_are_resampled():
    sequence = moving(np.arange(31) / 30, away=(10, 11))
    assert len(postprocess(sequence, PostprocessingSettings(fps=15.0)).frame) < len(
        postprocess(sequence, PostprocessingSettings(fill=0.5, smooth=True, fps=15.0)).frame
    )


def test_tracks_that_are_too_short_are_reported():
    sequence = moving(np.arange(31) / 30, away=set(range(31)) - {7})
    even = resampled(sequence, 10)
    assert (
        len(even) == 0 and "1 of 1 tracks are too short for 10 frames per second" in even.meta["warnings"][-1]
    )


@pytest.mark.parametrize(("times", "rate"), [([0, 1], 1e9), ([0, 1e11], 30), ([0, 1], 1e308)])
def test_too_many_frames_are_an_error(times, rate):
    with pytest.raises(FormatError, match="lower rate"):
        resampled(moving(times, away=range(2)), rate)
