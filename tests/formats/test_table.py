"""The table that CSV and Parquet share, apart from either."""

from __future__ import annotations

import numpy as np
import pytest

from skelstream.errors import FormatError
from skelstream.formats.format import ReadOptions
from skelstream.formats.table import FRAME, PERSON, Table, columns, from_values
from skelstream.people import People
from skelstream.sequences import Detections, SequenceBuilder
from skelstream.skeleton import COCO17, OPENPOSE18
from skelstream.tracking.tracked import TrackedPeople


@pytest.fixture
def sequence():
    """Frames 0 to 3 at 10 a second: tracks 1 and 2 in frame 0, nobody in 1, a failed frame 2, track 1 in
    3."""
    builder = SequenceBuilder(COCO17, source="a.mp4", height=100, width=200)
    rng = np.random.default_rng(0)
    for index, ids in enumerate(([1, 2], [], None, [1])):
        if ids is None:
            builder.add(TrackedPeople.failed(index, index / 10, 17))
            continue
        n = len(ids)
        points = rng.uniform(1, 99, (n, 17, 2)).astype(np.float32)
        scores = rng.uniform(0.1, 1, (n, 17)).astype(np.float32)
        points[:, 3], scores[:, 3] = np.nan, 0
        boxes = rng.uniform(0, 99, (n, 4)).astype(np.float32)
        people = People(points, scores, np.full(n, 0.5, np.float32), boxes)
        builder.add(TrackedPeople(index, index / 10, people, np.array(ids, np.int32), np.ones(n, bool)))
    return builder.finish()


def whole(sequence) -> np.ndarray:
    table = Table(sequence)
    return table.values(0, len(table))


def test_a_row_for_each_person_and_each_frame_without(sequence):
    values, names = whole(sequence), columns(COCO17)
    assert values.shape == (5, len(FRAME) + len(PERSON) + 3 * 17) and len(names) == values.shape[1]
    assert values[:, names.index("frame")].tolist() == [0, 0, 1, 2, 3]
    assert values[:, names.index("ok")].tolist() == [1, 1, 1, 0, 1]
    # Rows of frames without people, and joints that are missing, are empty cells.
    assert np.isnan(values[2:4, 5:]).all()
    assert np.isnan(values[0, names.index("left_ear_x") : names.index("left_ear_score") + 1]).all()


def test_parts_are_those_of_the_whole(sequence):
    table = Table(sequence)
    parts = [table.values(start, start + 2) for start in range(0, len(table), 2)]
    np.testing.assert_array_equal(np.concatenate(parts), whole(sequence))


def test_round_trip(sequence):
    back = from_values(columns(COCO17), whole(sequence), "a.csv", ReadOptions())
    for name in (
        "keypoints",
        "scores",
        "boxes",
        "person_scores",
        "frame",
        "track_ids",
        "frame_time",
        "frame_ok",
    ):
        np.testing.assert_array_equal(getattr(back, name), getattr(sequence, name), name)
    assert back.size == (100, 200)


def test_columns_in_any_order_and_rows_too(sequence):
    rng, values, names = np.random.default_rng(1), whole(sequence), columns(COCO17)
    order, rows = rng.permutation(len(names)), rng.permutation(len(values))
    back = from_values([names[i] for i in order], values[rows][:, order], "a.csv", ReadOptions())
    np.testing.assert_array_equal(back.keypoints, sequence.keypoints)


def test_without_ids_they_are_detections(sequence):
    names = [name for name in columns(COCO17) if name != "track_id"]
    values = np.delete(whole(sequence), columns(COCO17).index("track_id"), 1)
    back = from_values(names, values, "a.csv", ReadOptions())
    assert isinstance(back, Detections)
    assert [(index, None if people is None else len(people)) for index, _, people in back.frames] == [
        (0, 2),
        (1, 0),
        (2, None),
        (3, 1),
    ]


def test_the_largest_joint_set_that_fits_is_taken():
    names = sorted({*columns(COCO17), *columns(OPENPOSE18)})
    back = from_values(names, np.full((0, len(names)), np.nan), "a.csv", ReadOptions())
    assert back.skeleton == OPENPOSE18


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("frame", np.nan, "frame has empty cells"), ("frame", -1, "whole number"), ("frame", 0.5, "whole number"),
        ("time", np.nan, "time has empty cells"), ("time", np.inf, "not finite"), ("ok", 2, "ok has the value 2"),
        ("width", 7, "several values"), ("track_id", 2.0**40, "whole number"),
    ],
)  # fmt: skip
def test_invalid_values(sequence, column, value, message):
    values, names = whole(sequence), columns(COCO17)
    values[0, names.index(column)] = value
    with pytest.raises(FormatError, match=message):
        from_values(names, values, "a.csv", ReadOptions())


def test_columns_that_are_missing_or_twice(sequence):
    values, names = whole(sequence), columns(COCO17)
    with pytest.raises(FormatError, match="no column 'frame'"):
        from_values(["number", *names[1:]], values, "a.csv", ReadOptions())
    with pytest.raises(FormatError, match="'?time'? twice"):
        from_values([names[0], "time", "time", *names[3:]], values, "a.csv", ReadOptions())
    with pytest.raises(FormatError, match="no joint set"):
        from_values(names[:-1], values[:, :-1], "a.csv", ReadOptions())


def test_frames_left_out_of_a_foreign_table_with_times_are_frames_without_people(sequence):
    names, values = columns(COCO17), whole(sequence)
    names, values = ["frame", "time", *names[3:]], values[:, [0, 1, *range(3, values.shape[1])]]
    rows = np.concatenate([values[[0, 4]], values[[4]]])
    rows[:, 0], rows[:, 1] = [10, 11, 14], [1.0, 1.1, 1.4]
    lines = []
    back = from_values(names, rows, "a.csv", ReadOptions(note=lines.append))
    assert back.frame_index.tolist() == [10, 11, 12, 13, 14] and len(lines) == 1
    np.testing.assert_allclose(back.frame_time, [1.0, 1.1, 1.2, 1.3, 1.4])
    assert back.frame[: len(rows)].tolist() == [0, 1, 4]
