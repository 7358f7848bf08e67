from __future__ import annotations

import numpy as np
import pytest

from skelstream.geometry.letterbox import Letterbox
from skelstream.grouping.assembly import assemble
from skelstream.grouping.candidates import Candidates
from skelstream.people import People
from skelstream.settings.grouping import GroupingSettings
from skelstream.skeleton import BODY25, COCO17, DENSE18, OPENPOSE18

WHOLE = Letterbox.scaled(1, 1)
LOOSE = GroupingSettings(min_joints=2, min_person_score=0)


def candidates(peaks: list[tuple], limbs: list[tuple], stride: int = 1) -> Candidates:
    """Candidates from rows (joint, x, y, score) and (limb, a, b, score), already in order."""
    peak = np.array(peaks, np.float32).reshape(-1, 4)
    limb = np.array(limbs, np.float32).reshape(-1, 4)
    return Candidates(
        peak[:, 1:3],
        peak[:, 3],
        peak[:, 0].astype(np.int32),
        limb[:, :3].astype(np.int32),
        limb[:, 3],
        stride,
    )


def joints(people: People) -> list[set[int]]:
    return [set(np.flatnonzero(s)) for s in people.scores]


@pytest.mark.slow
def test_same_people_as_the_reference_on_random_candidates(reference, scenes) -> None:
    rng = np.random.default_rng(0)
    seen = repeats = 0
    for number in range(3000):
        scene = scenes.random_candidates(rng)
        scale = (rng.uniform(1, 9), rng.uniform(1, 9))
        settings = GroupingSettings(
            min_joints=int(rng.integers(2, 5)), min_person_score=float(rng.uniform(0, 0.3)), duplicate_oks=0.6,
            double_peak=rng.choice([0, 0.15, 0.6]),
        )  # fmt: skip
        peaks = [
            reference.Peak(int(j), float(x), float(y), float(s))
            for j, (x, y), s in zip(scene.joints, scene.peaks, scene.peak_scores, strict=True)
        ]
        limbs = [
            reference.Limb(*map(int, row), float(s))
            for row, s in zip(scene.limbs, scene.limb_scores, strict=True)
        ]
        grouped = reference.connect(limbs, peaks, OPENPOSE18, settings)
        expected = reference.finish(grouped, peaks, OPENPOSE18, scale, settings)
        people = assemble(
            scene,
            OPENPOSE18,
            letterbox=Letterbox.scaled(*(scene.stride / side for side in scale)),
            settings=settings,
        )
        assert len(people) == len(expected), number
        for i, (score, person) in enumerate(expected):
            wanted = np.full((18, 3), (np.nan, np.nan, 0))
            for joint, values in person.items():
                wanted[joint] = values
            np.testing.assert_allclose(people.keypoints[i], wanted[:, :2], rtol=1e-4, err_msg=str(number))
            np.testing.assert_array_equal(people.scores[i], wanted[:, 2].astype(np.float32))
            assert people.person_scores[i] == pytest.approx(score, abs=1e-6)
        seen += len(people)
        everyone = reference.finish(
            grouped, peaks, OPENPOSE18, scale, GroupingSettings(**{**vars(settings), "duplicate_oks": 1.0})
        )
        repeats += len(everyone) > len(expected)
    assert seen > 4000 and repeats > 100  # the scenes hold people, and some of them twice


def test_nothing_gives_no_people() -> None:
    people = assemble(candidates([], []), OPENPOSE18, letterbox=WHOLE)
    assert people.keypoints.shape == (0, 18, 2) and people.boxes.shape == (0, 4)
    people = assemble(candidates([(0, 3, 3, 0.9)], []), OPENPOSE18, letterbox=WHOLE, settings=LOOSE)
    assert len(people) == 0


