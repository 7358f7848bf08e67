from __future__ import annotations

import cv2
import numpy as np
import pytest

from skelstream.drawing.by_frame import PeopleByFrame, image_size, open_video, video_times
from skelstream.errors import SourceError
from skelstream.extraction.extraction import run
from skelstream.extraction.settings import ExtractionSettings
from skelstream.processing.resampling import resampled


def test_every_frame_gives_its_people_and_no_others(two_walkers):
    people = PeopleByFrame(two_walkers)
    expected = np.bincount(two_walkers.frame, minlength=two_walkers.frames)
    assert people.counts.tolist() == expected.tolist()
    for track in two_walkers:
        for k, row in enumerate(track.frame):
            shown = people[row]
            at = shown.ids.tolist().index(track.id)
            np.testing.assert_array_equal(shown.keypoints[at], track.keypoints[k])
            np.testing.assert_array_equal(shown.scores[at], track.scores[k])
    assert len(people[0]) == 0 and people[0].keypoints.shape == (0, 18, 2)
    assert people[12].ids.tolist() == [1, 2]


def test_rows_are_found_by_the_number_of_the_frame_in_the_source(make_walkers, make_figure):
    sequence = make_walkers(np.arange(5) / 10, lambda i: {1: make_figure(50, 20, 100)})
    sequence.frame_index[:] = [10, 13, 16, 19, 22]
    people = PeopleByFrame(sequence)
    assert [people.row_of(i) for i in (9, 10, 11, 16, 22, 23)] == [None, 0, None, 2, 4, None]


def test_a_sequence_without_people(make_walkers):
    people = PeopleByFrame(make_walkers(np.arange(3) / 10, lambda i: {}))
    assert people.counts.tolist() == [0, 0, 0] and len(people[2]) == 0


@pytest.mark.parametrize("present", [True, False])
def test_size_of_a_sequence_that_does_not_say(make_walkers, make_figure, present):
    there = {1: make_figure(200, 40, 300)} if present else {}
    height, width = image_size(make_walkers([0.0], lambda i: there, height=None, width=None))
    assert (height > 325 and width > 240) if present else (height, width) == (480, 640)
    assert image_size(make_walkers([0.0], lambda i: there)) == (240, 320)


def test_images_are_opened_at_the_rate_they_came_at(tmp_path, draw_bars, bars):
    for number in range(3, 43):
        cv2.imwrite(str(tmp_path / f"{number:04}.png"), draw_bars(10 + 3 * number))
    sequence = run(
        tmp_path, ExtractionSettings().with_options(rate=5.0, slow_motion=2.0), estimator=bars()
    ).sequence
    with open_video(sequence, tmp_path, start=1.0) as frames:
        found = {frame.index: frame.time for frame in frames}
    assert list(found) == list(range(8, 43))
    times = dict(zip(sequence.frame_index.tolist(), video_times(sequence).tolist(), strict=True))
    assert list(found.values()) == pytest.approx([times[index] for index in found])


def test_frames_that_the_video_does_not_have_are_not_drawn_on_it(two_walkers, tmp_path):
    more = resampled(two_walkers, 100.0)
    with pytest.raises(SourceError, match="resampled"):
        open_video(more, tmp_path / "a.mp4")
