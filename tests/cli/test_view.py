from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from typer.testing import CliRunner

from skelstream.cli import app
from skelstream.formats import load, save
from skelstream.people import People
from skelstream.sequences import SequenceBuilder
from skelstream.skeleton import OPENPOSE18
from skelstream.tracking.tracked import TrackedPeople
from skelstream.video import VideoWriter
from skelstream.viewer.playable import playable_copy, plays


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def skeletons(tmp_path):
    builder = SequenceBuilder(OPENPOSE18, source="clip.mp4", height=960, width=1280)
    for i in range(3):
        builder.add(TrackedPeople.failed(i, i / 10, 18))
    path = tmp_path / "skeletons.npz"
    save(builder.finish(), path)
    return path


def test_a_page_is_written_and_replaced_with_overwrite_only(skeletons, tmp_path):
    page = tmp_path / "page.html"
    result = run("view", skeletons, "-o", page)
    assert result.exit_code == 0 and "page.html" in result.output
    assert "<title>skeletons.npz</title>" in page.read_text(encoding="utf-8")
    refused = run("view", skeletons, "-o", page)
    assert refused.exit_code == 1 and "--overwrite" in refused.output
    assert run("view", skeletons, "-o", page, "--overwrite", "--title", "Walk", "-q").output == ""
    assert "<title>Walk</title>" in page.read_text(encoding="utf-8")


def test_a_video_is_linked_or_embedded(skeletons, tmp_path):
    (tmp_path / "clip.mp4").write_bytes(np.arange(100, dtype=np.uint8).tobytes())
    assert run("view", skeletons, "--video", tmp_path / "clip.mp4", "-o", tmp_path / "a.html").exit_code == 0
    assert '"video": "clip.mp4"' in (tmp_path / "a.html").read_text(encoding="utf-8")
    embedded = run("view", skeletons, "--video", tmp_path / "clip.mp4", "--embed", "-o", tmp_path / "b.html")
    assert embedded.exit_code == 0
    assert "data:video/mp4;base64,AAEC" in (tmp_path / "b.html").read_text(encoding="utf-8")


def test_errors_are_one_line(skeletons, tmp_path):
    for arguments, said in (
        ((skeletons, "--video", "gone.mp4"), "gone.mp4"),
        ((skeletons, "--embed"), "--video"),
        ((tmp_path / "gone.npz",), "gone.npz"),
    ):
        result = run("view", *arguments, "-o", tmp_path / "page.html")
        assert result.exit_code in (1, 2) and said in result.output and "Traceback" not in result.output
    assert not (tmp_path / "page.html").exists()


def test_the_page_takes_the_size_of_the_video_and_no_video_of_another_size(skeletons, old_clip, tmp_path):
    sequence, page = load(skeletons), tmp_path / "page.html"
    for size, said in (({"height": 120, "width": 160}, "has 1280x960 pixels, the skeletons' video 160x120"),
                       ({"height": None, "width": None}, "")):  # fmt: skip
        save(replace(sequence, meta={**sequence.meta, **size}), skeletons, overwrite=True)
        result = run("view", skeletons, "--video", old_clip, "--embed", "-o", page)
        assert (result.exit_code == 1 and said in result.output) if said else result.exit_code == 0
    assert '"size": [960, 1280]' in page.read_text("utf-8")


def test_another_frame_rate_than_the_videos_is_told(tmp_path):
    """The page would show skeletons and video that do not stay together; files without times can be given their rate."""
    with VideoWriter(tmp_path / "clip.mp4", 96, 128, fps=10) as writer:
        for i in range(20):
            writer.write(np.full((96, 128, 3), 9 * i, np.uint8), i / 10)
    builder = SequenceBuilder(OPENPOSE18, source="clip.mp4", height=96, width=128)
    for i in range(20):
        person = People(np.full((1, 18, 2), 50 + i, np.float32), np.ones((1, 18), np.float32), np.ones(1, np.float32),
                        np.float32([[40, 40, 80, 80]]))  # fmt: skip
        builder.add(TrackedPeople(i, i / 10, person, np.int32([1]), np.ones(1, bool)))
    save(builder.finish(), tmp_path / "walk.alphapose.json")

    def said(*options):
        arguments = ["--video", tmp_path / "clip.mp4", "-o", tmp_path / "page.html", "--overwrite", *options]
        result = run("view", tmp_path / "walk.alphapose.json", *arguments)
        assert result.exit_code == 0, result.output
        return result.stderr

    assert "it has 30 frames a second, and" in said() and "clip.mp4 10; give the rate" in said()
    assert said("--rate", 10) == ""


def test_a_video_has_no_effect_beside_skeleton_only(skeletons, old_clip, tmp_path):
    result = run("view", skeletons, "--video", old_clip, "--skeleton-only", "-o", tmp_path / "page.html")
    assert result.exit_code == 2 and "(--video)" in result.output and not (tmp_path / "page.html").exists()


