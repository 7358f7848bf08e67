import numpy as np
import pytest

from skelstream.settings.tracking import TrackerSettings
from skelstream.tracking.motion import Motion, box_of, measurement

START = np.array([100.0, 200.0, 60.0, 160.0])


def test_box_and_measurement_are_inverse():
    assert box_of(measurement(np.array([10, 20, 40, 90]))).tolist() == [10, 20, 40, 90]


def test_an_empty_box_gets_one_pixel():
    assert measurement(np.array([5, 5, 5, 5])).tolist() == [5, 5, 1, 1]


def test_one_long_interval_equals_many_short_ones():
    long, short = Motion(START, TrackerSettings()), Motion(START, TrackerSettings())
    long.predict(0.4)
    for _ in range(10):
        short.predict(0.04)
    for a, b in zip(long.saved(), short.saved(), strict=True):
        assert a == pytest.approx(b, rel=1e-9, abs=1e-9)


def test_an_interval_of_zero_changes_nothing():
    motion = Motion(START, TrackerSettings())
    before = motion.saved()
    motion.predict(0.0)
    assert all((a == b).all() for a, b in zip(before, motion.saved(), strict=True))


def test_speed_is_in_pixels_per_second_for_any_interval():
    motion, rng, then = Motion(START, TrackerSettings()), np.random.default_rng(0), 0.0
    for time in np.cumsum(rng.uniform(0.01, 0.2, 60)):
        motion.predict(time - then)
        motion.update(START + [150 * time, -40 * time, 0, 0], by_joints=True)
        then = time
    assert motion.state[4:] == pytest.approx([150, -40], rel=0.02)


def test_variance_grows_with_time_and_falls_with_an_observation():
    motion = Motion(START, TrackerSettings())
    first = motion.variance
    motion.predict(1.0)
    grown = motion.variance
    motion.update(START, by_joints=False)
    assert grown > first > 0
    assert motion.variance < grown


def test_noise_is_proportional_to_the_size():
    near, far = Motion(START * 2, TrackerSettings()), Motion(START, TrackerSettings())
    for motion, scale in ((near, 2), (far, 1)):
        for step in range(5):
            motion.predict(0.04)
            motion.update(scale * (START + [3 * step, (-1) ** step, 0, 0]), by_joints=True)
    assert near.state == pytest.approx(2 * far.state)
