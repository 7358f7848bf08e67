from __future__ import annotations

import numpy as np
import pytest

from skelstream.errors import SettingsError
from skelstream.sequences import WindowBuffer
from skelstream.tracking.tracked import TrackedPeople

from .conftest import person


def test_windows_are_slices_of_dense(sequence):
    windows = list(sequence.windows(length=3, stride=2, persons=2))
    assert [(w.start, w.end) for w in windows] == [(0.0, 0.08), (0.08, 0.16)]
    assert windows[0].track_ids.tolist() == [7, 3]
    assert np.array_equal(windows[0].clip, sequence.dense()[:, :3])


def test_slots_go_to_the_most_important_tracks_of_the_window(sequence):
    # Frames 1 to 3: track 7 is seen once at 0.9, track 3 twice at 0.4.
    second = list(sequence.windows(length=3, stride=1, persons=1))[1]
    assert second.track_ids.tolist() == [7]
    middle = list(sequence.windows(length=2, stride=1, persons=2))[2]
    assert middle.track_ids.tolist() == [3, 0]
    assert not middle.clip[1].any()


def test_a_short_sequence_gives_one_padded_window(sequence):
    (window,) = sequence.windows(length=10, stride=5)
    assert window.clip.shape == (2, 10, 18, 3) and not window.clip[:, 6:].any()
    assert (window.start, window.end) == (0.0, 0.20)


def test_no_frames_no_windows(builder):
    assert list(builder.finish().windows()) == []


@pytest.mark.parametrize("arguments", [(0, 1, 1), (1, 0, 1), (1, 1, 0)])
def test_sizes(sequence, arguments):
    with pytest.raises(SettingsError, match="at least 1"):
        list(sequence.windows(*arguments))
    with pytest.raises(SettingsError, match="at least 1"):
        WindowBuffer(*arguments)


def test_a_stream_gives_the_same_windows_as_soon_as_they_are_full(builder, tracked):
    buffer, given = WindowBuffer(length=4, stride=3, persons=2), []
    for i in range(12):
        people = {1: (*person(i), 0.9)} if i % 4 else {}
        people |= {2: (*person(50 + i), 0.3)} if i > 5 else {}
        frame = TrackedPeople.failed(i, i / 10, 18) if i == 7 else tracked(i, i / 10, people)
        builder.add(frame)
        window = buffer.add(frame)
        assert (window is not None) == (i in (3, 6, 9))
        given += [window] if window else []
    for a, b in zip(given, builder.finish().windows(4, 3, 2), strict=True):
        assert np.array_equal(a.clip, b.clip) and a.track_ids.tolist() == b.track_ids.tolist()
        assert (a.start, a.end) == (b.start, b.end)


def test_a_stream_waits_for_confirmation(tracked):
    buffer = WindowBuffer(length=2, stride=1)
    buffer.add(tracked(0, 0.0, {1: (*person(0), 0.9)}, confirmed=False))
    window = buffer.add(tracked(1, 0.1, {1: (*person(0), 0.9)}, confirmed=False))
    assert window.track_ids.tolist() == [0, 0] and not window.clip.any()
    window = buffer.add(tracked(2, 0.2, {1: (*person(0), 0.9)}))
    assert window.track_ids.tolist() == [1, 0]
    assert window.clip[0, :, 1:].all() and not window.clip[1].any()


def test_a_late_confirmation_is_the_one_difference(builder, tracked):
    buffer, given = WindowBuffer(length=2, stride=2), []
    for i in range(4):
        frame = tracked(
            i, i / 10, {1: (*person(i), 0.9), 2: (*person(50 + i), 0.8)}, confirmed=[1, 2] if i == 2 else [1]
        )
        builder.add(frame)
        given.append(buffer.add(frame))
    first, second = (window for window in given if window)
    early, later = builder.finish().windows(2, 2)
    assert first.track_ids.tolist() == [1, 0] and early.track_ids.tolist() == [1, 2]
    assert np.array_equal(first.clip[0], early.clip[0]) and not first.clip[1].any()
    assert np.array_equal(second.clip, later.clip) and second.track_ids.tolist() == [1, 2]


@pytest.mark.parametrize("frames", [0, 1, 3, 4, 5])
def test_a_short_stream_gives_one_padded_window_too(builder, tracked, frames):
    buffer, given = WindowBuffer(length=4, stride=1), []
    for i in range(frames):
        frame = tracked(i, i / 10, {1: (*person(i), 0.9)})
        builder.add(frame)
        given.append(buffer.add(frame))
    given.append(buffer.finish())
    whole = list(builder.finish().windows(4, 1))
    given = [window for window in given if window]
    assert len(given) == len(whole) == (frames > 0) + (frames == 5)
    for a, b in zip(given, whole, strict=True):
        assert np.array_equal(a.clip, b.clip) and (a.start, a.end) == (b.start, b.end)


def test_missing_as_nan(sequence, tracked):
    for window in sequence.windows(length=8, stride=1, fill_value=np.nan):
        assert np.array_equal(window.clip[:, :6], sequence.dense(fill_value=np.nan), equal_nan=True)
        assert np.isnan(window.clip[:, 6:, :, :2]).all() and not window.clip[:, 6:, :, 2].any()
    buffer = WindowBuffer(length=2, stride=1, fill_value=-1)
    buffer.add(tracked(0, 0.0, {1: (*person(5), 0.9)}))
    clip = buffer.add(TrackedPeople.failed(1, 0.1, 18)).clip
    assert (clip[0, 0, :, :2] >= 5).all() and (clip[0, 1, :, :2] == -1).all() and not clip[:, 1, :, 2].any()


def test_strides_longer_than_a_window(builder, tracked):
    buffer, starts = WindowBuffer(length=2, stride=5), []
    for i in range(20):
        frame = tracked(i, i / 10, {1: (*person(i), 0.9)})
        builder.add(frame)
        starts += [window.start for window in [buffer.add(frame)] if window]
    assert starts == [window.start for window in builder.finish().windows(2, 5)] == [0.0, 0.5, 1.0, 1.5]


def test_memory_does_not_grow(tracked):
    buffer = WindowBuffer(length=4, stride=3)
    for i in range(100):
        buffer.add(tracked(i, i / 10, {i + 1: (*person(i), 0.9)}))
    assert len(buffer._frames) == 4
