from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skelstream.processing import filled, smoothed

from ..sequences.conftest import person


def test_a_missing_joint_is_interpolated_in_time(sequence):
    # Track 7's right wrist: observed at 0 s, missing at 0.04 s, observed at 0.16 s (the third row).
    whole = filled(sequence, 0.2)
    track = whole[0]
    expected = sequence.keypoints[0, 4] + 0.25 * (sequence.keypoints[2, 4] - sequence.keypoints[0, 4])
    assert track.keypoints[1, 4] == pytest.approx(expected, abs=1e-4)
    assert track.scores[1, 4] == pytest.approx(0.8)
    assert not track.observed[1, 4] and track.observed[1, 3]


def test_rows_are_added_at_the_frames_times(sequence):
    track = filled(sequence, 0.2)[0]
    assert track.frame.tolist() == [0, 1, 2, 3, 4, 5]
    # Joint 0: 1 at 0.04 s, 4 at 0.16 s.
    assert track.keypoints[2, 0, 0] == pytest.approx(1 + 3 * (0.08 - 0.04) / 0.12, abs=1e-5)
    assert track.keypoints[3, 0, 0] == pytest.approx(1 + 3 * (0.13 - 0.04) / 0.12, abs=1e-5)
    assert not track.observed[2:4].any()
    assert track.boxes[2].tolist() == [0, 0, 100, 200] and track.person_scores[2] == pytest.approx(0.9)


def test_long_gaps_are_not_filled(sequence):
    whole = filled(sequence, 0.1)
    assert whole[0].frame.tolist() == [0, 1, 4, 5]
    assert np.array_equal(whole.keypoints, sequence.keypoints, equal_nan=True)


def test_nothing_is_filled_outside_the_first_and_last_observation(builder, tracked):
    keypoints, scores = person(0)
    hidden = keypoints.copy(), scores.copy()
    hidden[0][3], hidden[1][3] = np.nan, 0
    for i, pose in enumerate([hidden, (keypoints, scores), hidden]):
        builder.add(tracked(i, i / 10, {1: (*pose, 0.9)}))
    whole = filled(builder.finish(), 10)
    assert np.isnan(whole.keypoints[[0, 2], 3]).all()


def test_raw_has_the_measured_values_after_repeated_cleaning(sequence):
    clean = filled(smoothed(filled(sequence, 0.2)), 1.0)
    assert clean.raw.equals(replace(sequence, meta=clean.meta))
    assert sequence.raw is None
    assert (clean.track_ids == sequence.track_ids).all() and clean[1].frame.tolist() == [1, 2]


def test_filling_twice_changes_nothing(sequence):
    once = filled(sequence, 0.2)
    assert filled(once, 0.2).equals(once)


def test_an_empty_sequence_stays_empty(builder, tracked):
    builder.add(tracked(0, 0.0, {}))
    empty = builder.finish()
    assert filled(empty).equals(empty) and smoothed(empty).equals(empty)
