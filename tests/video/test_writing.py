from __future__ import annotations

import os
from fractions import Fraction

import av
import numpy as np
import pytest

from skelstream.errors import OutputError, SourceError
from skelstream.video import VideoWriter, open_source


def read(path):
    with open_source(path) as source:
        return list(source)


def write(make, path, numbers=range(10), times=None, **options):
    with VideoWriter(path, make.HEIGHT, make.WIDTH, fps=25, **options) as writer:
        for number in numbers:
            writer.write(make.marked(number), number / 25 if times is None else times[number])
    return path


def encode_with_sound(make, path, begin=0):
    """Two seconds of images from frame ``begin`` on, and of a tone that is silent in its first second."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.pix_fmt, video.width, video.height = "yuv420p", make.WIDTH, make.HEIGHT
        sound = container.add_stream("aac", rate=16000, layout="mono")
        for i in range(begin, 50):
            image = av.VideoFrame.from_ndarray(make.marked(i), "rgb24")
            image.pts, image.time_base = i, Fraction(1, 25)
            container.mux(video.encode(image))
        t = np.arange(32000) / 16000
        frame = av.AudioFrame.from_ndarray(
            (np.sin(t * 3000) * (t > 1))[None].astype(np.float32), "fltp", "mono"
        )
        frame.sample_rate = 16000
        container.mux(sound.encode(frame))
        container.mux(video.encode(None))
        container.mux(sound.encode(None))
    return path


@pytest.fixture(scope="module")
def with_sound(make, tmp_path_factory):
    return encode_with_sound(make, tmp_path_factory.mktemp("sound") / "sound.mp4")


def sound_of(path):
    """Seconds and loudness of each decoded block of sound."""
    with av.open(str(path)) as container:
        return [(f.time, float(np.abs(f.to_ndarray()).mean())) for f in container.decode(audio=0)]


def test_frames_come_back(make, tmp_path):
    frames = read(write(make, tmp_path / "a.mp4"))
    assert [make.number_in(f.image) for f in frames] == list(range(10))
    assert [f.time for f in frames] == pytest.approx([i / 25 for i in range(10)], abs=1e-4)
    assert os.listdir(tmp_path) == ["a.mp4"]


def test_variable_frame_rate_is_kept(make, tmp_path):
    times = np.cumsum([3.0, 0.033, 0.034, 0.12, 0.005, 0.9, 0.033, 1 / 3, 0.25, 0.033])
    frames = read(write(make, tmp_path / "a.mp4", times=times))
    assert [make.number_in(f.image) for f in frames] == list(range(10))
    np.testing.assert_allclose([f.time for f in frames], times - times[0], atol=1e-4)


def test_times_that_stand_still(make, tmp_path):
    frames = read(
        write(make, tmp_path / "a.mp4", times=[0, 0.04, 0.04, 0.04, 0.03, 0.2, 0.24, 0.28, 0.32, 0.36])
    )
    assert [make.number_in(f.image) for f in frames] == list(range(10))


@pytest.mark.parametrize(("height", "width"), [(47, 127), (48, 127), (47, 128), (1, 1)])
def test_odd_sizes_are_padded(make, tmp_path, height, width):
    image = make.marked(33, height, width) if height > 1 else np.full((1, 1, 3), 200, np.uint8)
    with VideoWriter(tmp_path / "a.mp4", height, width) as writer:
        writer.write(image, 0)
    shown = read(tmp_path / "a.mp4")[0].image
    assert shown.shape == (height + height % 2, width + width % 2, 3)
    assert np.abs(shown[:height, :width].astype(int) - image).mean() < 6
    assert np.abs(shown[-1].astype(int) - shown[height - 1]).mean() < 12


@pytest.mark.parametrize("colour", [(200, 30, 40), (20, 190, 60), (40, 50, 210), (0, 0, 0), (255, 255, 255)])
def test_colours_come_back(tmp_path, colour):
    with VideoWriter(tmp_path / "a.mp4", 64, 64) as writer:
        writer.write(np.full((64, 64, 3), colour, np.uint8), 0)
    np.testing.assert_allclose(read(tmp_path / "a.mp4")[0].image[32, 32], colour, atol=5)


def test_one_frame_lasts_an_interval(make, tmp_path):
    write(make, tmp_path / "a.mp4", range(1))
    with open_source(tmp_path / "a.mp4") as source:
        assert source.info.duration == pytest.approx(0.04, abs=1e-3)


def test_sound_is_copied(make, with_sound, tmp_path):
    path = write(make, tmp_path / "a.mp4", range(50), audio_from=with_sound)
    assert [make.number_in(f.image) for f in read(path)] == list(range(50))
    sound, original = sound_of(path), sound_of(with_sound)
    assert len(sound) == pytest.approx(len(original), abs=2)
    onset = next(time for time, loud in sound if loud > 0.1)
    assert onset == pytest.approx(1, abs=0.1)


def test_sound_of_a_part(make, with_sound, tmp_path):
    path = tmp_path / "a.mp4"
    with (
        open_source(with_sound, start=0.6, end=1.6) as source,
        VideoWriter(path, make.HEIGHT, make.WIDTH, audio_from=with_sound) as writer,
    ):
        for frame in source:
            writer.write(frame.image, frame.time)
    sound = sound_of(path)
    assert next(time for time, loud in sound if loud > 0.1) == pytest.approx(0.4, abs=0.1)
    assert sound[-1][0] == pytest.approx(0.95, abs=0.15)
    assert [make.number_in(f.image) for f in read(path)] == list(range(15, 40))


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_images_that_begin_after_their_sound(make, tmp_path, suffix):
    """Times, parts and the copied sound are on the clock that players show."""
    path = encode_with_sound(make, tmp_path / f"late.{suffix}", begin=30)
    for options, numbers in (({}, range(30, 50)), ({"start": 1.4, "end": 1.6}, range(35, 40))):
        with open_source(path, **options) as source:
            frames = list(source)
        assert source.warnings == []
        assert [make.number_in(f.image) for f in frames] == list(numbers)
        assert [f.time for f in frames] == pytest.approx([n / 25 for n in numbers], abs=0.005)
    copy = tmp_path / "copy.mp4"
    with open_source(path) as source, VideoWriter(copy, 48, make.WIDTH, audio_from=path) as writer:
        for frame in source:
            writer.write(frame.image, frame.time)
    assert (
        min(loud for _, loud in sound_of(copy)[:-1]) > 0.1
    )  # the tone's silent second is before the first image


def test_a_source_without_sound(make, plain, tmp_path):
    path = write(make, tmp_path / "a.mp4", audio_from=plain)
    with av.open(str(path)) as container:
        assert not container.streams.audio and len(container.streams.video) == 1


def test_failure_leaves_the_old_file(make, tmp_path):
    (tmp_path / "a.mp4").write_text("old")
    with pytest.raises(RuntimeError), VideoWriter(tmp_path / "a.mp4", make.HEIGHT, make.WIDTH) as writer:
        writer.write(make.marked(1), 0)
        raise RuntimeError
    assert os.listdir(tmp_path) == ["a.mp4"] and (tmp_path / "a.mp4").read_text() == "old"


def test_the_name_appears_when_complete(make, tmp_path):
    writer = VideoWriter(tmp_path / "a.mp4", make.HEIGHT, make.WIDTH)
    writer.write(make.marked(1), 0)
    assert not (tmp_path / "a.mp4").exists()
    writer.close()
    writer.close()
    assert len(read(tmp_path / "a.mp4")) == 1


def test_no_frames(make, tmp_path):
    with pytest.raises(OutputError, match="no frame was written"), VideoWriter(tmp_path / "a.mp4", 48, 64):
        pass
    assert os.listdir(tmp_path) == []


def test_wrong_images(make, tmp_path):
    for image in (np.zeros((48, 64, 3), np.uint8), np.zeros((48, 128), np.uint8), np.zeros((48, 128, 3))):
        with (
            pytest.raises(OutputError, match="not uint8"),
            VideoWriter(tmp_path / "a.mp4", 48, 128) as writer,
        ):
            writer.write(image, 0)
    assert os.listdir(tmp_path) == []


def test_no_such_folder(tmp_path):
    with pytest.raises(OutputError, match="create it first") as caught:
        VideoWriter(tmp_path / "no" / "a.mp4", 48, 64)
    assert "\n" not in str(caught.value)


def test_no_such_sound(tmp_path):
    with pytest.raises(SourceError, match="does not exist"):
        VideoWriter(tmp_path / "a.mp4", 48, 64, audio_from=tmp_path / "b.mp4")
    assert os.listdir(tmp_path) == []


def test_sound_that_mp4_cannot_hold(make, tmp_path):
    source = tmp_path / "b.mkv"
    with av.open(str(source), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.pix_fmt, video.width, video.height = "yuv420p", make.WIDTH, make.HEIGHT
        sound = container.add_stream("pcm_u8", rate=8000, layout="mono")
        container.mux(video.encode(av.VideoFrame.from_ndarray(make.marked(1), "rgb24")))
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.uint8), "u8", "mono")
        frame.sample_rate = 8000
        container.mux(sound.encode(frame))
        container.mux(video.encode(None))
    with pytest.raises(OutputError, match="sound cannot be put into an MP4"):
        VideoWriter(tmp_path / "a.mp4", 48, 64, audio_from=source)
    assert os.listdir(tmp_path) == ["b.mkv"]
