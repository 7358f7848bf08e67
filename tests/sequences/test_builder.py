from __future__ import annotations

import pickle
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from skelstream.errors import FormatError
from skelstream.sequences import SequenceBuilder
from skelstream.sequences.summary import summary, tracklets_of
from skelstream.settings.tracking import TrackerSettings
from skelstream.skeleton import COCO17, OPENPOSE18
from skelstream.tracking.tracked import TrackedPeople

from .conftest import person


def test_rows_by_importance_then_frame(sequence):
    assert sequence.track_ids.tolist() == [7, 3]
    assert sequence.track_start.tolist() == [0, 4, 6]
    assert sequence.frame.tolist() == [0, 1, 4, 5, 1, 2]
    assert sequence[0].keypoints[2, 0].tolist() == [4, 4]
    assert sequence[1].scores[0, 0] == np.float32(0.5)


def test_every_frame_has_a_row(sequence):
    assert sequence.frame_ok.tolist() == [True, True, True, False, True, True]
    assert sequence.frame_time.tolist() == [0.0, 0.04, 0.08, 0.13, 0.16, 0.20]
    assert sequence.meta["fps"] == pytest.approx(25)


def test_short_certain_track_loses_to_long_one(builder, tracked):
    for i in range(4):
        people = {1: (*person(0), 0.3)} | ({2: (*person(9), 0.9)} if i == 0 else {})
        builder.add(tracked(i, i / 10, people))
    assert builder.finish().track_ids.tolist() == [1, 2]


def test_rows_before_confirmation_count_and_unconfirmed_tracks_go(builder, tracked):
    builder.add(tracked(0, 0.0, {1: (*person(0), 0.9), 2: (*person(50), 0.9)}, confirmed=False))
    builder.add(tracked(1, 0.1, {1: (*person(1), 0.9), 2: (*person(51), 0.9)}, confirmed=[2]))
    sequence = builder.finish()
    assert sequence.track_ids.tolist() == [2]
    assert sequence.frame.tolist() == [0, 1]


def test_nobody_and_nothing(builder, tracked):
    empty = builder.finish()
    assert (len(empty), empty.frames, empty.meta["fps"]) == (0, 0, None)
    builder.add(tracked(0, 0.0, {}))
    builder.add(TrackedPeople.failed(1, 0.1, 18))
    sequence = builder.finish()
    assert (len(sequence), sequence.frames, sequence.keypoints.shape) == (0, 2, (0, 18, 2))


def test_finish_may_be_called_again_after_more_frames(builder, tracked):
    builder.add(tracked(0, 0.0, {1: (*person(0), 0.9)}))
    first = builder.finish()
    builder.add(tracked(1, 0.1, {1: (*person(1), 0.9)}))
    assert (first.frames, builder.finish().frames) == (1, 2)


@pytest.mark.parametrize(("index", "time"), [(0, 1.0), (2, -1.0)])
def test_frames_come_in_order(builder, tracked, index, time):
    builder.add(tracked(0, 0.0, {}))
    with pytest.raises(FormatError, match="is not later than frame"):
        builder.add(TrackedPeople.failed(index, time, 18))


def test_settings_that_are_not_json_are_refused_at_once():
    for settings in ({"far": float("inf")}, {"net": object()}):
        with pytest.raises(FormatError, match="not JSON"):
            SequenceBuilder(COCO17, source="x", height=1, width=1, made_with={"settings": settings})


def test_people_of_another_joint_set(tracked):
    builder = SequenceBuilder(COCO17, source="x", height=None, width=None)
    with pytest.raises(FormatError, match=r"expected \(1, 17\)"):
        builder.add(tracked(0, 0.0, {1: (*person(0), 0.9)}))
    assert builder.finish().frames == 0


@pytest.mark.parametrize(("fleeting", "warned"), [(1, False), (5, True)])
def test_many_dropped_poses_give_a_warning(builder, tracked, fleeting, warned):
    for i in range(20):
        others = {10 + i: (*person(60 + i), 0.9)} if i < fleeting else {}
        builder.add(tracked(i, i / 10, {1: (*person(i), 0.9)} | others, confirmed=[1]))
    meta = builder.finish().meta
    assert meta["dropped"] == fleeting
    assert [f"{fleeting} of {20 + fleeting} poses are left out" in line for line in meta["warnings"]] == [
        True
    ] * warned


