from __future__ import annotations

import numpy as np
import pytest

from skelstream.drawing.colors import PALETTE, side_shade, text_on, track_color
from skelstream.drawing.skeletons import (
    Style,
    draw_label,
    draw_people,
    figure_limbs,
    limb_side,
    limb_width,
    person_size,
)
from skelstream.skeleton import COCO17, OPENPOSE18, SKELETONS


def person(x=100.0, y=100.0, height=120.0, joints=18):
    """A person of scattered joints within a box of that height."""
    rng = np.random.default_rng(3)
    points = rng.random((joints, 2)) * (height / 2, height) + (x, y)
    points[0], points[1] = (x, y), (x, y + height)
    return points.astype(np.float32)


@pytest.fixture
def ground():
    return np.full((300, 300, 3), 90, np.uint8)


def draw(image, *people, scores=0.9, skeleton=OPENPOSE18, **options):
    keypoints = np.array(people, np.float32).reshape(-1, len(skeleton), 2)
    return draw_people(image, keypoints, np.full(keypoints.shape[:2], scores), skeleton, **options)


def test_the_image_given_is_left_as_it_was_and_the_limbs_have_the_tracks_colour(ground):
    before = ground.copy()
    drawn = draw(ground, person(), ids=[2], style=Style(labels=False))
    assert (ground == before).all()
    assert drawn.shape == ground.shape and drawn.dtype == np.uint8
    middle = person()[[0, 1]].mean(0).round().astype(int)  # on the limb from neck to nose, which has no side
    assert (
        np.abs(drawn[middle[1], middle[0]].astype(int) - track_color(2)).max() <= 8
    )  # limbs are slightly see-through to the outline


def test_left_is_lighter_than_right(ground):
    points = np.full((18, 2), np.nan, np.float32)
    points[[OPENPOSE18.index("left_elbow"), OPENPOSE18.index("left_wrist")]] = (50, 50), (50, 150)
    points[[OPENPOSE18.index("right_elbow"), OPENPOSE18.index("right_wrist")]] = (150, 50), (150, 150)
    drawn = draw(ground, points)
    assert drawn[100, 50].sum() > drawn[100, 150].sum() + 60


def test_nobody_and_nobody_visible_change_nothing(ground):
    assert (draw(ground) == ground).all()
    assert (draw(ground, np.full((18, 2), np.nan), ids=[1]) == ground).all()
    assert (draw(ground, person(), style=Style(min_score=0.95)) == ground).all()


def test_a_missing_joint_takes_its_limbs_with_it_but_no_other(ground):
    points = np.full((18, 2), np.nan, np.float32)
    points[[2, 3]] = (50, 50), (50, 200)  # right shoulder, elbow; the wrist is missing
    drawn = draw(ground, points)
    changed = np.argwhere((drawn != ground).any(-1))
    assert changed[:, 1].min() >= 40 and changed[:, 1].max() <= 60


@pytest.mark.parametrize("place", [(-1e9, 3.0), (1e9, -1e9), (5000.0, 5000.0), (299.0, 299.0), (-40.0, 10.0)])
def test_people_beside_and_far_outside_the_image(ground, place):
    points = person()
    points[4] = place
    assert draw(ground, points, ids=[1]).shape == ground.shape
    away = person(*place, height=1.0)
    assert draw(ground, away, ids=[1]).shape == ground.shape


def test_a_sure_joint_is_more_opaque(ground):
    faint = draw(ground, person(), scores=0.05, style=Style(labels=False)).astype(int)
    sure = draw(ground, person(), scores=0.9, style=Style(labels=False)).astype(int)
    assert np.abs(sure - 90).sum() > 1.5 * np.abs(faint - 90).sum() > 0


def test_limbs_grow_with_the_person_within_bounds():
    widths = [limb_width(size) for size in (0, 50, 200, 600, 5000)]
    assert widths == sorted(widths) and widths[0] == Style().thinnest and widths[-1] == Style().thickest
    assert person_size(person(height=120)) == pytest.approx(120, abs=1)
    assert person_size(np.empty((0, 2))) == 0


def test_labels_only_with_ids_and_inside_the_image(ground):
    top_left = person(x=0, y=0)
    plain = draw(ground, top_left)
    assert (draw(ground, top_left, ids=[1], style=Style(labels=False)) == plain).all()
    labelled = draw(ground, top_left, ids=[1])
    assert ((labelled != plain).any(-1)).sum() > 100
    corner = ground.copy()
    draw_label(corner, "1234", (-50, -50), 20, (255, 255, 255))
    assert (corner[10, 1] == 255).all() and (corner < 60).any()


def test_text_is_readable_on_every_colour_of_the_palette_and_the_palette_repeats():
    for color in PALETTE:
        assert np.abs(np.array(text_on(color)) - color).max() > 120
        assert side_shade(color, "") == color
    assert track_color(1) == PALETTE[0] == track_color(1 + len(PALETTE))
    assert len({track_color(i) for i in range(1, 17)}) == 16


_FEET = {f"{side}_{part}" for side in ("left", "right") for part in ("big_toe", "small_toe", "heel")}


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS)
def test_figure_leaves_out_only_ear_to_shoulder(skeleton, ground):
    left_out = {
        frozenset(skeleton.joints[j] for j in limb)
        for limb in set(skeleton.limbs) - set(figure_limbs(skeleton))
    }
    assert all({name.split("_")[1] for name in limb} == {"ear", "shoulder"} for limb in left_out)
    body = {skeleton.joints[joint] for joint in skeleton.parts["body"]}
    has_them = any(body - _FEET == set(one.joints) for one in (OPENPOSE18, COCO17))
    assert len(figure_limbs(skeleton)) == len(skeleton.limbs) - (2 if has_them else 0)
    drawn = draw(ground, person(joints=len(skeleton)), skeleton=skeleton)
    assert (drawn != ground).any()


def test_side_of_limbs():
    assert limb_side(COCO17, COCO17.index("left_hip"), COCO17.index("right_hip")) == ""
    assert limb_side(OPENPOSE18, 1, OPENPOSE18.index("left_hip")) == "left"
    assert limb_side(OPENPOSE18, 1, 0) == ""


def test_shapes_are_checked(ground):
    with pytest.raises(ValueError, match="18"):
        draw_people(ground, np.zeros((1, 17, 2)), np.zeros((1, 17)), OPENPOSE18)
    with pytest.raises(ValueError):
        draw_people(ground, np.zeros((1, 18, 2)), np.zeros((2, 18)), OPENPOSE18)
