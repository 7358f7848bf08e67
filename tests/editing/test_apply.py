"""Edits change identities alone: poses and frames stay, and an impossible edit is one clear line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skelstream.editing import Drop, Keep, Merge, Name, Split, Swap, edited
from skelstream.errors import FormatError
from skelstream.processing import filled, main_person_first, resampled, smoothed


@pytest.fixture
def crossing(make_walkers, make_figure):
    """Frames 100 to 118, every second: 1 in all of them, 2 in 100 to 106, 5 in 112 to 118; 7 in 110 alone."""

    def present(i):
        there = {1: make_figure(60 + 5 * i, 40, 150)}
        if i < 4:
            there[2] = make_figure(200, 60, 100)
        if i == 5:
            there[7] = make_figure(150, 60, 100)
        if i >= 6:
            there[5] = make_figure(220, 60, 100)
        return there

    sequence = make_walkers(np.arange(10) / 10, present)
    return replace(sequence, frame_index=np.arange(100, 120, 2, dtype=np.int32))


def frames(sequence):
    return {track.id: track.frame_index.tolist() for track in sequence}


def test_a_join_gives_all_frames_to_the_first_id(crossing):
    done = edited(crossing, [Merge((5, 2, 7))])
    assert frames(done) == {1: [*range(100, 120, 2)], 5: [100, 102, 104, 106, 110, 112, 114, 116, 118]}
    assert done.frames == crossing.frames and len(done.frame) == len(crossing.frame)
    joined = next(track for track in done if track.id == 5)
    assert np.array_equal(joined.keypoints[0], next(t for t in crossing if t.id == 2).keypoints[0])


def test_a_cut_gives_a_new_id_from_the_frame_on(crossing):
    done = edited(crossing, [Split(1, 105), Split(8, 116), Split(1, 102)])
    assert frames(done) | {2: 0, 5: 0, 7: 0} == {
        1: [100], 8: [106, 108, 110, 112, 114], 9: [116, 118], 10: [102, 104], 2: 0, 5: 0, 7: 0,
    }  # fmt: skip


def test_an_exchange_is_from_the_frame_on(crossing):
    done = edited(crossing, [Swap((1, 2), 104)])
    assert frames(done)[1] == [100, 102, 104, 106]
    assert frames(done)[2] == [100, 102, 104, 106, 108, 110, 112, 114, 116, 118]
    first = next(track for track in done if track.id == 1)
    assert first.keypoints[2, 0, 0] == 200 and first.keypoints[1, 0, 0] == 65


def test_an_exchange_undoes_itself_and_a_join_undoes_a_cut(crossing):
    for edits in ([Swap((1, 2), 104), Swap((1, 2), 104)], [Split(1, 104), Merge((1, 8))]):
        done = edited(crossing, edits)
        assert replace(done, meta=crossing.meta).equals(crossing)


def test_delete_and_keep(crossing):
    assert set(frames(edited(crossing, [Drop((7, 2))]))) == {1, 5}
    assert set(frames(edited(crossing, [Keep((7, 2))]))) == {7, 2}
    nobody = edited(crossing, [Drop((1, 2, 5, 7))])
    assert len(nobody) == 0 and nobody.frames == 10


def test_names_follow_their_ids(crossing):
    done = edited(crossing, [Name(2, "Anna"), Name(5, "Ben"), Name(7, "Eve"), Drop((7,))])
    assert done.meta["names"] == {"2": "Anna", "5": "Ben"}
    done = edited(done, [Merge((2, 5)), Name(1, "Carl"), Name(1, "")])
    assert done.meta["names"] == {"2": "Anna"}
    assert edited(done, [Split(2, 112), Merge((3, 2))]).meta["names"] == {"3": "Anna"}
    assert "names" not in edited(done, [Keep((1,))]).meta


def test_the_meta_has_all_edits_in_order(crossing):
    done = edited(edited(crossing, [Drop((7,)), Name(1, "A")]), [Swap((1, 2), 104)])
    assert done.meta["edits"] == [{"drop": [7]}, {"name": 1, "as": "A"}, {"swap": [1, 2], "frame": 104}]


def test_the_most_important_track_is_first_or_the_one_that_was_chosen(crossing):
    done = edited(crossing, [Split(1, 116), Split(1, 102)])
    assert [len(track) for track in done] == [7, 4, 4, 2, 1, 1]
    chosen = main_person_first(crossing, "moving")
    assert edited(chosen, [Drop((7,))]).meta["person"] == "moving"


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ([Drop((7,)), Drop((7,))], "edit 2, drop 7: there is no track 7; the tracks are 1, 2, 5"),
        ([Merge((1, 9))], "there is no track 9"),
        ([Merge((5, 1))], "5 and 1 are both in frame 112 and 3 more"),
        ([Merge((1, 7))], "1 and 7 are both in frame 110, so"),
        ([Split(2, 100)], "track 2 is in frames 100 to 106; a cut at frame 100 leaves one side empty"),
        ([Split(2, 107)], "a cut at frame 107 leaves one side empty"),
        ([Split(1, 99)], "frame 99 is not among the video's frames; they are 100 to 118"),
        ([Swap((1, 2), 120)], "frame 120 is not among the video's frames"),
        ([Swap((2, 7), 112)], "neither 2 nor 7 is in frame 112 or a later one"),
        ([Name(3, "x")], "there is no track 3"),
        ([Keep((1, 3))], "there is no track 3"),
    ],
)
def test_impossible_edits_are_one_line(crossing, edits, message):
    with pytest.raises(FormatError, match=message) as error:
        edited(crossing, edits)
    assert "\n" not in str(error.value)


def test_a_cut_of_the_largest_possible_id_is_one_line(crossing):
    ids = np.where(crossing.track_ids == 7, 2**31 - 1, crossing.track_ids).astype(np.int32)
    with pytest.raises(FormatError, match=r"edit 1, split 1@104: no larger id is left for the new track"):
        edited(replace(crossing, track_ids=ids), [Split(1, 104)])


def test_filled_and_smoothed_values_stay_where_identities_stay(two_walkers):
    clean = smoothed(filled(two_walkers, 1.0))
    kept = edited(clean, [Name(2, "Anna"), Keep((2,))])
    assert kept.raw is not None and len(kept.frame) > len(kept.raw.frame) == 14
    assert np.array_equal(kept.keypoints, clean[1].keypoints, equal_nan=True)


def test_filled_and_smoothed_values_go_with_the_old_identities(two_walkers):
    clean = smoothed(filled(two_walkers, 1.0))
    cut = edited(clean, [Split(1, 20)])
    assert cut.raw is None and not {"filled", "smoothed"} & set(cut.meta)
    assert len(cut.frame) == len(two_walkers.frame)


def test_resampled_poses_stay(two_walkers):
    """Few of the new times are those of measured frames, so that the measured poses alone would be a small part of the file."""
    even = resampled(filled(two_walkers, 1.0), 17)
    missing = np.isnan(even.measured.keypoints[..., 0]).mean()
    assert missing > 0.7
    cut = edited(even, [Split(1, 20)])
    assert len(cut) == 3 and len(cut.frame) == len(even.frame) == len(cut.measured.frame)
    both = [np.sort(one.keypoints.reshape(len(one.frame), -1), 0) for one in (cut, even)]
    assert np.array_equal(*both, equal_nan=True) and cut.meta["filled"] == even.meta["filled"]
    assert (
        np.isnan(cut.measured.keypoints[..., 0]).mean() == missing
        and cut.observed.mean() == even.observed.mean()
    )


def test_other_ids_and_many_tracks(make_walkers, make_figure):
    """Ids from 0, far apart, and as many as there are frames."""
    sequence = make_walkers(np.arange(40) / 10, lambda i: {1000 * i: make_figure(10 + i, 40, 100)})
    done = edited(sequence, [Merge(tuple(range(0, 40000, 1000)))])
    assert frames(done) == {0: list(range(40))}
