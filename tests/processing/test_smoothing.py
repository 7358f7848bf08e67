from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from filterpy.kalman import KalmanFilter

from skelstream.processing import smoothed
from skelstream.sequences.sequence import ROWS
from skelstream.skeleton import BODY_HANDS, BODY_HANDS_FACE

from ..sequences.conftest import person


def walk(builder, tracked, positions, times, score=1.0, missing=()):
    for i, (x, time) in enumerate(zip(positions, times, strict=True)):
        keypoints, scores = person(0, score)
        keypoints[:] = x
        if i in missing:
            keypoints[3], scores[3] = np.nan, 0
        builder.add(tracked(i, time, {1: (keypoints, scores, 0.9)}))
    return builder.finish()


def uneven_times(count, seed=0):
    return np.cumsum(np.random.default_rng(seed).uniform(0.01, 0.09, count))


def reference(z, times, noise, acceleration_psd, height):
    """Return filterpy's result for one coordinate of one joint; z is NaN where missing."""
    model = KalmanFilter(2, 1)
    model.x = np.zeros((2, 1))
    model.P = np.diag([(1e3 * height) ** 2, (3 * height) ** 2])
    model.H = np.array([[1.0, 0.0]])
    model.R = np.array([[(noise * height) ** 2]])
    means, covariances, fs, qs = [], [], [], []
    for k, value in enumerate(z):
        h = times[k] - times[k - 1] if k else 0.0
        f = np.array([[1, h], [0, 1]])
        q = acceleration_psd * height**2 * np.array([[h**3 / 3, h**2 / 2], [h**2 / 2, h]])
        model.predict(F=f, Q=q)
        model.update(None if np.isnan(value) else value)
        means.append(model.x.copy())
        covariances.append(model.P.copy())
        fs.append(f)
        qs.append(q)
    # filterpy smooths step k with the matrices of step k + 1.
    return model.rts_smoother(np.array(means), np.array(covariances), fs, qs)[0][:, 0, 0]


@pytest.mark.parametrize("missing", [(), (0, 1, 7, 8, 9, 39)])
def test_smoothing_equals_filterpy_at_uneven_times(builder, tracked, missing):
    random = np.random.default_rng(1)
    times = uneven_times(40)
    z = 300 + 80 * np.sin(3 * times) + random.normal(0, 4, 40)
    sequence = walk(builder, tracked, z, times, missing=missing)
    z = sequence.keypoints[:, 3, 0].astype(float)
    smooth = smoothed(sequence, noise=0.02, acceleration_psd=1.0).keypoints[:, 3, 0]
    expected = reference(z, times, 0.02, 1.0, height=200)
    seen = np.isfinite(z)
    assert smooth[seen] == pytest.approx(expected[seen], abs=0.02)
    assert np.isnan(smooth[~seen]).all()


def test_noise_shrinks_and_motion_stays(builder, tracked):
    random = np.random.default_rng(2)
    times = uneven_times(300)
    truth = 300 + 100 * np.sin(2 * np.pi * 0.7 * times)
    sequence = walk(builder, tracked, truth + random.normal(0, 4, 300), times)
    before = np.abs(sequence.keypoints[:, 0, 0] - truth).mean()
    after = np.abs(smoothed(sequence).keypoints[:, 0, 0] - truth).mean()
    assert after < 0.7 * before


def test_constant_velocity_is_unchanged(builder, tracked):
    times = uneven_times(50)
    sequence = walk(builder, tracked, 10 + 100 * times, times)
    assert np.abs(smoothed(sequence).keypoints - sequence.keypoints)[5:-5].max() < 0.5


def _only(sequence, m):
    rows = slice(*sequence.track_start[m : m + 2])
    return replace(
        sequence, **{name: getattr(sequence, name)[rows] for name in (*ROWS, "observed")},
        track_ids=sequence.track_ids[m : m + 1], track_start=np.array([0, rows.stop - rows.start]),
    )  # fmt: skip


