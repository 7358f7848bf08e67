from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest

from skelstream.drawing.colors import PLAIN_BACKGROUND
from skelstream.drawing.movie import MovieSettings, render
from skelstream.drawing.overlay import OverlaySettings
from skelstream.drawing.sheet import sequence_sheet, write_png
from skelstream.drawing.skeletons import Style
from skelstream.errors import OutputError, SourceError
from skelstream.sequences import SequenceBuilder
from skelstream.skeleton import COCO17
from skelstream.tracking.tracked import TrackedPeople
from skelstream.video import VideoWriter, open_source

# Variable frame rate: 20, then 10, then 25 images a second, and one long pause.
TIMES = np.cumsum([0, *[0.05] * 10, *[0.1] * 6, 0.5, *[0.04] * 12])


def level(index):
    return 60 + 4 * index


@pytest.fixture
def clip(tmp_path):
    """Thirty frames of 320 x 240, each of its own grey, at ``TIMES``."""
    path = tmp_path / "clip.mp4"
    with VideoWriter(path, 240, 320, fps=20) as writer:
        for i, time in enumerate(TIMES):
            writer.write(np.full((240, 320, 3), level(i), np.uint8), float(time))
    return path


@pytest.fixture
def sequence(make_walkers, make_figure, clip):
    return make_walkers(
        TIMES, lambda i: {1: make_figure(60 + 4 * i, 60, 150, i / 2)} if i >= 5 else {}, source=str(clip)
    )


def add_sound(path, target):
    """The clip with a second of a 440 Hz tone that begins with it."""
    with av.open(str(path)) as source, av.open(str(target), "w") as out:
        images = out.add_stream_from_template(source.streams.video[0])
        sound = out.add_stream("aac", rate=16000)
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = images
                out.mux(packet)
        tone = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000).astype(np.float32)
        for start in range(0, 16000, 1000):
            frame = av.AudioFrame.from_ndarray(tone[None, start : start + 1000], "fltp", "mono")
            frame.sample_rate, frame.pts, frame.time_base = 16000, start, Fraction(1, 16000)
            out.mux(sound.encode(frame))
        out.mux(sound.encode(None))
    return target


def read(path):
    with open_source(path) as source:
        return list(source)


def test_frames_keep_their_times_and_get_their_people(tmp_path, sequence, clip):
    steps = []
    done = render(
        sequence, tmp_path / "out.mp4", clip, progress=lambda *step: steps.append(step)
    )  # fmt: skip
    frames = read(tmp_path / "out.mp4")
    assert done.frames == len(frames) == 30 and done.people == 25 and done.size == (240, 320)
    assert done.seconds == pytest.approx(TIMES[-1], abs=1e-3)
    np.testing.assert_allclose([f.time for f in frames], TIMES, atol=1e-3)
    for i, frame in enumerate(frames):
        np.testing.assert_allclose(frame.image[220, 10], level(i), atol=5)
        neck = 60 + 4 * i, 60 + round(0.13 * 150)
        drawn = np.abs(frame.image[neck[1], neck[0]].astype(int) - level(i)).max() > 40
        assert drawn == (i >= 5), i
    assert steps == [(i + 1, 30) for i in range(30)]


def test_sound_is_kept_and_can_be_left_out(tmp_path, sequence, clip):
    loud = add_sound(clip, tmp_path / "loud.mp4")
    render(sequence, tmp_path / "with.mp4", loud)
    render(sequence, tmp_path / "without.mp4", loud, movie=MovieSettings(sound=False))
    render(sequence, tmp_path / "only.mp4", loud, OverlaySettings(skeleton_only=True))
    for name, kept in (("with", True), ("without", False), ("only", True)):
        with av.open(str(tmp_path / f"{name}.mp4")) as container:
            assert bool(container.streams.audio) == kept
            if kept:
                samples = np.concatenate([f.to_ndarray()[0] for f in container.decode(audio=0)])
                assert 0.9 < len(samples) / 16000 < 1.2 and np.abs(samples).max() > 0.5


def test_a_part_and_a_smaller_size(tmp_path, sequence, clip):
    done = render(sequence, tmp_path / "out.mp4", clip, movie=MovieSettings(start=0.3, end=1.0, width=160))
    wanted = TIMES[(TIMES >= 0.3) & (TIMES < 1.0)]
    frames = read(tmp_path / "out.mp4")
    assert done.frames == len(frames) == len(wanted) and frames[0].image.shape == (120, 160, 3)
    np.testing.assert_allclose([f.time for f in frames], wanted - wanted[0], atol=1e-3)
    first = int(np.searchsorted(TIMES, 0.3))
    np.testing.assert_allclose(frames[0].image[5, 5], level(first), atol=5)


def test_frames_that_were_not_processed_are_not_shown(tmp_path, make_walkers, make_figure, clip):
    sequence = make_walkers(TIMES[::3], lambda i: {1: make_figure(60, 60, 150)})
    sequence.frame_index[:] = np.arange(0, 30, 3)
    assert render(sequence, tmp_path / "out.mp4", clip).frames == 10
    frames = read(tmp_path / "out.mp4")
    np.testing.assert_allclose([f.time for f in frames], TIMES[::3], atol=1e-3)
    np.testing.assert_allclose(
        [f.image[5, 5, 0] for f in frames], [level(i) for i in range(0, 30, 3)], atol=5
    )