def test_values_of_one_person() -> None:
    scene = candidates(
        [(1, 10, 4, 0.9), (2, 6, 5, 0.6), (5, 14, 5.5, 0.3)], [(0, 0, 1, 0.7), (1, 0, 2, 0.8)], stride=4
    )
    people = assemble(scene, OPENPOSE18, letterbox=Letterbox.scaled(1, 2))
    assert people.keypoints.dtype == people.scores.dtype == np.float32
    assert people.person_scores.dtype == people.boxes.dtype == np.float32
    np.testing.assert_allclose(people.keypoints[0, [1, 2, 5]], [(41.5, 8.5), (25.5, 10.5), (57.5, 11.5)])
    assert np.isnan(people.keypoints[0, 0]).all()
    np.testing.assert_allclose(people.person_scores, [1.8 / 18])
    np.testing.assert_allclose(people.boxes, [(25.5, 8.5, 57.5, 11.5)])
    for settings in (GroupingSettings(min_joints=4), GroupingSettings(min_person_score=0.11)):
        assert len(assemble(scene, OPENPOSE18, letterbox=Letterbox.scaled(1, 2), settings=settings)) == 0


def test_the_better_limb_wins_and_ties_go_to_the_first() -> None:
    peaks = [(1, 0, 0, 1), (1, 9, 0, 1), (2, 1, 0, 1), (2, 8, 0, 1)]
    rivals = [(0, 0, 3, 0.9), (0, 0, 2, 0.8), (0, 1, 3, 0.7), (0, 1, 2, 0.1)]
    people = assemble(candidates(peaks, rivals), OPENPOSE18, letterbox=WHOLE, settings=LOOSE)
    assert sorted(map(tuple, people.keypoints[:, (1, 2), 0])) == [(0, 8), (9, 1)]
    tied = [(0, 0, 2, 0.5), (0, 0, 3, 0.5), (0, 1, 2, 0.5), (0, 1, 3, 0.5)]
    people = assemble(candidates(peaks, tied), OPENPOSE18, letterbox=WHOLE, settings=LOOSE)
    assert sorted(map(tuple, people.keypoints[:, (1, 2), 0])) == [(0, 1), (9, 8)]


def test_parts_without_a_common_joint_become_one_person() -> None:
    peaks = [(0, 5, 0, 1), (1, 5, 4, 1), (2, 3, 4, 1), (3, 2, 6, 1), (14, 4, 0, 1)]
    arm, face, neck_to_nose = (2, 2, 3, 1), (13, 0, 4, 1), (12, 1, 0, 1)
    assert joints(assemble(candidates(peaks, [arm, face]), OPENPOSE18, letterbox=WHOLE, settings=LOOSE)) == [
        {2, 3},
        {0, 14},
    ]
    joined = candidates(peaks, [(0, 1, 2, 1), arm, neck_to_nose, face])
    assert joints(assemble(joined, OPENPOSE18, letterbox=WHOLE)) == [{0, 1, 2, 3, 14}]


def test_the_surest_limb_of_all_kinds_comes_first() -> None:
    # Two necks want one shoulder: the second is the surer by its peaks, though the first limb has the better score.
    peaks = [(1, 0, 0, 0.2), (1, 9, 0, 0.9), (2, 4, 0, 0.9), (3, 4, 4, 0.9)]
    rivals = [(0, 0, 2, 0.6), (0, 1, 2, 0.5), (2, 2, 3, 0.5)]
    people = assemble(candidates(peaks, rivals), OPENPOSE18, letterbox=WHOLE, settings=LOOSE)
    assert joints(people) == [{1, 2, 3}] and people.keypoints[0, 1, 0] == 9


def test_an_ear_joins_by_its_shoulder() -> None:
    peaks = [(1, 5, 4, 1), (2, 3, 4, 1), (16, 4, 1, 1)]
    seen_from_behind = candidates(peaks, [(0, 0, 1, 1), (17, 1, 2, 1)])
    assert joints(assemble(seen_from_behind, OPENPOSE18, letterbox=WHOLE)) == [{1, 2, 16}]


