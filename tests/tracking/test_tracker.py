from dataclasses import replace

import numpy as np
import pytest
from street_scenes import SceneSettings, scene

from skelstream.people import People
from skelstream.settings.tracking import TrackerSettings
from skelstream.skeleton import COCO17, OPENPOSE18, SKELETONS, convert
from skelstream.tracking.kalman_tracker import KalmanTracker

RATE = 25


def crossing(make, step, boxes=False):
    """Return two people, from the left and the right, who pass each other at frame 40; one is nearer."""
    time = step / RATE
    a = make.walker(200 + 100 * time, foot=400, phase=6 * time, heading=0.3)
    b = make.walker(520 - 100 * time, foot=405, phase=6 * time + 2, heading=np.pi - 0.3)
    return make.boxes_only([box_of(a), box_of(b)]) if boxes else make.people([a, b])


def box_of(pose):
    return [*np.nanmin(pose, axis=0), *np.nanmax(pose, axis=0)]


@pytest.mark.parametrize("boxes", [False, True])
def test_identity_is_kept_through_a_crossing(make, boxes):
    tracked = make.follow((i / RATE, crossing(make, i, boxes)) for i in range(80))
    assert make.ids(tracked) == [[1, 2]] * 80


def test_joints_distinguish_people_with_equal_boxes(make):
    """Both stand at one position, and their order changes."""
    facing, away = make.walker(200, heading=0.0, phase=1.5), make.walker(200, heading=np.pi, phase=1.5)
    corners = np.tile(np.array([[120, 200, 280, 400]], np.float32), (2, 1))
    rng, truth, frames = np.random.default_rng(3), [], []
    for i in range(20):
        order = rng.permutation(2) if i else np.array([0, 1])
        truth.append((order + 1).tolist())
        frames.append((i / RATE, replace(make.people([facing, away]).take(order), boxes=corners)))
    assert make.ids(make.follow(frames)) == truth
    assert make.ids(make.follow(frames, TrackerSettings(oks_weight=0.0))) != truth


def test_identity_is_kept_through_an_occlusion(make):
    frames = []
    for i in range(75):
        hidden = 30 <= i < 50
        frames.append((i / RATE, make.people([] if hidden else [make.walker(100 + 5 * i, phase=i / 4)])))
    tracked = make.follow(frames)
    assert make.ids(tracked) == [[1]] * 30 + [[]] * 20 + [[1]] * 25


def test_a_person_who_stops_while_hidden_keeps_the_identity(make):
    frames = [(i / RATE, make.people([make.walker(100 + 6 * i)])) for i in range(30)]
    frames += [(i / RATE, make.people([])) for i in range(30, 50)]
    frames += [(i / RATE, make.people([make.walker(100 + 6 * 31)])) for i in range(50, 60)]
    assert {i for row in make.ids(make.follow(frames)) for i in row} == {1}


def test_a_person_lost_longer_than_max_lost_gets_a_new_identity(make):
    frames = [(i / RATE, make.people([make.walker(100)])) for i in range(10)]
    frames += [(i / RATE, make.people([])) for i in range(10, 40)]
    frames += [(40 / RATE, make.people([make.walker(100)]))]
    tracked = make.follow(frames, TrackerSettings(max_lost=1.0))
    assert make.ids(tracked)[-1] == [2]


def test_irregular_frame_intervals_keep_identities(make):
    """Intervals from 1/60 s to 0.5 s: the frames' times determine the predicted motion."""
    rng = np.random.default_rng(5)
    times = np.cumsum(rng.choice([1 / 60, 1 / 25, 0.25, 0.5], 80))

    def at(time):
        # The second person follows the first one, 60 px behind.
        return make.people([make.walker(240 * time), make.walker(240 * time - 60)])

    warm = [(t, at(t)) for t in np.arange(0, 0.5, 0.04)]
    real = [*warm, *((0.5 + t, at(0.5 + t)) for t in times)]
    counted = [(i * 0.04, p) for i, (_, p) in enumerate(real)]
    assert make.ids(make.follow(real)) == [[1, 2]] * len(real)
    assert make.ids(make.follow(counted)) != [[1, 2]] * len(real)


