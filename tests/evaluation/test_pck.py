from __future__ import annotations

import numpy as np
import pytest

from skelstream.evaluation.pck import pck
from skelstream.evaluation.scoring import score
from skelstream.skeleton import COCO17

ANKLE = COCO17.index("left_ankle")
# Left shoulder (75, 45) to right hip (32, 115).
TORSO = np.hypot(75 - 32, 45 - 115)


def _pck(load, results, annotations, fraction=0.2):
    return pck(score(load(annotations), results), fraction)


@pytest.mark.parametrize(("share", "correct"), [(0.199, True), (0.201, False)])
def test_a_joint_counts_within_a_fifth_of_the_torso(scene, load, share, correct):
    row = scene.annotation(1, 1, (100, 50))
    move = np.zeros((17, 2))
    move[ANKLE] = [0, share * TORSO]
    scores = _pck(load, [scene.result(row, move=move)], [row])
    assert scores.joints["ankle"] == (100 if correct else 50)
    assert scores.total == pytest.approx(100 if correct else 100 * 11 / 12)
    assert _pck(load, [scene.result(row, move=move)], [row], 0.1).joints["ankle"] == 50


def test_the_face_does_not_count(scene, load):
    row = scene.annotation(1, 1, (100, 50))
    move = np.where(np.arange(17)[:, None] < 5, 500.0, 0.0)
    assert _pck(load, [scene.result(row, move=move)], [row]).total == 100


def test_bystanders_do_not_take_the_place_of_the_labelled_person(scene, load):
    row = scene.annotation(1, 1, (0, 0))
    bystander = scene.result(row, score=2.0, move=(300, 100))
    assert _pck(load, [bystander, scene.result(row, 0.1)], [row]).total == 100


def test_nobody_found_is_all_wrong(scene, load):
    rows = [scene.annotation(1, 1, (0, 0)), scene.annotation(2, 2, (0, 0))]
    scores = _pck(load, [scene.result(rows[0])], rows)
    assert (scores.total, scores.persons) == (50, 2)


def test_joints_that_the_estimate_lacks_are_wrong_even_in_the_corner(scene, load):
    row = scene.annotation(1, 1, -scene.standing[ANKLE])
    estimate = scene.result(row)
    assert estimate["keypoints"][3 * ANKLE : 3 * ANKLE + 2] == [0, 0]
    assert _pck(load, [estimate], [row]).joints["ankle"] == 50


def test_people_without_a_torso_are_left_out_and_counted(scene, load):
    row = scene.annotation(1, 1, (0, 0))
    no_hip = scene.annotation(2, 2, (0, 0), labelled=np.arange(17) != COCO17.index("right_hip"))
    scores = _pck(load, [scene.result(row)], [row, no_hip])
    assert (scores.total, scores.persons, scores.without_torso) == (100, 1, 1)
    assert np.isnan(_pck(load, [], [no_hip]).total)
