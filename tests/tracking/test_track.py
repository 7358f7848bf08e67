from dataclasses import replace

import numpy as np
import pytest

from skelstream.settings.tracking import TrackerSettings
from skelstream.skeleton import OPENPOSE18
from skelstream.tracking.track import Track

LEGS = [OPENPOSE18.index(f"{side}_{part}") for side in ("left", "right") for part in ("knee", "ankle")]
TORSO = np.array([name.rpartition("_")[2] in ("neck", "shoulder", "hip") for name in OPENPOSE18.joints])
SETTINGS = TrackerSettings()


def box(keypoints):
    return np.concatenate([np.nanmin(keypoints, axis=0), np.nanmax(keypoints, axis=0)])


def start(keypoints, settings=SETTINGS, corners=None):
    return Track(
        1, 0.0, keypoints, box(keypoints) if corners is None else corners, TORSO, settings, False, 0.9
    )


def without(keypoints, joints):
    return np.where(np.isin(np.arange(18), joints)[:, None], np.nan, keypoints)


def test_legs_that_leave_the_image_cause_no_motion(make):
    track = start(make.walker(100))
    for step in range(1, 30):
        pose = make.walker(100 + 4 * step)
        pose = without(pose, LEGS) if step >= 20 else pose
        track.predict(step / 25)
        track.observe(pose, box(pose), needed=3, score=0.5)
    assert track.motion.state[4:] == pytest.approx([100, 0], abs=3)
    assert track.box == pytest.approx(box(pose), abs=12)


def test_legs_found_in_every_other_frame_cause_no_motion(make):
    track = start(make.walker(100))
    for step in range(1, 40):
        pose = make.walker(100 + 4 * step)
        pose = without(pose, LEGS) if step % 2 else pose
        track.predict(step / 25)
        track.observe(pose, box(pose), needed=3, score=0.5)
    assert track.motion.state[4:] == pytest.approx([100, 0], abs=3)


def test_predicted_joints_move_with_the_box(make):
    track = start(make.walker(100))
    for step in range(1, 30):
        track.predict(step / 25)
        track.observe(make.walker(100 + 4 * step), box(make.walker(100 + 4 * step)), needed=3, score=0.5)
    track.predict(29 / 25 + 0.2)
    assert track.keypoints == pytest.approx(make.walker(100 + 4 * 29 + 20), abs=2)
    assert track.seen_keypoints == pytest.approx(make.walker(100 + 4 * 29))


def speed_after_return(make, re_update, keypoints=True):
    """Return the speed after a gap of 1 s, in which a person at 40 px/s has walked at 120 px/s."""

    def pose(time):
        return make.walker(100 + 40 * min(time, 1) + 120 * max(time - 1, 0))

    def seen(time):
        return pose(time) if keypoints else np.full((18, 2), np.nan)

    track = start(seen(0), replace(SETTINGS, re_update=re_update), box(pose(0)))
    for step in range(1, 51):
        track.predict(step / 25)
        if 25 < step < 50:
            track.miss()
        else:
            track.observe(seen(step / 25), box(pose(step / 25)), needed=3, score=0.5)
    return track.motion.state[4]


@pytest.mark.parametrize("keypoints", [True, False])
def test_re_update_estimates_the_speed_in_the_gap(make, keypoints):
    plain = speed_after_return(make, re_update=False, keypoints=keypoints)
    better = speed_after_return(make, re_update=True, keypoints=keypoints)
    assert abs(better - 120) < abs(plain - 120)
    assert better == pytest.approx(120, abs=15)


def test_re_update_after_no_time_changes_nothing(make):
    track = start(make.walker(100))
    track.predict(0.0)
    track.miss()
    track.predict(0.0)
    track.observe(make.walker(104), box(make.walker(104)), needed=3, score=0.5)
    assert np.isfinite(track.motion.state).all()


def test_a_tentative_track_may_miss_one_frame(make):
    track = start(make.walker(100))
    track.predict(0.04)
    track.miss()
    assert not track.expired(0.08)
    track.predict(0.08)
    track.miss()
    assert track.expired(0.12)


def test_a_prediction_does_not_change_the_track(make) -> None:
    track = start(make.walker(100))
    for step in range(1, 5):
        track.predict(step / 25)
        track.observe(make.walker(100 + 4 * step), box(make.walker(100 + 4 * step)), needed=3, score=0.5)
    assert track.score == 0.5
    state = track.motion.state.copy()
    ahead = np.nanmean((track.expected_keypoints(6 / 25) - track.keypoints)[:, 0])
    assert 4 < ahead < 12  # two intervals of about four pixels
    np.testing.assert_array_equal(track.motion.state, state)
    track.predict(6 / 25)
    np.testing.assert_allclose(track.keypoints, track.expected_keypoints(6 / 25))