def test_a_low_score_continues_a_track_but_starts_none(make):
    frames = []
    for i in range(20):
        known, stranger = make.walker(100 + 4 * i), make.walker(600)
        frames.append((i / RATE, make.people([known, stranger], [0.15 if 8 <= i < 14 else 0.9, 0.2])))
    assert make.ids(make.follow(frames)) == [[1]] * 20
    one_round = TrackerSettings(min_similarity_low=1.0)
    assert make.ids(make.follow(frames, one_round)) == [[1]] * 8 + [[]] * 6 + [[1]] * 6


def test_half_a_person_starts_a_track_and_an_uncertain_one_does_not(make):
    """Without legs, the score, a mean over all joints, is low, but the joints in view are certain."""
    upper = [
        i
        for i, name in enumerate(OPENPOSE18.joints)
        if name.rpartition("_")[2] not in ("knee", "ankle", "hip")
    ]
    frames = []
    for i in range(10):
        half, doubtful = make.walker(100 + 4 * i), make.walker(600)
        scores = np.zeros((2, 18), np.float32)
        scores[0, upper], scores[1] = 0.7, 0.4
        half[[j for j in range(18) if j not in upper]] = np.nan
        seen = replace(make.people([half, doubtful], [0.3, 0.4]), scores=scores)
        frames.append((i / RATE, seen))
    assert make.ids(make.follow(frames)) == [[1]] * 10


def test_low_score_joints_do_not_make_two_people_of_one(make):
    """Two detections agree in the visible joints; those out of view have low scores."""
    legs = [
        i for i, name in enumerate(OPENPOSE18.joints) if name.rpartition("_")[2] in ("knee", "ankle", "hip")
    ]
    frames = []
    for i in range(10):
        pose = make.walker(100 + 4 * i)
        other = pose.copy()
        other[legs] += (60, 40)
        scores = np.full((2, 18), 0.9, np.float32)
        scores[1, legs] = 0.12
        frames.append((i / RATE, replace(make.people([pose, other], [0.9, 0.6]), scores=scores)))
    assert make.ids(make.follow(frames)) == [[1]] * 10


def test_two_detections_of_one_person_are_one_track(make):
    rng = np.random.default_rng(1)
    frames = []
    for i in range(30):
        pose = make.walker(100 + 4 * i)
        copies = [pose, pose + rng.normal(0, 1.5, 2).astype(np.float32)]
        frames.append((i / RATE, make.people(copies, [0.9, 0.8])))
    assert make.ids(make.follow(frames)) == [[1]] * 30


def test_a_detection_in_single_frames_is_never_confirmed(make):
    walker = [make.walker(100 + 4 * i) for i in range(20)]
    frames = [(i / RATE, make.people([w] + [make.walker(700)] * (i in (5, 6)))) for i, w in enumerate(walker)]
    tracked = make.follow(frames)
    assert {i for t in tracked for i in t.track_ids[t.confirmed]} == {1}
    assert any(2 in t.track_ids for t in tracked)


def test_poses_before_confirmation_are_returned(make):
    frames = [(0.0, make.people([]))] + [(i / RATE, make.people([make.walker(100)])) for i in range(1, 6)]
    tracked = make.follow(frames)
    assert make.ids(tracked) == [[], [1], [1], [1], [1], [1]]
    assert [t.confirmed.tolist() for t in tracked] == [[], [False], [False], [True], [True], [True]]


def test_people_in_a_single_frame_are_confirmed(make):
    (only,) = make.follow([(0.0, make.people([make.walker(100), make.walker(500)], [0.9, 0.8]))])
    assert only.track_ids.tolist() == [1, 2]
    assert only.confirmed.all()


def test_trackers_number_their_ids_independently(make):
    first, second = (KalmanTracker(TrackerSettings(), OPENPOSE18) for _ in range(2))
    for i in range(10):
        a = first.update(i, i / RATE, make.people([make.walker(100), make.walker(500)]))
        b = second.update(i, i / RATE, make.people([make.walker(300)]))
        assert a.track_ids.tolist() == [1, 2]
        assert b.track_ids.tolist() == [1]
    assert KalmanTracker(TrackerSettings(), OPENPOSE18).update(
        0, 0.0, make.people([make.walker(9)])
    ).track_ids == [1]


def test_the_same_input_gives_the_same_output():
    frames = scene(SceneSettings(seconds=3), seed=1)
    runs = []
    for _ in range(2):
        tracker = KalmanTracker(TrackerSettings(), OPENPOSE18)
        runs.append([tracker.update(i, f.time, f.people) for i, f in enumerate(frames)])
    for a, b in zip(*runs, strict=True):
        assert (a.track_ids == b.track_ids).all()
        assert (a.people.boxes == b.people.boxes).all()