def test_without_a_video(tmp_path, two_walkers):
    done = render(two_walkers, tmp_path / "out.mp4")
    frames = read(tmp_path / "out.mp4")
    assert done.frames == len(frames) == 40
    np.testing.assert_allclose(frames[0].image[5, 5], PLAIN_BACKGROUND, atol=4)


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_animations(tmp_path, sequence, clip, suffix):
    done = render(sequence, tmp_path / f"a{suffix}", clip, movie=MovieSettings(width=100, fps=50))
    assert done.size == (75, 100) and (tmp_path / f"a{suffix}").stat().st_size > 1000


def test_another_video_is_refused(tmp_path, sequence):
    other = tmp_path / "other.mp4"
    with VideoWriter(other, 100, 100) as writer:
        writer.write(np.zeros((100, 100, 3), np.uint8), 0)
    with pytest.raises(SourceError, match="100x100.*320x240"):
        render(sequence, tmp_path / "out.mp4", other)
    with pytest.raises(SourceError, match="100x100.*320x240"):
        sequence_sheet(sequence, other)
    with pytest.raises(SourceError, match="does not exist"):
        render(sequence, tmp_path / "out.mp4", tmp_path / "none.mp4")
    assert [p.name for p in tmp_path.glob("*out*")] == []


def test_people_of_images_of_unknown_size_are_drawn_at_the_size_of_the_video(tmp_path, sequence, clip):
    """Else the images would have a size that is guessed from the joints, and people would stand beside themselves."""
    unknown = replace(sequence, meta={**sequence.meta, "height": None, "width": None})
    assert render(unknown, tmp_path / "out.mp4", clip).size == (240, 320)
    np.testing.assert_array_equal(sequence_sheet(unknown, clip), sequence_sheet(sequence, clip))


def test_what_cannot_be_written_is_said(tmp_path, two_walkers, make_walkers):
    with pytest.raises(OutputError, match="mp4, .gif or .webp"):
        render(two_walkers, tmp_path / "out.avi")
    with pytest.raises(SourceError, match="last is at 1.95 s"):
        render(two_walkers, tmp_path / "out.mp4", movie=MovieSettings(start=5))
    with pytest.raises(SourceError, match="no frame"):
        render(make_walkers([], lambda i: {}), tmp_path / "out.mp4")
    long = make_walkers(np.arange(2000) / 10, lambda i: {})
    with pytest.raises(OutputError, match="too long"):
        render(long, tmp_path / "out.gif")


def test_sheet_shows_the_frames_of_the_video(tmp_path, sequence, clip):
    sheet = sequence_sheet(sequence, clip, count=4, columns=4, width=1312)
    write_png(tmp_path / "sheet.png", sheet)
    with open_source(tmp_path / "sheet.png") as source:
        again = next(iter(source)).image
    np.testing.assert_array_equal(again, sheet)
    greys = sheet[-20, [30, 357, 684, 1011]].astype(int).mean(1)
    assert (np.diff(greys) > 4).all() and level(5) - 6 < greys[0] and greys[-1] < level(29) + 6


def test_sheet_of_a_long_video_reads_only_what_it_needs(tmp_path, make_walkers, make_figure):
    path = tmp_path / "long.mp4"
    times = np.arange(60) * 2.0
    with VideoWriter(path, 60, 80, fps=1) as writer:
        for i, time in enumerate(times):
            writer.write(np.full((60, 80, 3), 2 * i + 50, np.uint8), time)
    sequence = make_walkers(times, lambda i: {1: make_figure(40, 10, 40)}, height=60, width=80)
    sheet = sequence_sheet(sequence, path, count=3, columns=3, width=272)
    greys = sheet[-14, [12, 100, 188]].astype(int).mean(1)
    np.testing.assert_allclose(greys, [50 + 2 * i for i in (10, 30, 50)], atol=6)


def test_blurred_faces_are_blurred_on_the_sheet_too(tmp_path, make_walkers, make_figure):
    path = tmp_path / "noise.png"
    noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
    write_png(path, noise)
    sequence = make_walkers([0.0], lambda i: {1: make_figure(160, 60, 150)})
    look = OverlaySettings(Style(labels=False, min_score=1.0), blur_faces=True)
    sheet = sequence_sheet(sequence, path, count=1, width=336, settings=look)
    left, top = 8, 8 + 26
    head, feet = (
        sheet[top + 65 : top + 75, left + 155 : left + 165],
        sheet[top + 200 : top + 210, left + 155 : left + 165],
    )
    assert head.std() < feet.std() / 3


def test_a_picture_that_no_codec_takes_is_refused_before_any_work(tmp_path):
    sequence = SequenceBuilder(COCO17, source="a.mp4", height=40_000, width=40_000)
    for i in range(2):
        sequence.add(TrackedPeople.failed(i, i / 10, 17))
    with pytest.raises(OutputError, match="give a width") as error:
        render(sequence.finish(), tmp_path / "a.mp4")
    assert error.value.setting == "width" and not list(tmp_path.iterdir())
