from __future__ import annotations

import numpy as np
import pytest

from skelstream.geometry.letterbox import rotation
from skelstream.geometry.orientation import nearest_turns, orientation
from skelstream.skeleton import COCO17, OPENPOSE18, convert

from ..refinement.test_refinement import STANDING


@pytest.mark.parametrize("angle", [-170, -91, -45, -3, 0, 30, 88, 135, 179])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_turned_person_is_turned_by_that_angle(angle: int, mirrored: bool) -> None:
    """From the front and from behind: what is left and right does not matter."""
    standing = STANDING * (-1, 1) if mirrored else STANDING
    turns, agreement = orientation((standing @ rotation(angle).T + 300)[None], COCO17)
    assert (turns[0] - angle + 180) % 360 - 180 == pytest.approx(0, abs=4)
    assert agreement[0] > 0.9


def test_a_part_of_a_person_is_enough() -> None:
    for part in (slice(0, 7), slice(5, 13), slice(11, 17)):
        seen = np.full((1, 17, 2), np.nan)
        seen[0, part] = (STANDING @ rotation(90).T)[part]
        assert orientation(seen, COCO17)[0][0] == pytest.approx(90, abs=12)


def test_joints_that_say_nothing_have_no_agreement() -> None:
    seen = np.full((3, 17, 2), np.nan)
    seen[1, 9] = seen[2, 0] = (5, 5)
    turns, agreement = orientation(seen, COCO17)
    assert agreement.tolist() == [0, 0, 0] and np.isfinite(turns).all()
    assert nearest_turns(seen, COCO17).tolist() == [0, 0, 0]
    assert len(orientation(np.empty((0, 17, 2)), COCO17)[0]) == 0


def test_the_nearest_view_is_that_in_which_a_person_stands() -> None:
    people = np.array([STANDING @ rotation(angle).T for angle in (0, 40, 50, 90, 178, -178, -80, -40)])
    assert nearest_turns(people, COCO17).tolist() == [0, 0, 90, 90, 180, 180, 270, 0]
    joints = convert(people, np.ones(people.shape[:2]), COCO17, OPENPOSE18)[0]
    assert nearest_turns(joints, OPENPOSE18).tolist() == [0, 0, 90, 90, 180, 180, 270, 0]
