import numpy as np

from skelstream.processing.lifting.sampling import sample_windows


def _line(times, joints=2):
    """Return joints whose x is the time."""
    return np.stack([np.stack([times] * joints, 1), np.zeros((len(times), joints))], -1).astype(np.float32)


def test_uneven_times_become_even():
    times = np.array([0, 0.03, 0.1, 0.11, 0.2, 0.28, 0.35, 0.4])
    found = sample_windows(times, _line(times), 5, 2, 30.0, np.array([3]))
    np.testing.assert_allclose(found[0, :, 0, 0], 0.11 + (np.arange(5) - 2) / 30, atol=1e-6)


def test_a_row_is_unchanged_and_the_ends_are_repeated():
    times = np.arange(10) / 25
    found = sample_windows(times, _line(times), 9, 4, 30.0, np.arange(10))
    np.testing.assert_allclose(found[:, 4, 0, 0], times, atol=1e-7)
    assert found[0, :4, 0, 0].tolist() == [0, 0, 0, 0]
    np.testing.assert_allclose(found[-1, 5:, 0, 0], times[-1], atol=1e-6)


def test_a_causal_window_ends_with_its_row():
    times = np.arange(10) / 30
    found = sample_windows(times, _line(times), 4, 3, 30.0, np.array([6]))
    np.testing.assert_allclose(found[0, :, 0, 0], times[3:7], atol=1e-6)


def test_long_gaps_are_not_interpolated():
    times = np.array([0.0, 0.033, 0.066, 1.0, 1.033])
    found = sample_windows(times, _line(times), 27, 13, 30.0, np.array([2]))[0, :, 0, 0]
    assert np.isnan(found[16:]).all()
    assert np.isfinite(found[:14]).all()


def test_a_joint_is_interpolated_between_near_observations_only():
    times = np.arange(6) / 30
    keypoints = _line(times)
    keypoints[3, 1] = np.nan
    found = sample_windows(times, keypoints, 3, 1, 30.0, np.array([3]))
    assert np.isnan(found[0, 1, 1]).all()
    np.testing.assert_allclose(found[0, [0, 2], 1, 0], times[[2, 4]], atol=1e-6)
    assert np.isfinite(found[0, :, 0]).all()


def test_rows_with_equal_times_are_unchanged():
    times = np.array([0.0, 0.0, 0.1])
    keypoints = np.array([[[1, 1]], [[2, 2]], [[3, 3]]], np.float32)
    assert sample_windows(times, keypoints, 3, 1, 30.0, np.arange(3))[:, 1, 0, 0].tolist() == [1, 2, 3]