def test_rows_that_were_taken_out_come_back_once(builder, tracked):
    """The same sequence, and not much more memory than it takes."""
    whole = SequenceBuilder(OPENPOSE18, source="clip.mp4", height=480, width=640)
    kept = []
    for i in range(400):
        frame = tracked(
            i, i / 10, {id: (*person(i + id), 0.5 + id / 100) for id in range(i // 50, 10 + i // 50)}
        )
        builder.add(frame)
        whole.add(frame)
        if i % 20 == 10:
            kept.append(pickle.dumps(builder.take_block()))
    tracemalloc.start()
    sequence = builder.finish(lambda: map(pickle.loads, kept))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    expected = whole.finish()
    arrays = {name: value for name, value in vars(expected).items() if isinstance(value, np.ndarray)}
    for name, array in arrays.items():
        np.testing.assert_array_equal(getattr(sequence, name), array)
    assert len(sequence.frame) == 4000 and most < 2.5 * sum(array.nbytes for array in arrays.values())


def returning(tracked, builder, ids=(1, 4)):
    """A person is there for ten frames, and again after a second, as another track."""
    for index, number in enumerate([*range(10), *range(20, 30)]):
        frame = tracked(number, number / 10, {ids[index >= 10]: (*person(index), 0.9)})
        colours = np.full((1, 5, 3), 20, np.float32)
        builder.add(replace(frame, people=replace(frame.people, colours=colours)))


def test_tracks_of_one_person_are_joined_at_the_end(tracked):
    def made(linking):
        builder = SequenceBuilder(OPENPOSE18, source="a.mp4", height=480, width=640, linking=linking)
        returning(tracked, builder)
        return builder.finish()

    apart, one = made(None), made(TrackerSettings())
    assert sorted(apart.track_ids.tolist()) == [1, 4] and "linking" not in apart.meta
    assert one.track_ids.tolist() == [1] and one.meta["linking"] == {
        "tracklets": 2,
        "cut": [],
        "joined": [[1, 4]],
    }
    assert one[0].frame_index.tolist() == [*range(10), *range(20, 30)]  # a gap stays a gap
    assert len(made(TrackerSettings(max_interval=0.5))) == 2  # the interval is a cut


def test_blocks_are_joined_like_rows_in_memory(tracked):
    builder = SequenceBuilder(OPENPOSE18, source="a.mp4", height=480, width=640, linking=TrackerSettings())
    returning(tracked, builder)
    whole, block = builder.finish(), builder.take_block()
    assert builder.finish(lambda: [block]).equals(whole) and len(whole) == 1


def test_the_number_of_tracklets_is_that_of_the_tracks_in_the_file(tracked):
    """It is unknown after edits, and None once the joined track is deleted."""
    builder = SequenceBuilder(OPENPOSE18, source="a.mp4", height=480, width=640, linking=TrackerSettings())
    returning(tracked, builder)
    one = builder.finish()
    assert tracklets_of(one) == 2
    assert tracklets_of(replace(one, track_ids=[1, 3], track_start=[0, 10, 20])) == 3
    assert tracklets_of(replace(one, track_ids=[3])) is None
    assert tracklets_of(replace(one, meta={**one.meta, "edits": [{"drop": [3]}]})) is None


def test_odd_facts_about_linking_are_refused(tracked):
    builder = SequenceBuilder(OPENPOSE18, source="a.mp4", height=480, width=640, linking=TrackerSettings())
    returning(tracked, builder)
    sequence = builder.finish()
    assert summary(sequence)["tracklets"] == 2
    for odd in (["a"], {"joined": []}, {"tracklets": 2, "joined": [["a"]]}, {"tracklets": "2", "joined": []}):
        with pytest.raises(FormatError, match="linking"):
            replace(sequence, meta={**sequence.meta, "linking": odd})


def test_nobody_is_joined_from_one_shot_to_another(tracked):
    class Cut(SequenceBuilder):
        def add(self, frame):
            super().add(replace(frame, begins_shot=frame.frame_index == 20))

    def made(kind):
        builder = kind(OPENPOSE18, source="a.mp4", height=480, width=640, linking=TrackerSettings())
        returning(tracked, builder)
        return builder.finish()

    one, two = made(SequenceBuilder), made(Cut)
    assert len(one) == 1 and "shots" not in one.meta and summary(one)["shots"] == 1
    assert len(two) == 2 and two.meta["shots"] == [2.0] and summary(two)["shots"] == 2
    for odd in ("ten", ["a"], [None], 3):
        with pytest.raises(FormatError, match="shots"):
            replace(two, meta={**two.meta, "shots": odd})