def test_dense_limbs_keep_a_person_whole_without_neck_and_elbow() -> None:
    whole = [
        (0, 5, 0), (2, 3, 4), (4, 0, 9), (5, 7, 4), (6, 8, 6), (8, 4, 10), (10, 4, 18), (11, 6, 10), (14, 4, 0),
    ]  # fmt: skip
    peaks = [(*joint, 1) for joint in whole]
    row = {joint: i for i, (joint, _, _) in enumerate(whole)}
    limbs = [(i, row[a], row[b], 0.5) for i, (a, b) in enumerate(DENSE18.limbs) if a in row and b in row]
    dense = assemble(candidates(peaks, limbs), DENSE18, letterbox=WHOLE)
    assert joints(dense) == [set(row)]
    few = [limb for limb in limbs if limb[0] < len(OPENPOSE18.limbs)]
    assert all(j != set(row) for j in joints(assemble(candidates(peaks, few), OPENPOSE18, letterbox=WHOLE)))


@pytest.mark.parametrize(
    ("apart", "double_peak", "found"), [(1, 0.15, 1), (1, 0.02, 2), (6, 0.15, 2), (0, 0, 1)]
)
def test_a_joint_found_twice_does_not_part_a_person(apart: float, double_peak: float, found: int) -> None:
    # Head with one neck, arms with another, and an ear-shoulder limb between the two parts; the extent is 23.
    peaks = [
        (0, 5, 0, 0.9), (1, 5, 4, 0.6), (1, 5 + apart, 4, 0.8), (2, 0, 5, 0.9), (3, 0, 15, 0.9), (4, 0, 22, 0.9),
        (14, 4, 0, 0.9), (16, 3, 0, 0.9),
    ]  # fmt: skip
    limbs = [
        (0, 2, 3, 0.9),
        (2, 3, 4, 0.9),
        (3, 4, 5, 0.9),
        (12, 1, 0, 0.9),
        (13, 0, 6, 0.9),
        (14, 6, 7, 0.9),
    ]
    scene = candidates(peaks, [*limbs, (17, 3, 7, 0.3)])
    settings = GroupingSettings(min_joints=2, min_person_score=0, double_peak=double_peak)
    people = assemble(scene, OPENPOSE18, letterbox=WHOLE, settings=settings)
    assert len(people) == found
    if found == 1:
        assert joints(people) == [{0, 1, 2, 3, 4, 14, 16}]
        assert people.scores[0, 1] == pytest.approx(0.8) and people.keypoints[0, 1, 0] == 5 + apart


def test_a_limb_far_too_long_for_its_person_is_refused() -> None:
    peaks = [(1, 0, 0, 1), (2, 3, 0, 1), (3, 3, 5, 1), (4, 3, 40, 1), (4, 3, 10, 0.5)]
    arm, far, near = (2, 1, 2, 0.9), (3, 2, 3, 0.8), (3, 2, 4, 0.3)
    people = assemble(candidates(peaks, [(0, 0, 1, 0.9), arm, far, near]), OPENPOSE18, letterbox=WHOLE)
    assert joints(people) == [{1, 2, 3, 4}] and people.keypoints[0, 4, 1] == 10
    people = assemble(candidates(peaks, [(0, 0, 1, 0.9), arm, far]), OPENPOSE18, letterbox=WHOLE)
    assert joints(people) == [{1, 2, 3}]


def test_a_limb_refused_too_early_gets_another_chance() -> None:
    # The surest limb is foreshortened; by it alone the next one would be too long, by the whole arm it is not.
    peaks = [(1, 0, 0, 1), (2, 0.2, 0, 1), (3, 0, 10, 1), (5, -1, 0, 1), (6, -1, 10, 1)]
    limbs = [(0, 0, 1, 0.9), (1, 0, 3, 0.5), (2, 1, 2, 0.7), (4, 3, 4, 0.6)]
    people = assemble(candidates(peaks, limbs), OPENPOSE18, letterbox=WHOLE)
    assert joints(people) == [{1, 2, 3, 5, 6}]


