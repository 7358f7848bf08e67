from __future__ import annotations

import numpy as np
import pytest

from skelstream.estimation.views import TURNS, merged, turns_of
from skelstream.people import People
from skelstream.skeleton import OPENPOSE18

from ..refinement.test_refinement import candidates, pose_at


@pytest.mark.parametrize(
    ("orientations", "photo", "turns"),
    [(1, True, (0,)), (4, False, TURNS), (4, True, TURNS), ("auto", True, TURNS), ("auto", False, (0,))],
)
def test_photos_have_four_views_by_default_and_frames_one(orientations, photo, turns):
    assert turns_of(orientations, photo) == turns


def nobody() -> People:
    return People.none(18)


def test_one_view_is_left_as_it_is():
    people = candidates(pose_at((100, 100), 150))
    assert merged({0: people}, OPENPOSE18) is people


def test_a_person_counts_in_the_view_in_which_they_stand():
    lying = candidates(pose_at((300, 200), 90), score=0.4)
    standing = candidates(pose_at((100, 100), 0), score=0.8)
    found = merged({0: standing, 90: lying, 180: nobody(), 270: lying}, OPENPOSE18)
    assert len(found) == 2
    assert found.person_scores == pytest.approx([0.8, 0.4 * 0.4**2 / 0.8**2])
    assert len(merged({0: standing, 90: lying}, OPENPOSE18, least_score=0.2)) == 1


def test_one_person_in_two_views_is_one():
    leaning = pose_at((100, 100), 44)
    found = merged({0: candidates(leaning, score=0.5), 90: candidates(leaning + 1, score=0.2)}, OPENPOSE18)
    assert found.person_scores == pytest.approx([0.5])


@pytest.mark.parametrize("turn", TURNS)
def test_an_image_turned_as_a_whole_gives_the_same_people(turn):
    poses = [pose_at((100, 100), turn + 10), pose_at((300, 200), turn - 20)]
    views = dict.fromkeys(TURNS, nobody()) | {
        turn: candidates(*poses, score=0.6),
        (turn + 180) % 360: candidates(pose_at((200, 100), turn + 180), score=0.3),
    }
    found = merged(views, OPENPOSE18)
    assert found.person_scores == pytest.approx([0.6, 0.6, 0.3 * 0.3**2 / (2 * 0.6**2)])


def test_nobody_in_any_view():
    assert len(merged(dict.fromkeys(TURNS, nobody()), OPENPOSE18)) == 0


def test_scores_and_joints_stay_together():
    one, other = candidates(pose_at((100, 100), 0), score=0.3), candidates(pose_at((300, 200), 0), score=0.9)
    found = merged({0: People.joined(one, other), 90: nobody()}, OPENPOSE18)
    np.testing.assert_array_equal(found.keypoints[0], other.keypoints[0])
