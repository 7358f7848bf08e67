from __future__ import annotations

import numpy as np
import pytest

from skelstream.people import People
from skelstream.processing import OneEuro
from skelstream.skeleton import BODY_HANDS
from skelstream.tracking.tracked import TrackedPeople

from ..sequences.conftest import person


def at(x, score=0.9):
    keypoints, scores = person(0, score)
    keypoints[:] = x
    return keypoints, scores, 0.9


def run(tracked, values, times, **settings):
    smooth = OneEuro(**settings)
    return np.array(
        [
            smooth.update(tracked(i, time, {1: at(x)})).people.keypoints[0, 0, 0]
            for i, (x, time) in enumerate(zip(values, times, strict=True))
        ]
    )


def test_the_filter_equals_the_published_recursion(tracked):
    out = run(tracked, [0.0, 10.0], [0.0, 0.1], min_cutoff=1.0, beta=0.0, speed_cutoff=1.0)
    share = 1 / (1 + 1 / (2 * np.pi * 0.1))
    assert out.tolist() == pytest.approx([0.0, 10 * share], rel=1e-5)


def test_jitter_shrinks_at_rest_and_motion_lags_little(tracked):
    random = np.random.default_rng(0)
    times = np.arange(90) / 30
    still = run(tracked, 100 + random.normal(0, 3, 90), times)
    assert still[30:].std() < 0.6 * 3
    moving = run(tracked, 400 * times, times)
    assert np.abs(moving[30:] - 400 * times[30:]).max() < 20


def test_the_filter_is_causal(tracked):
    times = np.arange(20) / 30
    values = np.random.default_rng(1).normal(0, 5, 20)
    assert np.array_equal(run(tracked, values, times)[:10], run(tracked, values[:10], times[:10]))


def test_missing_joints_stay_missing_and_restart_after_a_while(tracked):
    smooth = OneEuro(forget=0.5)
    hidden = at(0.0)
    hidden[0][2], hidden[1][2] = np.nan, 0
    smooth.update(tracked(0, 0.0, {1: at(0.0)}))
    out = smooth.update(tracked(1, 0.1, {1: hidden})).people
    assert np.isnan(out.keypoints[0, 2]).all() and np.isfinite(out.keypoints[0, 3]).all()
    smooth.update(tracked(2, 0.5, {1: hidden}))
    out = smooth.update(tracked(3, 0.9, {1: at(70.0)})).people
    assert out.keypoints[0, 2].tolist() == [70, 70]
    assert out.keypoints[0, 3, 0] < 70


def test_tracks_are_independent_and_the_input_is_unchanged(tracked):
    smooth = OneEuro()
    smooth.update(tracked(0, 0.0, {1: at(0.0), 2: at(100.0)}))
    frame = tracked(1, 0.1, {2: at(110.0), 1: at(5.0)})
    out = smooth.update(frame)
    assert 100 < out.people.keypoints[0, 0, 0] < 110 and 0 < out.people.keypoints[1, 0, 0] < 5
    assert frame.people.keypoints[0, 0, 0] == 110
    assert out.track_ids.tolist() == [2, 1]


def test_memory_does_not_grow(tracked):
    smooth = OneEuro()
    for i in range(200):
        smooth.update(tracked(i, i * 1.0, {i + 1: at(0.0)}))
    assert len(smooth._states) == 1


def test_equal_times_restart_the_filter(tracked):
    assert np.isfinite(run(tracked, [1.0, 2.0, 3.0], [0.0, 0.0, 0.0])).all()


def test_fingers_lag_less_where_the_joint_set_is_known():
    times = np.arange(30) / 30
    hand = list(BODY_HANDS.parts["left_hand"])

    def largest_lag(**settings):
        smooth, lags = OneEuro(**settings), []
        for i, time in enumerate(times.tolist()):
            keypoints = np.full((1, len(BODY_HANDS), 2), 50.0, np.float32)
            keypoints[0, hand] = 100 + 60 * time + np.linspace(0, 20, 21)[:, None]
            box = np.array([[0, 0, 100, 200]], np.float32)
            people = People(keypoints, np.ones((1, len(BODY_HANDS)), np.float32), np.ones(1, np.float32), box)
            given = TrackedPeople(i, time, people, np.array([1], np.int32), np.array([True]))
            out = smooth.update(given).people.keypoints
            assert np.isfinite(out).all() and np.allclose(out[0, :18], 50)
            lags.append(np.abs(out[0, hand] - keypoints[0, hand]).max())
        return max(lags)

    assert largest_lag(skeleton=BODY_HANDS) < 0.5 * largest_lag()


def test_a_failed_frame_is_passed_on():
    failed = TrackedPeople.failed(0, 0.0, len(BODY_HANDS))
    assert len(OneEuro(skeleton=BODY_HANDS).update(failed).people) == 0
