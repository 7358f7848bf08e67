from __future__ import annotations

import numpy as np
import pytest

from skelstream.drawing.sheet import BACKGROUND, choose_rows, contact_sheet, moment_label, sequence_sheet


def tile(value, height=90, width=160):
    return np.full((height, width, 3), value, np.uint8)


def test_images_lie_in_reading_order_under_their_labels():
    sheet = contact_sheet([(f"tile {i}", tile(40 * i + 40)) for i in range(5)], columns=3, width=600)
    assert sheet.shape[1] == 600 and sheet.dtype == np.uint8
    middle = sheet[sheet.shape[0] // 4 + 12, [100, 300, 500], 0]
    assert middle.tolist() == [40, 80, 120]
    lower = sheet[sheet.shape[0] * 3 // 4 + 10, [100, 300, 500], 0]
    assert lower.tolist() == [160, 200, BACKGROUND[0]]
    assert (sheet[8:34, 8:200] > 150).any()  # the first label


def test_images_of_different_shapes_keep_them():
    sheet = contact_sheet([("wide", tile(200, 50, 200)), ("high", tile(100, 200, 50))], width=400)
    for value, shape in ((200, (50, 200)), (100, (200, 50))):
        ys, xs = np.nonzero((sheet == value).all(-1))
        assert np.ptp(xs) / np.ptp(ys) == pytest.approx(shape[1] / shape[0], rel=0.1)


def test_one_image_and_none_and_too_narrow():
    assert contact_sheet([("", tile(5))], width=300).shape[1] == 300
    with pytest.raises(ValueError, match="at least one"):
        contact_sheet([])
    with pytest.raises(ValueError, match="do not fit"):
        contact_sheet([("x", tile(1))] * 20, columns=20, width=200)


def test_rows_are_spread_over_the_time_with_people(two_walkers):
    rows = choose_rows(two_walkers, 10)
    assert len(rows) == 10 and rows == sorted(rows)
    assert rows[0] >= 5 and rows[-1] <= 34 and 20 not in rows
    assert max(np.diff(rows)) <= 4
    assert choose_rows(two_walkers, 1000) == [i for i in range(5, 35) if i != 20]


def test_time_not_frames_is_spread_evenly(make_walkers, make_figure):
    slow_then_fast = np.r_[np.arange(10) * 0.5, 5 + np.arange(100) * 0.05]
    sequence = make_walkers(slow_then_fast, lambda i: {1: make_figure(50, 20, 100)})
    times = slow_then_fast[choose_rows(sequence, 10)]
    np.testing.assert_allclose(np.diff(times), 1.0, atol=0.51)


def test_without_people_any_frames_and_without_frames_none(make_walkers):
    nobody = make_walkers(np.arange(30) / 10, lambda i: {})
    assert len(choose_rows(nobody, 6)) == 6
    assert choose_rows(make_walkers([0.0], lambda i: None), 6) == []
    assert len(choose_rows(make_walkers([0.0, 0.0, 0.0], lambda i: {}), 2)) == 2


@pytest.mark.parametrize(
    "time, people, label",
    [(0, 0, "0:00.00  0 people"), (59.999, 1, "1:00.00  1 person"), (3725.5, 2, "1:02:05.50  2 people")],
)
def test_labels(time, people, label):
    assert moment_label(time, people) == label


def test_sheet_of_a_sequence_without_its_video(two_walkers):
    sheet = sequence_sheet(two_walkers, count=6, width=900)
    assert sheet.shape[1] == 900
    assert len(np.unique(sheet.reshape(-1, 3), axis=0)) > 50
