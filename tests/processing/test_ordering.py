from __future__ import annotations

import numpy as np
import pytest

from skelstream.errors import FormatError
from skelstream.people import People
from skelstream.processing import smoothed
from skelstream.processing.ordering import main_person_first
from skelstream.sequences import SequenceBuilder
from skelstream.skeleton import OPENPOSE18
from skelstream.tracking.tracked import TrackedPeople

# Position at frame i of 30, height and frames of each person; each is first by one criterion.
PEOPLE = {
    1: (lambda i: 300.0, 90.0, range(30)),  # longest
    2: (lambda i: 60.0, 190.0, range(10, 25)),  # largest
    3: (lambda i: 199.0, 40.0, range(29)),  # centre
    4: (lambda i: 20.0 + 12 * i, 60.0, range(2, 27)),  # moving
}
BY = {"longest": 1, "largest": 2, "centre": 3, "moving": 4}


@pytest.fixture
def crowd():
    builder = SequenceBuilder(OPENPOSE18, source="a.mp4", height=200, width=400)
    for i in range(30):
        there = [(track, at(i), high) for track, (at, high, when) in PEOPLE.items() if i in when]
        pose = np.stack([np.tile([[x, 100]], (18, 1)) for _, x, _ in there]).astype(np.float32)
        boxes = np.array([[x - h / 4, 100 - h / 2, x + h / 4, 100 + h / 2] for _, x, h in there], np.float32)
        score = np.full((len(there), 18), 0.5, np.float32)
        ids = np.array([track for track, *_ in there], np.int32)
        builder.add(TrackedPeople(i, i / 10, People(pose, score, score[:, 0], boxes), ids, ids > 0))
    return builder.finish()


@pytest.mark.parametrize("person", BY)
def test_the_chosen_person_comes_first(crowd, person):
    ordered = main_person_first(crowd, person)
    assert ordered.track_ids[0] == BY[person] and ordered.meta["person"] == person
    before = {track.id: track for track in crowd}
    for track in ordered:
        assert np.array_equal(track.keypoints, before[track.id].keypoints)
        assert np.array_equal(track.frame, before[track.id].frame)
    slot = ordered.dense(persons=1)[0, before[BY[person]].frame, 0, 0]
    assert slot == pytest.approx([PEOPLE[BY[person]][0](i) for i in before[BY[person]].frame])


def test_measured_values_have_the_same_order(crowd):
    ordered = main_person_first(smoothed(crowd), "largest")
    assert ordered.raw.track_ids.tolist() == ordered.track_ids.tolist()


def test_an_empty_sequence_and_an_unknown_name(crowd):
    empty = SequenceBuilder(OPENPOSE18, source="a", height=None, width=None).finish()
    for person in BY:
        assert len(main_person_first(empty, person)) == 0
    with pytest.raises(FormatError, match="longest, largest, centre, moving"):
        main_person_first(crowd, "tallest")
