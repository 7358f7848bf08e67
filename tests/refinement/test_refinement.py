from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skelstream.errors import SettingsError
from skelstream.geometry.letterbox import rotation
from skelstream.geometry.orientation import orientation
from skelstream.people import People
from skelstream.refinement.refinement import Refinement
from skelstream.settings.refinement import RefinementSettings
from skelstream.settings.tracking import TrackerSettings
from skelstream.skeleton import COCO17, OPENPOSE18, SKELETONS, convert
from skelstream.tracking.kalman_tracker import KalmanTracker

IMAGE = np.zeros((400, 600, 3), np.uint8)
# Standing, 40 wide and 100 high, COCO's joints.
STANDING = np.array(
    [
        (20, 5), (23, 3), (17, 3), (26, 6), (14, 6), (32, 20), (8, 20), (37, 40), (3, 40), (40, 55), (0, 55), (28, 55),
        (12, 55), (29, 78), (11, 78), (30, 100), (10, 100),
    ],
    np.float32,
)  # fmt: skip


class Stand:
    """A stand-in refiner that returns the person nearest to a box's centre, or none."""

    name, weights_sha256, skeleton = "stand", "0" * 64, COCO17

    def __init__(self, *positions: tuple[float, float], score: float = 0.8):
        self.positions, self.score, self.boxes = positions, score, []

    def joints(self, image, boxes):
        self.boxes += [np.asarray(box) for box in boxes]
        keypoints, scores = np.zeros((len(boxes), 17, 2), np.float32), np.zeros((len(boxes), 17), np.float32)
        for i, box in enumerate(boxes):
            off = [np.abs(box[:2] - (x + 20, y + 50)).max() for x, y in self.positions]
            if off and min(off) < 40:
                keypoints[i], scores[i] = STANDING + self.positions[int(np.argmin(off))], self.score
        return keypoints, scores


def people(*positions: tuple[float, float], scores=None, joints: slice = slice(None)) -> People:
    keypoints = np.full((len(positions), 17, 2), np.nan, np.float32)
    for one, place in zip(keypoints, positions, strict=True):
        one[joints] = STANDING[joints] + place
    given = np.isfinite(keypoints[..., 0]).astype(np.float32) * 0.5
    points, given = convert(keypoints, given, COCO17, OPENPOSE18)
    score = np.asarray(scores if scores is not None else [0.5] * len(positions), np.float32)
    boxes = np.concatenate([np.nanmin(points, 1), np.nanmax(points, 1)], 1) if positions else np.empty((0, 4))
    return People(points, given, score, boxes.astype(np.float32))


def refinement_with(refiner: Stand, **settings) -> Refinement:
    return Refinement(refiner, RefinementSettings(**settings), OPENPOSE18, least_score=0.05)


def test_joints_are_refined_and_scores_combine_both_networks() -> None:
    refinement = refinement_with(Stand((103, 99)))
    seen = refinement.refine(IMAGE, people((100, 100), scores=[0.45]))
    np.testing.assert_allclose(seen.keypoints, people((103, 99)).keypoints)
    assert seen.person_scores == pytest.approx(np.sqrt(0.45 * 0.8)) and refinement.crops == 1
    np.testing.assert_allclose(seen.boxes, people((103, 99)).boxes)


def test_a_candidate_without_refined_joints_is_removed() -> None:
    seen = refinement_with(Stand((100, 100))).refine(IMAGE, people((100, 100), (400, 200)))
    assert len(seen) == 1
    assert len(refinement_with(Stand()).refine(IMAGE, people((100, 100)))) == 0
    assert len(refinement_with(Stand((100, 100))).refine(IMAGE, people())) == 0


def test_two_boxes_refined_to_one_person_become_the_better_one() -> None:
    found = people((100, 100), (112, 95), scores=[0.3, 0.6])
    seen = refinement_with(Stand((104, 98))).refine(IMAGE, found)
    assert len(seen) == 1 and seen.person_scores == pytest.approx(np.sqrt(0.6 * 0.8))