@pytest.fixture
def old_clip(tmp_path):
    """Write MPEG-4 part 2 in AVI, which no browser plays."""
    path = tmp_path / "clip.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height = 1280, 960
        for i in range(5):
            image = np.full((960, 1280, 3), 40 * i, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode(None))
    return path


def test_a_playable_copy_is_linked(skeletons, old_clip, tmp_path):
    result = run("view", skeletons, "--video", old_clip, "-o", tmp_path / "page.html")
    assert result.exit_code == 0 and "browsers do not play clip.avi" in result.stderr
    assert '"video": "page.copy.mp4"' in (tmp_path / "page.html").read_text(encoding="utf-8")
    with av.open(str(tmp_path / "page.copy.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.width, stream.height) == ("h264", 960, 720)
        assert [f.time for f in container.decode(stream)] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    (tmp_path / "page.html").unlink()
    refused = run("view", skeletons, "--video", old_clip, "-o", tmp_path / "page.html")
    assert (
        refused.exit_code == 1 and "page.copy.mp4" in refused.stderr and not (tmp_path / "page.html").exists()
    )


def test_a_playable_copy_has_the_times_of_the_video(tmp_path):
    """The page looks for a frame at its time, also where the picture begins after the sound."""
    video, copy = tmp_path / "late.mkv", tmp_path / "copy.mp4"
    with av.open(str(video), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for pts in (12, 13, 14):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "rgb24")
            frame.pts, frame.time_base = pts, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    playable_copy(video, copy)
    with av.open(str(copy)) as container:
        assert [f.time for f in container.decode(video=0)] == pytest.approx([0, 1.2, 1.3, 1.4])


def test_a_playable_copy_is_embedded(skeletons, old_clip, tmp_path):
    result = run("view", skeletons, "--video", old_clip, "--embed", "-o", tmp_path / "page.html")
    assert result.exit_code == 0 and not (tmp_path / "page.copy.mp4").exists()
    assert "data:video/mp4;base64,AAAA" in (tmp_path / "page.html").read_text(encoding="utf-8")


def _encode(path, codec, pixels):
    options = {"x265-params": "log-level=none:pools=none:frame-threads=1"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
        for pts in range(5):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "rgb24")
            frame.pts = pts
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.mark.parametrize(
    ("name", "codec", "pixels", "known"),
    [
        ("a.mp4", "libx264", "yuv420p", True),
        ("a.mov", "libx264", "yuv420p", True),
        ("a.webm", "libvpx-vp9", "yuv420p", True),
        ("a.mp4", "libx264", "yuv422p10le", False),
        ("a.mkv", "libx264", "yuv420p", False),
        ("a.mp4", "libx265", "yuv420p", False),
        ("a.mov", "prores_ks", "yuv422p10le", False),
        ("a.mp4", "mpeg4", "yuv420p", False),
        ("a.ts", "libx264", "yuv420p", False),
    ],
)
def test_playable_formats(tmp_path, name, codec, pixels, known):
    try:
        _encode(tmp_path / name, codec, pixels)
    except av.error.PatchWelcomeError:
        pytest.skip("x265 now and then makes headers that FFmpeg's own container does not take")
    assert plays(tmp_path / name) == known


@pytest.mark.parametrize("name", ["skeletons.npz", "clip.mp4"])
def test_the_page_cannot_replace_its_inputs(skeletons, tmp_path, name):
    video = tmp_path / "clip.mp4"
    video.write_bytes(b"precious")
    before = (tmp_path / name).read_bytes()
    result = run("view", skeletons, "--video", video, "-o", tmp_path / name, "--overwrite")
    assert result.exit_code == 1 and f"{name} would replace the input" in result.stderr
    assert (tmp_path / name).read_bytes() == before


def test_the_video_is_the_one_that_the_file_names(skeletons, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    missing = run("view", skeletons)
    assert "its video clip.mp4 is no file here" in missing.stderr and "--video" in missing.stderr
    assert '"video": null' in (tmp_path / "skeletons.html").read_text(encoding="utf-8")
    (tmp_path / "clip.mp4").write_bytes(b"film")
    assert run("view", skeletons, "--overwrite").stderr == ""
    assert '"video": "clip.mp4"' in (tmp_path / "skeletons.html").read_text(encoding="utf-8")
    assert run("view", skeletons, "--embed", "-o", "b.html").exit_code == 0
    assert "data:video/mp4;base64," in (tmp_path / "b.html").read_text(encoding="utf-8")
    assert run("view", skeletons, "--skeleton-only", "-o", "c.html").stderr == ""
    assert '"video": null' in (tmp_path / "c.html").read_text(encoding="utf-8")
