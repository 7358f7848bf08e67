from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skelstream.drawing.colors import PLAIN_BACKGROUND, track_color
from skelstream.drawing.overlay import Overlay, OverlaySettings
from skelstream.drawing.skeletons import Style, draw_people
from skelstream.sequences.sequence import skeleton_meta
from skelstream.skeleton import BODY_HANDS

PLAIN = OverlaySettings(Style(labels=False))


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)


def test_people_of_the_row_are_drawn_on_the_image(two_walkers, image):
    track = two_walkers[0]
    there = draw_people(image, track.keypoints[:1], track.scores[:1], two_walkers.skeleton, [1])
    np.testing.assert_array_equal(Overlay(two_walkers).draw(5, image), there)
    np.testing.assert_array_equal(Overlay(two_walkers).draw(0, image), image)


def test_names_of_tracks_are_drawn(two_walkers, image):
    named = replace(two_walkers, meta={**two_walkers.meta, "names": {"1": "Anna"}})
    assert (Overlay(named).draw(5, image) != Overlay(two_walkers).draw(5, image)).any()


def test_skeletons_only(two_walkers, image):
    drawn = Overlay(two_walkers, OverlaySettings(skeleton_only=True)).draw(12, image)
    assert (
        drawn.shape == image.shape
        and (drawn[0, 0] == PLAIN_BACKGROUND).all()
        and (drawn[239, 319] == PLAIN_BACKGROUND).all()
    )
    np.testing.assert_array_equal(drawn, Overlay(two_walkers).draw(12, None))


def test_drawn_smaller_at_the_same_place(two_walkers, image):
    overlay = Overlay(two_walkers, PLAIN, scale=0.5)
    small = overlay.draw(12, None)
    assert small.shape == (120, 160, 3) == (*overlay.size, 3) and overlay.draw(12, image).shape == small.shape
    changed = np.argwhere((small != PLAIN_BACKGROUND).any(-1))
    full = np.argwhere((Overlay(two_walkers, PLAIN).draw(12, None) != PLAIN_BACKGROUND).any(-1))
    np.testing.assert_allclose(changed.min(0), full.min(0) / 2, atol=3)
    np.testing.assert_allclose(changed.max(0), full.max(0) / 2, atol=3)


def test_a_trail_leads_from_where_the_feet_have_been_and_fades(two_walkers):
    row = 18
    plain = Overlay(two_walkers, PLAIN).draw(row, None).astype(int)
    trailed = (
        Overlay(two_walkers, OverlaySettings(Style(labels=False), trails=0.5)).draw(row, None).astype(int)
    )
    changed = np.argwhere((plain != trailed).any(-1))
    box = two_walkers[0].boxes
    x_then, x_now = (box[[row - 5 - 10, row - 5], 0] + box[[row - 5 - 10, row - 5], 2]) / 2
    trail = changed[np.abs(changed[:, 0] - box[row - 5, 3]) < 5]
    assert abs(trail[:, 1].min() - x_then) < 14  # the oldest end has faded to nothing
    assert trail[:, 1].max() <= x_now + 5
    y = int(box[row - 5, 3])
    strength = np.abs(trailed[y, trail[:, 1].min() : int(x_now)] - PLAIN_BACKGROUND).sum(-1)
    assert strength[-12:-8].mean() > 2 * strength[2:6].mean()
    young = trailed[y, int(x_now) - 12 : int(x_now)]  # in part below the walker's own legs
    assert np.abs(young - track_color(1)).max(-1).min() < 60


def test_trails_end_with_their_time(two_walkers):
    late = Overlay(two_walkers, OverlaySettings(trails=0.1)).draw(39, None)
    assert (late == PLAIN_BACKGROUND).all()
    assert (Overlay(two_walkers, OverlaySettings(trails=1.0)).draw(39, None) != PLAIN_BACKGROUND).any()


def test_heads_are_blurred_also_while_a_person_is_lost(two_walkers, image):
    overlay = Overlay(two_walkers, OverlaySettings(Style(labels=False, min_score=1.0), blur_faces=True))
    nose = {row: two_walkers[1].keypoints[0, 0] for row in (14, 18, 23)}  # 18: lost, seen before and after
    for row, (x, y) in nose.items():
        drawn = overlay.draw(row, image)
        around = np.s_[int(y) - 3 : int(y) + 4, int(x) - 3 : int(x) + 4]
        assert drawn[around].std() < image[around].std() / 3, row
        assert (drawn[200:] == image[200:]).all()


def test_trails_follow_the_body_and_not_the_hands(two_walkers):
    """A hand that is held out moves the box, not the trail."""
    n = len(two_walkers.frame)

    def drawn(hand_x):
        hands = np.full((n, 42, 2), np.nan, np.float32)
        boxes = two_walkers.boxes.copy()
        if hand_x:
            hands[:, :] = hand_x, 100
            boxes[:, 2] = hand_x
        whole = replace(
            two_walkers,
            keypoints=np.concatenate([two_walkers.keypoints, hands], 1),
            scores=np.concatenate(
                [two_walkers.scores, np.full((n, 42), 0.0 if not hand_x else 0.9, np.float32)], 1
            ),
            boxes=boxes,
            meta={**two_walkers.meta, **skeleton_meta(BODY_HANDS)},
            observed=None,
        )
        return Overlay(whole, OverlaySettings(Style(labels=False), trails=1.0)).draw(14, None)

    np.testing.assert_array_equal(drawn(300)[150:], drawn(0)[150:])