def test_an_uncertain_joint_is_missing_and_the_others_stay() -> None:
    refiner = Stand((100, 100))
    plain = refiner.joints

    def dim(image, boxes):
        keypoints, scores = plain(image, boxes)
        scores[:, [9, 15]] = 0.05
        return keypoints, scores

    refiner.joints = dim
    seen = refinement_with(refiner).refine(IMAGE, people((100, 100)))
    missing = {OPENPOSE18.joints[j] for j in np.flatnonzero(np.isnan(seen.keypoints[0, :, 0]))}
    assert missing == {"left_wrist", "left_ankle"}
    assert (seen.scores[0] == 0).sum() == 2
    all_of_them = refinement_with(refiner, min_joint_score=0.0).refine(IMAGE, people((100, 100)))
    assert np.isfinite(all_of_them.keypoints).all()


def test_an_expected_persons_box_is_used() -> None:
    refiner = Stand((100, 100))
    half = people((100, 100), joints=slice(0, 11))
    refinement_with(refiner).refine(IMAGE, half, expected=people((101, 102)))
    (box,) = refiner.boxes
    assert box[3] > 100  # the feet, which detection missed


def test_a_person_missed_by_detection_is_found_at_the_expected_box() -> None:
    refiner = Stand((100, 100), (400, 200))
    seen = refinement_with(refiner).refine(IMAGE, people((100, 100)), expected=people((100, 100), (402, 201)))
    assert len(seen) == 2 and len(refiner.boxes) == 2
    # Refinement alone does not raise a score.
    assert seen.person_scores.tolist() == pytest.approx([np.sqrt(0.5 * 0.8), 0.5])
    gone = refinement_with(Stand((100, 100))).refine(
        IMAGE, people((100, 100)), expected=people((100, 100), (402, 201))
    )
    assert len(gone) == 1


