from __future__ import annotations

import numpy as np
import pytest

from skelstream.drawing.colors import HAND_COLORS, PALETTE, paler, side_shade, text_on, track_color
from skelstream.drawing.figure import body_joints, figure, figure_limbs, limb_side
from skelstream.drawing.skeletons import Style, draw_label, draw_people, limb_width, person_size
from skelstream.skeleton import (
    BODY_HANDS_FACE,
    COCO17,
    COCO_WHOLEBODY133,
    FACE468,
    HAND21,
    OPENPOSE18,
    SKELETONS,
)


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


def test_labels_show_names_beside_ids(ground):
    def width(names):
        labelled = draw(ground, person(), ids=[1], names=names)
        return np.ptp(np.flatnonzero((labelled != draw(ground, person())).any((0, 2))))

    assert width({}) == width({2: "Anna"}) < width({1: "Anna"}) < width({1: "Anna Maria"})
    assert width({1: "m" * 30}) == width({1: "m" * 99}) <= ground.shape[1]


def test_text_is_readable_on_every_colour_of_the_palette_and_the_palette_repeats():
    for color in PALETTE:
        assert np.abs(np.array(text_on(color)) - color).max() > 120
        assert side_shade(color, "") == color
    assert track_color(1) == PALETTE[0] == track_color(1 + len(PALETTE))
    assert len({track_color(i) for i in range(1, 17)}) == 16


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS)
def test_figure_leaves_out_only_ear_to_shoulder(skeleton, ground):
    left_out = {
        frozenset(skeleton.joints[j] for j in limb)
        for limb in set(skeleton.limbs) - set(figure_limbs(skeleton))
    }
    assert all({name.split("_")[1] for name in limb} == {"ear", "shoulder"} for limb in left_out)
    assert len(figure_limbs(skeleton)) == len(skeleton.limbs) - len(left_out) and len(left_out) in (0, 2)
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


def whole(x=150.0, hand=40.0, hands_at=250.0):
    """A body of three joints with hands that are fans of fingers, below, and an oval face, above."""
    points = np.full((528, 2), np.nan, np.float32)
    for joint, place in {
        "nose": (x, 60),
        "neck": (x, 20),
        "left_wrist": (x + 60, 200),
        "right_wrist": (x - 60, 200),
    }.items():
        points[BODY_HANDS_FACE.index(joint)] = place
    fan = np.array(
        [(0, 0), *((0.2 * (finger - 2) * k, 0.25 * k) for finger in range(5) for k in range(1, 5))]
    )
    points[18:39], points[39:60] = fan * hand + (x + 60, hands_at), fan * hand + (x - 60, hands_at)
    angles = np.linspace(0, 2 * np.pi, 468)
    points[60:] = np.stack([x + 20 * np.cos(angles), 60 + 25 * np.sin(angles)], 1)
    return points


def has(image, color, tolerance=40):
    return (np.abs(image.astype(int) - color).max(-1) <= tolerance).any()


def test_hands_have_their_own_colours_and_a_face_is_contours(ground):
    drawn = draw(ground, whole(), skeleton=BODY_HANDS_FACE, ids=[1], style=Style(labels=False))
    left, right = drawn[250:, 180:], drawn[250:, :120]
    assert has(left, HAND_COLORS["left_hand"]) and not has(left, HAND_COLORS["right_hand"])
    assert has(right, HAND_COLORS["right_hand"]) and not has(right, HAND_COLORS["left_hand"])
    face = drawn[30:90, 125:175]
    assert has(face, paler(track_color(1)))
    contours = {j for limb in figure(BODY_HANDS_FACE)[0].limbs for j in limb}
    assert len(contours) < 150  # and all other points leave no dots
    without_nose = whole()
    without_nose[0] = np.nan
    again = draw(ground, without_nose, skeleton=BODY_HANDS_FACE, ids=[1], style=Style(labels=False))
    np.testing.assert_array_equal(drawn, again)  # the contours stand for it


def test_without_a_face_the_bodys_nose_is_drawn(ground):
    points = whole()
    points[60:] = np.nan
    drawn = draw(ground, points, skeleton=BODY_HANDS_FACE, ids=[1], style=Style(labels=False))
    assert (drawn[60, 150] != ground[60, 150]).any()


def test_lines_of_a_hand_grow_with_the_hand_and_not_beyond_the_bodys(ground):
    def inked(hand):
        points = whole(hand=hand, hands_at=30)
        points[:18] = np.nan
        points[[0, 1]] = (150, 10), (150, 290)
        points[39:] = np.nan
        points[[*range(19, 27), *range(31, 39)]] = np.nan  # all but the middle finger, which points down
        drawn = draw(ground, points, skeleton=BODY_HANDS_FACE, style=Style(labels=False))
        return int((drawn[30 + round(hand * 0.37), 180:] != 90).any(-1).sum())

    assert inked(30) < inked(200) < 15


def test_size_and_label_follow_the_body(ground):
    far = whole()
    far[18:60] += (90, 0)
    there, alone = (draw(ground, points, skeleton=BODY_HANDS_FACE, ids=[1]) for points in (far, whole()))
    body = list(range(50))  # rows of the label and of the face, above the hands
    np.testing.assert_array_equal(there[body], alone[body])


@pytest.mark.parametrize("skeleton", [HAND21, FACE468], ids=lambda s: s.name)
def test_a_hand_or_face_alone_is_drawn(skeleton, ground):
    assert body_joints(skeleton).tolist() == list(range(len(skeleton)))
    points = whole()[18:39] if skeleton is HAND21 else whole()[60:]
    drawn = draw(ground, points, skeleton=skeleton, ids=[2], style=Style(labels=False))
    assert has(drawn, track_color(2) if skeleton is HAND21 else paler(track_color(2)))


def test_every_limb_belongs_to_a_part():
    for skeleton in (COCO_WHOLEBODY133, BODY_HANDS_FACE):
        parts = figure(skeleton)
        assert [part.name for part in parts] == ["face", "body", "left_hand", "right_hand"]
        assert sorted(limb for part in parts for limb in part.limbs) == sorted(figure_limbs(skeleton))
        hand = parts[2]
        assert (skeleton.index("left_wrist"), hand.joints[0]) in hand.limbs