def test_people_who_share_most_joints_stay_two() -> None:
    peaks = [
        (j, x, y, 1) for j, x, y in [(1, 0, 0), (1, 0.1, 0), (2, 1, 0), (2, 1.1, 0), (3, 1, 50), (3, 1.1, 50)]
    ]
    limbs = [(0, 0, 2, 1), (0, 1, 3, 1), (2, 2, 4, 1), (2, 3, 5, 1), (2, 2, 5, 0.1)]
    settings = GroupingSettings(min_person_score=0, duplicate_oks=1, limb_ratio=1e3)
    assert len(assemble(candidates(peaks, limbs), OPENPOSE18, letterbox=WHOLE, settings=settings)) == 2


def test_an_ear_by_the_shoulder_replaces_nothing() -> None:
    peaks = [(0, 5, 0, 1), (1, 5, 4, 1), (2, 3, 4, 1), (14, 4, 0, 1), (16, 4, 1, 1), (16, 2, 1, 0.5)]
    face = [(0, 1, 2, 1), (12, 1, 0, 1), (13, 0, 3, 1), (14, 3, 4, 1)]
    people = assemble(candidates(peaks, [*face, (17, 2, 5, 1)]), OPENPOSE18, letterbox=WHOLE)
    assert joints(people) == [{0, 1, 2, 14, 16}]
    assert people.keypoints[0, 16, 0] == 4


def test_a_stray_ear_limb_neither_merges_nor_mixes_two_people() -> None:
    left = [(0, 10, 4, 1), (1, 10, 10, 1), (2, 8, 10, 1), (14, 9, 3, 1), (16, 8, 4, 1)]
    peaks = sorted(left + [(j, x + 20, y, s) for j, x, y, s in left])
    limbs = [
        (limb, 2 * a + p, 2 * b + p, 1)
        for limb, a, b in ((0, 1, 2), (12, 1, 0), (13, 0, 3), (14, 3, 4))
        for p in (0, 1)
    ]
    stray = [(17, 4, 9, 1), (17, 5, 8, 1)]
    people = assemble(candidates(peaks, limbs + stray), OPENPOSE18, letterbox=WHOLE)
    assert joints(people) == [{0, 1, 2, 14, 16}] * 2
    assert sorted(people.keypoints[:, 16, 0]) == [8, 28]
    np.testing.assert_array_equal(people.keypoints[:, 2, 0], people.keypoints[:, 16, 0])


@pytest.mark.parametrize(("apart", "found"), [(0.3, 1), (30, 2)])
def test_the_same_person_twice_is_one(scenes, apart: float, found: int) -> None:
    pose = scenes.STANDING * 60 + 50
    peaks, limbs = [], []
    for joint, (x, y) in enumerate(pose):
        peaks += [(joint, x, y, 0.9), (joint, x + apart, y, 0.5)]
    for limb, (a, b) in enumerate(OPENPOSE18.limbs):
        limbs += [(limb, 2 * a, 2 * b, 0.9), (limb, 2 * a + 1, 2 * b + 1, 0.8)]
    people = assemble(candidates(peaks, limbs), OPENPOSE18, letterbox=WHOLE)
    assert len(people) == found
    np.testing.assert_allclose(people.person_scores, [0.9, 0.5][:found], rtol=1e-5)


@pytest.mark.parametrize("skeleton", [OPENPOSE18, COCO17, BODY25])
def test_one_whole_person_in_every_joint_set(skeleton) -> None:
    rng = np.random.default_rng(3)
    peaks = [(j, *rng.uniform(0, 40, 2), 1) for j in range(len(skeleton))]
    limbs = [(i, a, b, 0.5) for i, (a, b) in enumerate(skeleton.limbs)]
    settings = GroupingSettings(limb_ratio=1e3)  # at random places
    people = assemble(candidates(peaks, limbs), skeleton, letterbox=WHOLE, settings=settings)
    assert joints(people) == [set(range(len(skeleton)))]
    assert people.person_scores.tolist() == [1.0]