def test_tracks_are_independent(sequence):
    both = smoothed(sequence)
    assert (
        both.raw.equals(replace(sequence, meta=both.meta)) and both.observed.sum() == sequence.observed.sum()
    )

    alone = np.concatenate([smoothed(_only(sequence, m)).keypoints for m in range(len(sequence))])
    assert np.allclose(both.keypoints, alone, equal_nan=True, atol=1e-3)


def test_one_row_and_equal_times(builder, tracked):
    one = walk(builder, tracked, [5.0], [0.0])
    assert np.allclose(smoothed(one).keypoints, one.keypoints, atol=1e-2)


def test_equal_times_stay_finite(builder, tracked):
    sequence = walk(builder, tracked, [5.0, 6.0, 7.0], [1.0, 1.0, 1.0])
    assert np.isfinite(smoothed(sequence).keypoints).all()


def test_a_joint_that_is_always_missing_stays_missing(builder, tracked):
    sequence = walk(builder, tracked, [1.0, 2.0, 3.0], [0.0, 0.1, 0.2], missing=(0, 1, 2))
    assert np.isnan(smoothed(sequence).keypoints[:, 3]).all()


def with_parts(sequence, skeleton, part, places):
    """Return the sequence in a joint set of the whole body, whose part has the given places (T, W, 2)."""
    whole = sequence.as_skeleton(skeleton.name)
    joints = list(skeleton.parts[part])
    keypoints, scores = whole.keypoints.copy(), whole.scores.copy()
    keypoints[:, joints], scores[:, joints] = places, np.isfinite(places[..., 0])
    return replace(whole, keypoints=keypoints, scores=scores, observed=np.isfinite(keypoints[..., 0]))


def opening_hand(times):
    """Return a hand of 20 pixels that opens and closes three times a second, float64 (T, 21, 2)."""
    spread = 1 + 0.5 * np.sin(2 * np.pi * 3 * times)[:, None, None]
    return 100 + np.stack([np.linspace(-5, 5, 21), np.linspace(0, -20, 21)], 1) * spread


def test_fingers_in_fast_motion_stay(builder, tracked):
    times = np.arange(60) / 30
    hand = opening_hand(times)
    sequence = with_parts(walk(builder, tracked, 0 * times, times), BODY_HANDS, "left_hand", hand)
    tip = BODY_HANDS.index("left_pinky_finger4")
    moved = np.abs(smoothed(sequence).keypoints[:, tip] - sequence.keypoints[:, tip]).max()
    by_height = smoothed(sequence, hand_noise=0.2).keypoints[:, tip]  # 20 % of the hand is 2 % of the height
    assert moved < 0.1 < 1 < np.abs(by_height - sequence.keypoints[:, tip]).max()


def test_noise_of_hands_and_faces_follows_their_size_and_is_told(builder, tracked):
    times = np.arange(200) / 30
    still = walk(builder, tracked, 0 * times, times)
    noisy = np.random.default_rng(4).normal(0, 2, (200, 468, 2)) + np.linspace(0, 100, 468)[:, None]
    sequence = with_parts(still, BODY_HANDS_FACE, "face", noisy)
    smooth = smoothed(sequence)
    face = list(BODY_HANDS_FACE.parts["face"])
    jitter = [np.diff(s.keypoints[:, face], axis=0).std() for s in (sequence, smooth)]
    assert jitter[1] < 0.5 * jitter[0]
    noise = {"noise": 0.02, "acceleration_psd": 20.0}
    assert smooth.meta["smoothed"] == {**noise, "hand_noise": 0.01, "face_noise": 0.02}
    assert smoothed(still).meta["smoothed"] == noise


def test_a_part_of_a_single_point_stays_finite(builder, tracked):
    times = np.arange(10) / 30
    hand = np.full((10, 21, 2), np.nan)
    hand[:, 0] = 1000.0
    hand[5, 1] = 1000.0
    sequence = with_parts(walk(builder, tracked, 0 * times, times), BODY_HANDS, "left_hand", hand)
    root, thumb = (BODY_HANDS.index(f"left_{joint}") for joint in ("hand_root", "thumb1"))
    smooth = smoothed(sequence).keypoints
    assert np.allclose(smooth[:, root], 1000, atol=0.1) and np.allclose(smooth[5, thumb], 1000, atol=0.1)