def test_people_beyond_the_budget_stay_as_detected() -> None:
    refiner = Stand((103, 99), (403, 199), (203, 99))
    found = people((100, 100), (400, 200), (200, 100), scores=[0.9, 0.4, 0.03])
    refinement = refinement_with(refiner, people=1)
    seen = refinement.refine(IMAGE, found)
    # One is refined, one stays, and one that is too uncertain without refinement is left out.
    assert len(refiner.boxes) == 1 and refinement.crops == 1 and refinement.unrefined == 1 and len(seen) == 2
    assert len(refinement_with(refiner).refine(IMAGE, found, budget=0)) == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"people": -1}, "people is -1"),
        ({"min_joint_score": 1.0}, "min_joint_score is 1.0"),
        ({"duplicate_oks": 0.0}, "duplicate_oks is 0.0"),
    ],
)
def test_settings_out_of_range_are_errors(settings: dict, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        RefinementSettings(**settings)


def test_no_track_is_kept_alive_by_refinement_alone() -> None:
    """After a person has left, refinement of the same box may still find one."""
    tracker = KalmanTracker(TrackerSettings(), OPENPOSE18)
    refinement = refinement_with(Stand((100, 100)))
    seen = []
    for frame in range(60):
        time = frame / 30
        first = people((100, 100)) if frame < 20 or frame == 24 else people()
        looked = refinement.refine(IMAGE, first, tracker.expected(time, searched=[0]))
        seen.append(len(tracker.update(frame, time, looked).track_ids))
    assert seen[:25] == [1] * 25  # also in frames where detection missed the person
    gone = 1 + max(frame for frame in range(60) if seen[frame])
    assert 25 < gone <= 25 + 0.5 * 30


def test_expected_people_are_refined_without_a_higher_score() -> None:
    refinement = refinement_with(Stand((103, 99), (300, 200)))
    expected = people((300, 200), (100, 100), scores=(0.4, 0.9))
    carried = refinement.refine_expected(IMAGE, expected, people())
    assert carried is not None and len(carried) == 2 == refinement.crops
    np.testing.assert_allclose(carried.person_scores, [np.sqrt(0.9 * 0.8), 0.4], atol=1e-6)
    found = carried.keypoints[0, OPENPOSE18.joints.index("nose")]
    np.testing.assert_allclose(found, STANDING[0] + (103, 99), atol=1e-3)


@pytest.mark.parametrize(
    "positions, limit",
    [([(100, 100)], None), ([(300, 200), (300, 205)], None), ([(100, 100), (300, 200)], 1)],
    ids=["one is gone", "both boxes settle on one", "one is over the budget"],
)
def test_an_uncertain_result_needs_detection(positions, limit) -> None:
    refinement = refinement_with(Stand(*positions[:1] if limit is None else positions))
    expected = people(*([(100, 100), (300, 200)] if len(positions) == 1 or limit else positions))
    assert refinement.refine_expected(IMAGE, expected, people(), limit) is None


def test_no_expected_people_give_no_people() -> None:
    refinement = refinement_with(Stand())
    carried = refinement.refine_expected(IMAGE, people(), people())
    assert carried is not None and len(carried) == 0 == refinement.crops


def test_people_of_the_next_image_are_found_where_nobody_is_known() -> None:
    refinement = refinement_with(Stand((100, 100), (300, 200)))
    later = people((500, 200), (303, 202), (102, 101), scores=(0.9, 0.4, 0.9))
    found, rows = refinement.refine_before(IMAGE, later, people((100, 100)))
    assert rows.tolist() == [1] and refinement.crops == 3
    np.testing.assert_allclose(found.person_scores, [0.4], atol=1e-6)
    np.testing.assert_allclose(found.keypoints[0, 0], STANDING[0] + (300, 200), atol=1e-3)


def test_people_of_the_next_image_are_within_the_limit() -> None:
    refinement = Refinement(Stand((100, 100), (300, 200)), RefinementSettings(people=2), OPENPOSE18)
    later = people((100, 100), (300, 200), scores=(0.4, 0.9))
    found, rows = refinement.refine_before(IMAGE, later, people((500, 200)))
    assert rows.tolist() == [1] and refinement.crops == 1
    assert len(refinement.refine_before(IMAGE, later, people((500, 200), (700, 200)))[0]) == 0


def test_parts_and_doubles_of_an_expected_person_get_no_crop() -> None:
    refinement = refinement_with(Stand((100, 100), (300, 200)))
    found = people((100, 100), (103, 100), (300, 200), (100, 103), scores=(0.9, 0.8, 0.7, 0.6))
    assert len(refinement.refine(IMAGE, found, expected=people((101, 100)))) == 2
    assert refinement.crops == 2
    refinement.refine(IMAGE, found, expected=people((500, 100)))
    assert refinement.crops == 2 + 5  # all four, and the expected one


def test_people_below_the_minimum_score_are_left_out() -> None:
    refinement = Refinement(Stand((100, 100), (300, 200)), RefinementSettings(), OPENPOSE18, least_score=0.6)
    found = refinement.refine(IMAGE, people((100, 100), (300, 200), scores=(0.9, 0.2)))
    np.testing.assert_allclose(found.person_scores, [np.sqrt(0.9 * 0.8)], atol=1e-6)


def test_a_lost_person_returns_where_no_other_person_is() -> None:
    refinement = refinement_with(Stand((100, 100), (300, 200)))
    lost = people((300, 200), (104, 100), (500, 200), scores=(0.3, 0.8, 0.8))
    carried = refinement.refine_expected(IMAGE, people((100, 100)), lost)
    assert carried is not None and refinement.crops == 4
    np.testing.assert_allclose(carried.person_scores, [0.5, 0.3], atol=1e-6)


def test_an_uncertain_person_needs_detection() -> None:
    refinement = refinement_with(Stand((100, 100), (300, 200)))
    both = people((100, 100), (300, 200))
    refinement.refine(IMAGE, people((100, 100)), expected=both)
    assert refinement.state.doubtful and refinement.refine_expected(IMAGE, both, people()) is None
    refinement.refine(IMAGE, both, expected=both)
    assert not refinement.state.doubtful and refinement.refine_expected(IMAGE, both, people()) is not None


def test_if_detection_is_too_early_the_people_are_returned() -> None:
    refinement = refinement_with(Stand((100, 100)))
    carried = refinement.refine_expected(IMAGE, people((100, 100), (300, 200)), people(), force=True)
    assert carried is not None and len(carried) == 1
    refinement.state.doubtful = True
    assert refinement.refine_expected(IMAGE, people((100, 100)), people(), force=True) is not None


class Centred(Stand):
    """A stand-in refiner whose score rises with the fit of the box, and is lower for half a person."""

    half = 0.12

    def joints(self, image, boxes):
        keypoints, scores = super().joints(image, boxes)
        heights = np.array([box[3] for box in boxes])
        return keypoints, np.where(heights[:, None] > 80, scores, np.minimum(scores, self.half))


@pytest.mark.parametrize("half", [0.12, 0.5])
def test_a_person_who_does_not_fill_the_detected_box_is_refined_again(half: float) -> None:
    refiner = Centred((100, 100))
    refiner.half = half
    refinement = refinement_with(refiner)
    seen = refinement.refine(IMAGE, people((100, 100), joints=slice(0, 11)))
    assert refinement.crops == 2 and refiner.boxes[1][3] > 80
    assert seen.person_scores == pytest.approx(np.sqrt(0.5 * 0.8))
    refinement.refine(IMAGE, people((100, 100), joints=slice(0, 11)), expected=people((100, 100)))
    assert refinement.crops == 3  # a box around the expected joints fits as well


def test_the_more_certain_of_two_rounds_is_used() -> None:
    refiner = Centred((100, 100))
    refiner.joints = lambda image, boxes: tuple(
        part * (1 if boxes[0][3] < 80 or i == 0 else 0.5) for i, part in enumerate(Stand.joints(refiner, image, boxes))
    )  # fmt: skip
    refinement = refinement_with(refiner)
    seen = refinement.refine(IMAGE, people((100, 100), joints=slice(0, 11)))
    assert refinement.crops == 2 and seen.person_scores == pytest.approx(np.sqrt(0.5 * 0.8))


def test_a_person_uncertain_in_both_rounds_is_removed() -> None:
    refinement = refinement_with(Stand((100, 100), score=0.12))
    assert (
        len(refinement.refine(IMAGE, people((100, 100), joints=slice(0, 11)))) == 0 and refinement.crops == 2
    )


def test_a_box_that_hardly_moves_is_kept() -> None:
    refiner = Stand((100, 100), (300, 200))
    refinement = refinement_with(refiner)
    first = people((100, 100), (300, 200))
    refinement.refine(IMAGE, first, expected=first)
    refinement.refine(IMAGE, first, expected=people((100.5, 101), (312, 200)))
    refinement.refine_expected(IMAGE, people((101, 100), (312.5, 201)), people())
    before, then, carried = (np.array(refiner.boxes[i : i + 2]) for i in (0, 2, 4))
    np.testing.assert_array_equal(then[0], before[0])
    assert then[1][0] == before[1][0] + 12
    np.testing.assert_array_equal(carried, then)
    refinement.refine(IMAGE, people((102, 100)))  # no person is expected: the detected box is used
    assert refiner.boxes[6][0] == before[0][0] + 2


class Turned(Stand):
    """A stand-in that finds people only in crops in which they stand upright, as the networks do."""

    def __init__(self, *poses: np.ndarray):
        self.poses, self.boxes = poses, []

    def joints(self, image, boxes):
        self.boxes += [np.asarray(box) for box in boxes]
        keypoints, scores = np.zeros((len(boxes), 17, 2), np.float32), np.zeros((len(boxes), 17), np.float32)
        for i, box in enumerate(boxes):
            for pose in self.poses:
                upright = abs((orientation(pose[None], COCO17)[0][0] - box[4] + 180) % 360 - 180) < 70
                if upright and np.abs(pose.mean(0) - box[:2]).max() < 40:
                    keypoints[i], scores[i] = pose, 0.8
        return keypoints, scores


def pose_at(place: tuple[float, float], angle: float) -> np.ndarray:
    return ((STANDING - (20, 50)) @ rotation(angle).T + place).astype(np.float32)


def candidates(*poses: np.ndarray, score: float = 0.5) -> People:
    points, given = convert(np.array(poses), np.full((len(poses), 17), 0.5), COCO17, OPENPOSE18)
    boxes = np.concatenate([np.nanmin(points, 1), np.nanmax(points, 1)], 1)
    return People(
        points.astype(np.float32), given.astype(np.float32), np.full(len(poses), score, np.float32), boxes
    )


@pytest.mark.parametrize("angle", [0, 50, 90, 130, 180, -90, -120])
def test_a_crop_is_turned_with_its_person_and_left_stays_left(angle: float) -> None:
    pose = pose_at((200, 200), angle)
    refinement = refinement_with(Turned(pose))
    seen = refinement.refine(IMAGE, candidates(pose))
    expected = convert(pose[None], np.ones((1, 17)), COCO17, OPENPOSE18)[0]
    np.testing.assert_allclose(seen.keypoints, expected, atol=1e-3)
    assert refinement.refiner.boxes[0][4] % 90 == 0


def test_a_turn_stays_while_a_person_leans_a_little_from_it() -> None:
    """Crops that turn back and forth would make joints tremble."""
    refinement, turns = None, []
    for angle in (60, 75, 90, 70, 50, 30, 10):
        pose = pose_at((200, 200), angle)
        refinement = refinement or refinement_with(Turned(pose))
        refinement.refiner = Turned(pose)
        assert len(refinement.refine(IMAGE, candidates(pose), expected=candidates(pose))) == 1
        turns.append(float(refinement.refiner.boxes[0][4]))
    assert turns == [0, 90, 90, 90, 90, 90, 0]


def test_a_photo_does_not_depend_on_the_one_before() -> None:
    lying, leaning = pose_at((200, 200), 90), pose_at((200, 200), 60)
    refinement = refinement_with(Turned(lying))
    refinement.refine(IMAGE, candidates(lying))
    refinement.refiner = Turned(leaning)
    refinement.refine(IMAGE, candidates(leaning))
    assert refinement.refiner.boxes[0][4] == 0


def test_a_person_seen_the_wrong_way_up_too_is_one_person() -> None:
    right, wrong = pose_at((200, 200), 0), pose_at((200, 200), 180)
    found = People.joined(candidates(right, score=0.6), candidates(wrong, score=0.5))
    seen = refinement_with(Turned(right, wrong)).refine(IMAGE, found)
    assert len(seen) == 1
    np.testing.assert_allclose(seen.keypoints, convert(right[None], np.ones((1, 17)), COCO17, OPENPOSE18)[0])
    # Two people who lie beside each other, head to feet, are two.
    beside = pose_at((260, 200), 180)
    assert len(refinement_with(Turned(right, beside)).refine(IMAGE, candidates(right, beside))) == 2


def test_a_person_who_is_not_upright_counts_only_if_refined() -> None:
    standing, lying = pose_at((100, 100), 0), pose_at((300, 200), 90)
    found = People.joined(candidates(standing, score=0.5), candidates(lying, score=0.45))
    assert len(refinement_with(Turned(standing, lying), people=1).refine(IMAGE, found)) == 1
    assert len(refinement_with(Turned(standing, lying), people=2).refine(IMAGE, found)) == 2


def test_a_whole_body_counts_by_its_body() -> None:
    whole = SKELETONS["coco-wholebody133"]

    class WholeStand(Stand):
        """Finds the same person with hands and face, which nobody sees."""

        skeleton = whole

        def joints(self, image, boxes):
            keypoints, scores = super().joints(image, boxes)
            keypoints, scores = convert(keypoints, scores, COCO17, whole)
            scores[:, 17:23] = scores[:, :1]  # feet
            keypoints[:, 17:23] = keypoints[:, 15:16]
            return np.nan_to_num(keypoints), scores

    body, stand = people((100, 100)), WholeStand((100, 100))
    keypoints, scores = convert(body.keypoints, body.scores, OPENPOSE18, whole)
    refinement = Refinement(stand, RefinementSettings(), whole, least_score=0.05)
    found = refinement.refine(IMAGE, replace(body, keypoints=keypoints, scores=scores))
    assert found.keypoints.shape == (1, 133, 2)
    assert np.isfinite(found.keypoints[0, :23]).all() and np.isnan(found.keypoints[0, 23:]).all()
    assert found.person_scores == pytest.approx(np.sqrt(0.5 * 0.8))


def test_a_body_alone_counts_by_the_mean_of_its_joint_scores_to_the_bit() -> None:
    scores = np.random.default_rng(0).uniform(0.3, 1, (12, 17)).astype(np.float32)

    class Uneven(Stand):
        def joints(self, image, boxes):
            return super().joints(image, boxes)[0], scores[: len(boxes)]

    places = [(x, y) for x in (20, 140, 260, 380) for y in (20, 150, 280)]
    seen = refinement_with(Uneven(*places)).refine(IMAGE, people(*places, scores=[0.4] * 12))
    assert set(seen.person_scores.tolist()) == set(np.sqrt(np.float32(0.4) * scores.mean(1)).tolist())
