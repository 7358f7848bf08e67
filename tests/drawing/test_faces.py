from __future__ import annotations

import numpy as np
import pytest

from skelstream.drawing.faces import blur_heads, bridge_gaps, head_circles
from skelstream.skeleton import BODY_FACE, COCO17, OPENPOSE18, convert

HEIGHT = 400.0
FACE = [OPENPOSE18.index(name) for name in ("nose", "left_eye", "right_eye", "left_ear", "right_ear")]


def circle(points, skeleton=OPENPOSE18):
    box = np.concatenate([np.nanmin(points, 0), np.nanmax(points, 0)])
    return head_circles(points[None], box[None], skeleton)[0]


def covers(found, points):
    """Whether the circle holds every face joint and a head's height around the nose."""
    face = points[FACE]
    return (np.hypot(*(face - found[:2]).T) <= found[2]).all() and 0.055 * HEIGHT < found[2] < 0.16 * HEIGHT


@pytest.fixture
def whole(make_figure):
    return make_figure(500, 100, HEIGHT)


@pytest.mark.parametrize(
    "missing",
    [
        [], ["left_ear", "right_ear"], ["nose", "left_eye", "left_ear"],
        ["nose", "left_eye", "right_eye", "left_ear", "right_ear"],
        ["left_hip", "right_hip"], ["left_hip", "right_hip", "neck", "left_shoulder"],
        ["nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_hip", "right_hip"],
    ],
)  # fmt: skip
def test_the_head_is_covered_whatever_joints_are_missing(whole, missing):
    points = whole.copy()
    points[[OPENPOSE18.index(name) for name in missing]] = np.nan
    assert covers(circle(points), whole)


def test_the_head_of_someone_lying_upside_down_and_without_a_face_is_away_from_the_hips(whole):
    for turn in (np.array([[0, -1], [1, 0]]), -np.eye(2)):
        turned = ((whole - 500) @ turn + 500).astype(np.float32)
        blind = turned.copy()
        blind[FACE] = np.nan
        assert covers(circle(blind), turned)


def test_coco_joints_which_have_no_neck(whole):
    points, _ = convert(whole, np.ones(18), OPENPOSE18, COCO17)
    assert covers(circle(points, COCO17), whole)
    points[:5] = np.nan
    assert covers(circle(points, COCO17), whole)


def test_one_joint_or_legs_alone_still_give_a_finite_circle(whole):
    only = np.full_like(whole, np.nan)
    only[0] = whole[0]
    legs = whole.copy()
    legs[:8] = legs[14:] = np.nan
    for points in (only, legs):
        found = circle(points)
        assert np.isfinite(found).all() and found[2] > 0
    assert head_circles(np.empty((0, 18, 2)), np.empty((0, 4)), OPENPOSE18).shape == (0, 3)


def test_blur_leaves_nothing_to_recognise_within_and_everything_without():
    image = np.random.default_rng(1).integers(0, 255, (200, 200, 3), np.uint8)
    blurred = image.copy()
    blur_heads(blurred, np.array([[100.0, 80.0, 40.0]]))
    distance = np.hypot(np.arange(200)[None] - 100, np.arange(200)[:, None] - 80)
    assert (blurred[distance > 48] == image[distance > 48]).all()
    assert blurred[distance < 38].std() < 0.2 * image[distance < 38].std()


@pytest.mark.parametrize(
    "head", [(-5, -5, 30), (199, 100, 25), (-500, 50, 20), (100, 100, 900), (50, 50, 0.2)]
)
def test_heads_at_and_beyond_the_edges(head):
    image = np.random.default_rng(1).integers(0, 255, (200, 200, 3), np.uint8)
    blur_heads(image, np.array([head], float))
    assert image.shape == (200, 200, 3)


def test_short_gaps_are_bridged_long_ones_held_at_both_ends():
    times = np.arange(100) / 10
    rows = np.array([20, 21, 25, 26, 60])
    circles = np.array([[r * 2.0, 5, 10] for r in rows])
    frames, filled = bridge_gaps(times, rows, circles, max_gap=1.0, hold=0.25)
    assert frames.tolist() == [*range(18, 29), *range(58, 63)]
    at = dict(zip(frames.tolist(), filled.tolist(), strict=True))
    assert at[23] == pytest.approx([46, 5, 10]) and at[18][0] == 40 and at[62][0] == 120
    for row, wanted in zip(rows.tolist(), circles.tolist(), strict=True):
        assert at[row] == pytest.approx(wanted)


def test_the_points_of_a_face_place_the_circle(whole):
    points = np.full((486, 2), np.nan, np.float32)
    points[:18] = whole
    middle = whole[0] + (30, 0)  # the body's nose, eyes and ears are a little wrong
    angles = np.linspace(0, 2 * np.pi, 468)
    points[18:] = middle + 0.06 * HEIGHT * np.stack([np.cos(angles), np.sin(angles)], 1)
    found = circle(points, BODY_FACE)
    np.testing.assert_allclose(found[:2], middle, atol=0.5)
    assert (np.hypot(*(points[18:] - found[:2]).T) * 1.5 < found[2]).all()
    points[18:] = np.nan
    np.testing.assert_allclose(circle(points, BODY_FACE), circle(whole), rtol=1e-6)