def test_results_do_not_depend_on_the_resolution():
    """Half the coordinates give the same identities."""
    frames = scene(SceneSettings(seconds=3, walkers=5), seed=2)
    whole, half = (KalmanTracker(TrackerSettings(), OPENPOSE18) for _ in range(2))
    for i, f in enumerate(frames):
        small = replace(f.people, keypoints=f.people.keypoints / 2, boxes=f.people.boxes / 2)
        assert (
            whole.update(i, f.time, f.people).track_ids.tolist()
            == half.update(i, f.time, small).track_ids.tolist()
        )


def test_frames_without_people(make):
    tracked = make.follow((i / RATE, make.people([])) for i in range(5))
    for frame in tracked:
        assert len(frame) == 0
        assert frame.people.keypoints.shape == (0, 18, 2)
        assert frame.people.boxes.shape == (0, 4)
        assert frame.track_ids.dtype == np.int32


def test_equal_and_decreasing_times(make):
    times = [0.0, 0.04, 0.04, 0.04, 0.02, 0.08]
    tracked = make.follow((t, make.people([make.walker(100 + i)])) for i, t in enumerate(times))
    assert make.ids(tracked) == [[1]] * 6
    assert [t.time for t in tracked] == times
    assert all(np.isfinite(t.people.boxes).all() for t in tracked)


def test_a_seek_ends_every_track(make):
    times = [*(i / RATE for i in range(5)), *(600 + i / RATE for i in range(5))]
    tracked = make.follow((t, make.people([make.walker(100)])) for t in times)
    assert make.ids(tracked) == [[1]] * 5 + [[2]] * 5


def test_a_time_of_nan_is_an_error(make):
    with pytest.raises(ValueError, match="frame 0"):
        make.follow([(float("nan"), make.people([]))])


def test_people_with_another_joint_set_are_an_error(make):
    with pytest.raises(ValueError, match="joints"):
        KalmanTracker(TrackerSettings(), COCO17).update(0, 0.0, make.people([make.walker(100)]))


def test_other_joint_sets_are_tracked(make):
    tracker = KalmanTracker(TrackerSettings(), COCO17)
    for i in range(20):
        people = make.people([make.walker(100 + 5 * i), make.walker(300 - 5 * i)])
        keypoints, scores = convert(people.keypoints, people.scores, OPENPOSE18, COCO17)
        tracked = tracker.update(i, i / RATE, People(keypoints, scores, people.person_scores, people.boxes))
        assert tracked.track_ids.tolist() == [1, 2]


def test_a_person_without_joints_is_tracked_by_the_box(make):
    """All joints of one person are missing in the middle of the track."""
    frames = []
    for i in range(20):
        pose = make.walker(100 + 4 * i)
        frames.append((i / RATE, make.boxes_only([box_of(pose)]) if 8 <= i < 12 else make.people([pose])))
    assert make.ids(make.follow(frames)) == [[1]] * 20


def test_an_invalid_box_is_skipped(make):
    nowhere = make.boxes_only([[np.nan] * 4, [10, 10, 10, 10], [50, 50, 90, 150]])
    tracked = make.follow((i / RATE, nowhere) for i in range(4))
    assert all(np.isfinite(t.people.boxes).all() for t in tracked)
    assert all(len(t) < 3 for t in tracked)
    assert len(tracked[-1]) >= 1


def test_measured_joints_are_returned_unchanged_in_order(make):
    given = make.people([make.walker(500), make.walker(100)], [0.95, 0.6])
    (tracked,) = make.follow([(0.0, given)])
    assert (tracked.people.keypoints == given.keypoints).all()
    assert (tracked.people.person_scores == given.person_scores).all()
    assert tracked.people.boxes.dtype == np.float32
    assert tracked.people.boxes == pytest.approx(given.boxes, abs=1)


def test_the_larger_part_of_a_split_person_keeps_the_identity(make):
    """The arm alone is exactly at its predicted position, the rest slightly off."""
    whole = make.walker(200)
    arm, rest = whole.copy(), whole + np.float32(7)
    arm[[0, 5, 6, 7, 9, 10, *range(12, 18)]] = np.nan
    rest[[2, 3, 4]] = np.nan
    frames = [(i / RATE, make.people([whole])) for i in range(10)]
    frames += [(i / RATE, make.people([arm, rest])) for i in range(10, 13)]
    for tracked in make.follow(frames)[10:]:
        longest = np.isfinite(tracked.people.keypoints[..., 0]).sum(1).argmax()
        assert tracked.track_ids[longest] == 1


