"""Palms: anchors, boxes and points of the detector in source pixels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pytest

from skelstream.refinement.parts.palms import SIZE, PalmDetector, Palms

IMAGE = np.zeros((400, 400, 3), np.uint8)


def detector(*palms: tuple[int, float, tuple[float, float]]) -> PalmDetector:
    """Return a detector whose network answers with palms: number of the anchor, logit, offset of the centre."""

    def outputs(crops: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for crop in crops:
            assert crop.shape == (*SIZE, 3) and crop.dtype == np.uint8
            offsets, logits = np.zeros((2016, 18)), np.full(2016, -9.0)
            for anchor, logit, centre in palms:
                logits[anchor] = logit
                offsets[anchor, :4] = [*centre, 40, 40]
                offsets[anchor, 4:6], offsets[anchor, 8:10] = (centre[0], 15), (centre[0], -15)
            yield offsets, logits

    return PalmDetector(outputs)


def test_a_palm_lies_at_its_anchor_in_source_pixels() -> None:
    # Cell (x 3, y 2) of the 24 x 24 map, second anchor; a crop of 384 source pixels is halved.
    box = np.array([[200, 200, 384, 384, 0]], np.float32)
    (palms,) = detector((2 * (2 * 24 + 3) + 1, 4.0, (0, 0))).palms(IMAGE, box)
    assert palms.scores == pytest.approx([1 / (1 + np.exp(-4))])
    centre = 8 + 2 * np.array([3.5, 2.5]) * 8
    assert palms.wrists == pytest.approx(centre[None] + [0, 30])
    assert palms.knuckles == pytest.approx(centre[None] - [0, 30])
    assert palms.sides == pytest.approx([80])


def test_the_coarse_map_follows_with_six_anchors_a_cell() -> None:
    box = np.array([[96, 96, 192, 192, 0]], np.float32)
    (palms,) = detector((1152 + 6 * (5 * 12 + 7) + 5, 4.0, (0, 0))).palms(IMAGE, box)
    assert palms.wrists == pytest.approx(np.array([[7.5 * 16, 5.5 * 16 + 15]]))


def test_palms_below_the_least_score_and_doubles_are_left_out() -> None:
    box = np.array([[96, 96, 192, 192, 0]], np.float32)
    (palms,) = detector((600, 1.0, (0, 0)), (601, 3.0, (2, 0)), (900, -1.0, (0, 0))).palms(IMAGE, box)
    assert palms.scores == pytest.approx([1 / (1 + np.exp(-3))])


def test_no_boxes_have_no_palms() -> None:
    assert detector().palms(IMAGE, np.empty((0, 5))) == []
    assert Palms.joined([]).wrists.shape == (0, 2)
