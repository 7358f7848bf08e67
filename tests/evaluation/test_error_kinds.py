from __future__ import annotations

import numpy as np
import pytest

from skelstream.evaluation.error_kinds import KINDS, diagnose
from skelstream.evaluation.scoring import score
from skelstream.skeleton import COCO17

WRIST, NOSE = COCO17.index("left_wrist"), COCO17.index("nose")


def _diagnosis(load, results, annotations):
    return diagnose(score(load(annotations), results))


def _kind(diagnosis, joint: int) -> str:
    (kind,) = np.flatnonzero(diagnosis.kinds[joint])
    return KINDS[kind]


@pytest.mark.parametrize(
    ("similarity", "kind"),
    [(1.0, "good"), (0.86, "good"), (0.84, "jitter"), (0.51, "jitter"), (0.49, "miss")],
)
@pytest.mark.parametrize("joint", [NOSE, WRIST])
def test_the_distance_decides_between_good_jitter_and_miss(scene, load, joint, similarity, kind):
    row = scene.annotation(1, 1, (200, 100))
    move = np.zeros((17, 2))
    move[joint, 1] = -scene.distance_of(similarity, joint)
    diagnosis = _diagnosis(load, [scene.result(row, move=move)], [row])
    assert _kind(diagnosis, joint) == kind
    assert diagnosis.kinds[:, 0].sum() == 17 - (kind != "good")
    assert not diagnosis.missing.any()


def test_a_person_left_for_right_is_inverted(scene, load):
    row = scene.annotation(1, 1, (200, 100))
    mirrored = np.asarray(row["keypoints"]).reshape(17, 3)[list(COCO17.flip_order)]
    diagnosis = _diagnosis(load, [{**scene.result(row), "keypoints": mirrored.ravel().tolist()}], [row])
    assert _kind(diagnosis, NOSE) == "good"
    # Limb joints, apart by more than their tolerance, all lie on the other side's.
    assert all(_kind(diagnosis, joint) == "inversion" for joint in range(5, 17))


def test_a_joint_on_another_person_is_a_swap(scene, load):
    rows = [scene.annotation(1, 1, (0, 100)), scene.annotation(2, 1, (200, 100))]
    move = np.zeros((17, 2))
    move[WRIST] = [200, 0]
    taken = scene.result(rows[0], move=move)
    diagnosis = _diagnosis(load, [taken], rows)
    assert _kind(diagnosis, WRIST) == "swap"
    # Also on the other person's opposite joint.
    move[WRIST] = scene.standing[COCO17.index("right_wrist")] + [200, 0] - scene.standing[WRIST]
    assert _kind(_diagnosis(load, [scene.result(rows[0], move=move)], rows), WRIST) == "swap"
    assert (diagnosis.matched, diagnosis.missed, diagnosis.spurious) == (1, 1, 0)


def test_joints_that_the_estimate_lacks_are_misses_without_a_distance(scene, load):
    # The labelled wrist is so near the corner that (0, 0) would pass for a good guess.
    row = scene.annotation(1, 1, -scene.standing[WRIST] + 1)
    estimate = scene.result(row)
    estimate["keypoints"][3 * WRIST : 3 * WRIST + 3] = [0, 0, 0]
    diagnosis = _diagnosis(load, [estimate], [row])
    assert _kind(diagnosis, WRIST) == "miss"
    assert diagnosis.missing.tolist() == [int(j == WRIST) for j in range(17)]
    assert np.isnan(diagnosis.distance[WRIST])
    assert diagnosis.distance[NOSE] == 0


def test_distances_in_pixels_and_in_percent_of_size(scene, load):
    rows = [scene.annotation(1, 1, (0, 0)), scene.annotation(2, 2, (0, 0))]
    results = [scene.result(r, move=(d, 0)) for r, d in zip(rows, (2, 4), strict=True)]
    diagnosis = _diagnosis(load, results, rows)
    np.testing.assert_allclose(diagnosis.distance, 3)
    np.testing.assert_allclose(diagnosis.relative, 3)  # the square root of 10,000 square pixels is 100


def test_unlabelled_joints_have_no_kind(scene, load):
    row = scene.annotation(1, 1, (0, 0), labelled=np.arange(17) > 4)
    diagnosis = _diagnosis(load, [scene.result(row, move=(1, 1))], [row])
    assert diagnosis.kinds[:5].sum() == 0
    assert np.isnan(diagnosis.shares[:5]).all()
    np.testing.assert_allclose(diagnosis.shares[-1], [100, 0, 0, 0, 0])


def test_matched_missed_and_spurious_people(scene, load):
    rows = [scene.annotation(1, 1, (0, 0)), scene.annotation(2, 2, (0, 0))]
    crowd = scene.annotation(3, 2, (400, 200), labelled=[False] * 17, iscrowd=1)
    results = [
        scene.result(rows[0], 0.9),
        scene.result(rows[0], 0.8),  # the same person again
        scene.result(scene.annotation(4, 1, (400, 200)), 0.7),
        scene.result(scene.annotation(5, 2, (410, 210)), 0.6),  # in the crowd
    ]
    diagnosis = _diagnosis(load, results, [*rows, crowd])
    assert (diagnosis.matched, diagnosis.missed, diagnosis.spurious) == (1, 1, 2)


def test_nothing_estimated(scene, load):
    diagnosis = _diagnosis(load, [], [scene.annotation(1, 1, (0, 0))])
    assert (diagnosis.matched, diagnosis.missed, diagnosis.spurious) == (0, 1, 0)
    assert np.isnan(diagnosis.shares).all()
    assert np.isnan(diagnosis.distance).all()
