"""New identities from the tracker: the file's own ids count for nothing, poses and frames stay."""

from dataclasses import replace

import numpy as np
import pytest

from skelstream.editing import Swap, edited
from skelstream.errors import FormatError
from skelstream.processing import exchanges, filled, resampled, smoothed, tracked_again, with_identities
from skelstream.sequences import Detections
from skelstream.settings import TrackerSettings
from skelstream.video import Frame

RED, BLUE, GREY = (200, 30, 30), (30, 30, 200), (120, 120, 120)


@pytest.fixture
def slots(make_walkers, make_figure):
    """Two people 150 pixels apart in 30 frames at 25 a second, who change ids each third frame; frame 9 failed."""

    def present(i):
        if i == 9:
            return None
        people = make_figure(60 + i, 40, 150, i / 3), make_figure(210 - i, 60, 150, i / 4)
        return dict(zip((1, 2) if i // 3 % 2 else (2, 1), people, strict=True))

    return make_walkers(np.arange(30) / 25, present)


def test_slots_that_swap_become_two_people(slots):
    assert max(np.abs(np.diff(track.keypoints[:, 1, 0])).max() for track in slots) > 100
    again = tracked_again(slots)
    assert sorted(map(len, again)) == [29, 29]
    assert max(np.abs(np.diff(track.keypoints[:, 1, 0])).max() for track in again) < 5
    assert np.array_equal(again.frame_time, slots.frame_time) and not again.frame_ok[9]
    assert again.meta["tracked"] == {"poses": 58, "colours": False}
    assert again.meta["settings"]["tracking"]["tracker"] == "skelstream"
    assert set(map(tuple, again.boxes.tolist())) == set(map(tuple, slots.boxes.tolist()))
    both = np.sort(again.keypoints.reshape(len(again.frame), -1), 0)
    assert np.array_equal(both, np.sort(slots.keypoints.reshape(len(slots.frame), -1), 0))


def test_the_result_does_not_depend_on_the_old_ids(slots, two_walkers):
    for other in (replace(slots, track_ids=np.array([70, 3], np.int32)), edited(slots, [Swap((1, 2), 0)])):
        assert tracked_again(other).equals(tracked_again(slots))
    again = tracked_again(two_walkers)
    assert tracked_again(again).equals(again)


def test_gaps_stay_gaps(two_walkers):
    again = tracked_again(two_walkers, TrackerSettings(max_lost=2))
    standing = min(again, key=len)
    assert standing.frame.tolist() == [*range(10, 16), *range(22, 30)]


def test_filled_and_smoothed_values_are_left_out(two_walkers):
    clean = smoothed(filled(two_walkers, 1.0))
    again = tracked_again(clean)
    assert again.raw is None and not {"filled", "smoothed"} & set(again.meta)
    assert again.equals(tracked_again(two_walkers))


def test_all_poses_of_resampled_people_are_tracked(two_walkers):
    even = resampled(two_walkers, 17)
    again = tracked_again(even, TrackerSettings(max_lost=2))
    assert len(again.frame) == len(even.frame) and np.isfinite(again.keypoints).all() and again.raw is None
    assert again.meta["resampled"] == even.meta["resampled"]


def test_facts_of_old_identities_go_and_others_stay(two_walkers):
    meta = {
        **two_walkers.meta,
        "model": "paf",
        "names": {"1": "Anna"},
        "person": "longest",
        "warnings": ["old"],
    }
    again = tracked_again(replace(two_walkers, meta=meta))
    assert again.meta["model"] == "paf" and again.meta["warnings"] == ["old"]
    assert not {"names", "person"} & set(again.meta)


def test_warnings_about_the_old_tracking_go(two_walkers):
    apart = tracked_again(two_walkers, TrackerSettings(max_interval=0.01))
    assert len(apart.meta["warnings"]) == 1
    assert tracked_again(apart, TrackerSettings(max_interval=0.01)).meta["warnings"] == apart.meta["warnings"]
    alone = tracked_again(two_walkers, TrackerSettings(follow=False))
    assert len(alone.meta["warnings"]) == 1
    assert tracked_again(alone).meta["warnings"] == []


def test_exchanges_are_counted(slots, two_walkers):
    assert exchanges(slots) == 2 * 8  # nine changes of slots; the one at the failed frame is not seen
    assert exchanges(tracked_again(slots)) == exchanges(two_walkers) == 0


def test_progress_is_told(slots):
    told = []
    tracked_again(slots, report=lambda done, total: told.append((done, total)))
    assert told == [(i, 30) for i in range(1, 31)]


def images(sequence, colours, size=(240, 320)):
    """Frames in which each person's limbs have the colour ``colours(frame, person)``."""
    for t in range(sequence.frames):
        image = np.full((*size, 3), GREY, np.uint8)
        for k in np.flatnonzero(sequence.frame == t):
            x0, y0, x1, y1 = sequence.boxes[k].astype(int)
            image[max(0, y0) : y1 + 1, max(0, x0) : x1 + 1] = colours(t, k)
        yield Frame(t, t / 20, image)


def test_tracks_of_one_person_are_joined_by_colours(make_walkers, make_figure):
    """A person who is away for 1.5 seconds is one person where the colours agree, and two where they do not."""

    def present(i):
        return {1: make_figure(100, 40, 150)} if i < 20 or i >= 50 else {}

    sequence = make_walkers(np.arange(70) / 20, present)
    assert len(tracked_again(sequence)) == 2
    one = tracked_again(sequence, images=images(sequence, lambda t, k: RED))
    assert len(one) == 1 and one.meta["linking"] == {"tracklets": 2, "cut": [], "joined": [[1, 2]]}
    assert one.meta["tracked"]["colours"] and len(one.frame) == 40
    assert (
        len(tracked_again(sequence, TrackerSettings(linking=False), images(sequence, lambda t, k: RED))) == 2
    )
    assert len(tracked_again(sequence, images=images(sequence, lambda t, k: RED if t < 30 else BLUE))) == 2


def test_another_video_is_refused(two_walkers):
    def seen(size):
        return images(two_walkers, lambda t, k: RED, size)

    with pytest.raises(FormatError, match="320x200 pixels, the skeletons are of 320x240"):
        tracked_again(two_walkers, images=seen((200, 320)))
    with pytest.raises(FormatError, match="no frame 25"):
        tracked_again(two_walkers, images=(frame for frame in seen((240, 320)) if frame.index < 25))
    with pytest.raises(FormatError, match="no frame 7"):
        tracked_again(two_walkers, images=(frame for frame in seen((240, 320)) if frame.index != 7))


def test_signs_of_another_video_are_told(two_walkers):
    """Frames of the same size and numbers, but other times or more of them, are likely another video's."""
    own = list(images(two_walkers, lambda t, k: RED))
    times = two_walkers.frame_time.tolist()
    right = [replace(frame, time=3 + time) for frame, time in zip(own, times, strict=True)]
    assert tracked_again(two_walkers, images=right).meta["warnings"] == []
    faster = [replace(frame, time=0.9 * frame.time) for frame in right]
    (line,) = tracked_again(two_walkers, images=faster).meta["warnings"]
    assert (
        "s after the first one in the given video" in line
        and "give the video that they were made from" in line
    )

    def longer(seconds):
        return [*right, replace(own[-1], index=len(own) + 9, time=right[-1].time + seconds)]

    assert tracked_again(two_walkers, images=longer(0.9)).meta["warnings"] == []
    doubtful = tracked_again(two_walkers, images=longer(1.1))
    (line,) = doubtful.meta["warnings"]
    assert f"goes on after frame {len(own) - 1}" in line
    assert tracked_again(doubtful, images=right).meta["warnings"] == []
    part = {**two_walkers.meta, "settings": {"video": {"end": times[-1] + 0.01}}}
    assert tracked_again(replace(two_walkers, meta=part), images=longer(1.1)).meta["warnings"] == []


def test_images_of_a_folder_have_no_times_that_could_differ(two_walkers, tmp_path):
    from skelstream.drawing.sheet import write_png
    from skelstream.video import open_source

    for frame in images(two_walkers, lambda t, k: RED):
        write_png(tmp_path / f"{frame.index:04}.png", frame.image)
    with open_source(tmp_path) as folder:
        assert folder.info.fps == 30 != 1 / np.diff(two_walkers.frame_time)[0]
        assert tracked_again(two_walkers, images=folder).meta["warnings"] == []


def test_times_of_slow_motion_are_those_of_its_video(two_walkers):
    meta = {**two_walkers.meta, "settings": {"video": {"slow_motion": 4.0}}}
    slow = replace(two_walkers, meta=meta, frame_time=two_walkers.frame_time / 4)
    times = two_walkers.frame_time.tolist()
    shown = images(two_walkers, lambda t, k: RED)
    frames = [replace(frame, time=time) for frame, time in zip(shown, times, strict=True)]
    assert tracked_again(slow, images=frames).meta["warnings"] == []


def test_nobody_is_tracked_in_photos(two_walkers):
    photos = tracked_again(two_walkers, TrackerSettings(follow=False))
    assert len(tracked_again(photos)) == len(two_walkers)  # a video that was extracted without tracking
    names = [f"{i}.jpg" for i in range(two_walkers.frames)]
    with pytest.raises(FormatError, match="stand alone as photos do"):
        tracked_again(replace(photos, meta={**photos.meta, "images": names}))
    frames = replace(two_walkers, meta={**two_walkers.meta, "images": names})
    assert len(tracked_again(frames)) == len(two_walkers)
    rate = {
        **photos.meta,
        "images": names,
        "settings": {"tracking": {"follow": False}, "video": {"rate": 20.0}},
    }
    assert len(tracked_again(replace(photos, meta=rate))) == len(two_walkers)


def test_detections_are_tracked_the_same_way(slots):
    from skelstream.processing.identities import _detections

    detections = _detections(slots)
    assert isinstance(detections, Detections)
    first, second = with_identities(detections), tracked_again(slots)
    assert [track.frame.tolist() for track in first] == [track.frame.tolist() for track in second]
    assert with_identities(slots) is slots


def test_nobody_is_followed_from_one_shot_to_another(two_walkers):
    one = tracked_again(two_walkers)
    begin = float(two_walkers.frame_time[len(two_walkers.frame_time) // 2])
    two = tracked_again(replace(two_walkers, meta={**two_walkers.meta, "shots": [round(begin, 6)]}))
    assert len(one) == 2 and len(two) == 4 and len(two.frame) == len(one.frame)
    ends = [(float(track.times[0]), float(track.times[-1])) for track in two]
    assert all((last < begin) != (first >= begin) for first, last in ends)
    assert two.meta["shots"] == [round(begin, 6)] and "shots" not in one.meta