@pytest.mark.parametrize("step", [0.6, 1.5, 1.6, 2.0, 60.0])
def test_people_in_few_distant_images_have_poses(make, step):
    """Each image has another person."""
    frames = [(i * step, make.people([make.walker(100 + 300 * (i % 2))])) for i in range(6)]
    tracked = make.follow(frames)
    assert all(len(t) == 1 and t.confirmed.all() for t in tracked)
    assert len({i for row in make.ids(tracked) for i in row}) == 6


@pytest.mark.parametrize(("step", "needed"), [(0.1, 3), (0.25, 3), (0.3, 2), (0.5, 2), (0.6, 1)])
def test_confirmation_needs_a_bounded_number_of_frames(make, step, needed):
    frames = [(i * step, make.people([make.walker(100)] * (i > 0))) for i in range(6)]
    believed = [bool(t.confirmed.all()) for t in make.follow(frames)]
    assert believed[1:] == [False] * (needed - 1) + [True] * (6 - needed)


def test_too_long_an_interval_is_a_warning_and_joins_no_tracks(make):
    tracker = KalmanTracker(TrackerSettings(), OPENPOSE18)
    ids = [tracker.update(i, 2.0 * i, make.people([make.walker(100)])).track_ids.tolist() for i in range(4)]
    assert ids == [[1], [2], [3], [4]] and tracker.alone == 3
    assert tracker.warning.startswith("3 of 4 frames come more than 1.5 s after the frame before")
    patient = KalmanTracker(TrackerSettings(max_interval=3.0), OPENPOSE18)
    assert [patient.update(i, 2.0 * i, make.people([make.walker(100)])).track_ids[0] for i in range(4)] == [
        1
    ] * 4
    assert patient.warning is None


def test_without_tracking_frames_are_independent(make):
    tracked = make.follow(
        [(t, make.people([make.walker(100)])) for t in (0.0, 0.04, 0.04, 0.08)],
        TrackerSettings(max_interval=0),
    )
    assert make.ids(tracked) == [[1], [2], [3], [4]] and all(t.confirmed.all() for t in tracked)


def test_whole_bodies_are_followed_by_their_bodies():
    """Hands and faces that move by themselves, come and go leave the tracks as they are, also where boxes disagree."""
    whole, rng = SKELETONS["body+hands+face"], np.random.default_rng(0)
    body = rng.uniform(0, 200, (2, 18, 2)) + [[[0, 0]], [[260, 0]]]
    trackers = [KalmanTracker(TrackerSettings(), skeleton) for skeleton in (OPENPOSE18, whole)]
    for t in range(12):
        body = (body + [[[1, 0]], [[-1, 0]]]).astype(np.float32)
        other = rng.uniform(0, 200, (2, len(whole) - 18, 2)) + [[[0, 0]], [[260, 0]]]
        keypoints = np.concatenate([body, other], 1).astype(np.float32)
        if t % 3:
            keypoints[t % 2, 60:] = np.nan
        scores = np.isfinite(keypoints[..., 0]).astype(np.float32)
        # Every second box holds a quarter of the person.
        low, high = body.min(1), body.max(1)
        boxes = np.concatenate([low, (low + high) / 2 if t % 2 else high], 1)
        people = People(keypoints, scores, np.ones(2, np.float32), boxes)
        alone = People(body, scores[:, :18], people.person_scores, boxes)
        plain, tracked = (trackers[0].update(t, t / 25, alone), trackers[1].update(t, t / 25, people))
        assert tracked.track_ids.tolist() == plain.track_ids.tolist() == [1, 2]
        np.testing.assert_array_equal(tracked.people.keypoints, keypoints)


def test_a_sure_face_does_not_make_a_body_certain():
    skeleton = SKELETONS["body+face"]
    keypoints = np.full((1, len(skeleton), 2), 100, np.float32) + np.arange(len(skeleton))[:, None]
    scores = np.ones((1, len(skeleton)), np.float32)
    scores[:, list(skeleton.parts["body"])] = 0.1
    people = People(
        keypoints, scores, np.array([0.1], np.float32), np.array([[90, 90, 300, 500]], np.float32)
    )
    tracker = KalmanTracker(TrackerSettings(high_certainty=0.3), skeleton)
    assert len(tracker.update(0, 0.0, people)) == 0
