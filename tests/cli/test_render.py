from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

import skelstream.estimation.pose_estimator
import skelstream.extraction.extraction
from skelstream.cli import app
from skelstream.formats import load, save
from skelstream.people import People
from skelstream.sequences import SequenceBuilder
from skelstream.skeleton import OPENPOSE18
from skelstream.tracking.tracked import TrackedPeople
from skelstream.video import VideoWriter, open_source


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "clip.mp4"
    with VideoWriter(path, 120, 160, fps=10) as writer:
        for i in range(12):
            writer.write(np.full((120, 160, 3), 90, np.uint8), i / 10)
    return path


@pytest.fixture
def skeletons(tmp_path, clip):
    """Write one person in frames 2 to 9 of the clip."""
    builder = SequenceBuilder(OPENPOSE18, source=str(clip), height=120, width=160)
    points = np.random.default_rng(0).uniform((40, 30), (100, 110), (1, 18, 2)).astype(np.float32)
    for i in range(12):
        people = People.none(18)
        if 2 <= i < 10:
            box = np.array([[40, 30, 100, 110]], np.float32)
            people = People(points + i, np.full((1, 18), 0.8, np.float32), np.array([0.8], np.float32), box)
        count = len(people)
        ids = np.arange(1, count + 1, dtype=np.int32)
        builder.add(TrackedPeople(i, i / 10, people, ids, np.ones(count, bool)))
    path = tmp_path / "skeletons.npz"
    save(builder.finish(), path)
    return path


def frames(path):
    with open_source(path) as source:
        return [frame.image for frame in source]


def test_a_video_and_a_sheet_are_written(skeletons, tmp_path):
    result = run(
        "render", skeletons, "-o", tmp_path / "out.mp4", "--sheet", tmp_path / "sheet.png", "--trails", 1
    )
    assert result.exit_code == 0, result.output
    images = frames(tmp_path / "out.mp4")
    assert len(images) == 12 and np.ptp(images[5]) > 100 > np.ptp(images[0])
    assert frames(tmp_path / "sheet.png")[0].shape[1] == 1600
    assert "12, 1.10 s, 160 x 120" in result.output and "sheet.png" in result.output


def test_a_missing_video_is_an_error_and_can_be_given(skeletons, clip, tmp_path):
    moved = clip.rename(tmp_path / "moved.mp4")
    failed = run("render", skeletons, "-o", tmp_path / "out.mp4")
    assert failed.exit_code == 1 and "--video" in failed.output and not (tmp_path / "out.mp4").exists()
    assert run("render", skeletons, "--video", moved, "-o", tmp_path / "out.mp4", "-q").output == ""
    assert len(frames(tmp_path / "out.mp4")) == 12


def test_skeleton_only_needs_no_video(skeletons, clip, tmp_path):
    clip.unlink()
    result = run(
        "render", skeletons, "--skeleton-only", "-o", tmp_path / "out.gif", "--start", 0.2, "--end", 0.8
    )
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out.gif").read_bytes()[:3] == b"GIF"


def test_files_are_replaced_with_overwrite_only(skeletons, tmp_path):
    (tmp_path / "out.mp4").write_bytes(b"mine")
    result = run("render", skeletons, "-o", tmp_path / "out.mp4")
    assert result.exit_code == 1 and "--overwrite" in result.output
    assert (tmp_path / "out.mp4").read_bytes() == b"mine"
    assert run("render", skeletons, "-o", tmp_path / "out.mp4", "--overwrite").exit_code == 0
    assert len(frames(tmp_path / "out.mp4")) == 12


@pytest.mark.parametrize("arguments, message", [
    ((), "--output"),
    (("-o", "out.avi"), ".gif"),
    (("-o", "nowhere/out.mp4"), "nowhere"),
    (("-o", "out.mp4", "--start", "9"), "1.10 s"),
])  # fmt: skip
def test_errors_are_one_line(skeletons, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    result = run("render", skeletons, *arguments)
    assert result.exit_code in (1, 2) and message in result.output and "Traceback" not in result.output
    assert not list(tmp_path.glob("*out*"))


def test_a_video_is_analysed(skeletons, clip, tmp_path, monkeypatch, bars):
    asked = []

    def run_instead(source, settings, output, estimator, *, report):
        asked.append((source, settings.video.start, settings.video.end))
        return SimpleNamespace(sequence=load(skeletons), warnings=[])

    monkeypatch.setattr(skelstream.extraction.extraction, "run", run_instead)
    monkeypatch.setattr(skelstream.estimation.pose_estimator, "PoseEstimator", bars)
    result = run("render", clip, "-o", tmp_path / "out.mp4", "--end", 0.5)
    assert result.exit_code == 0, result.output
    assert asked == [(str(clip), None, 0.5)] and len(frames(tmp_path / "out.mp4")) == 5


def test_the_video_itself_is_not_replaced(skeletons, clip):
    before = clip.read_bytes()
    result = run("render", skeletons, "--video", clip, "-o", clip, "--overwrite")
    assert (
        result.exit_code == 1 and "would replace the input" in result.output and clip.read_bytes() == before
    )


def test_refinement_settings_reach_the_analysis(walk, bars, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(
        "skelstream.estimation.pose_estimator.PoseEstimator", lambda settings: made.append(settings) or bars()
    )
    for people in ("0", "2"):
        done = run("render", walk, "-o", tmp_path / f"{people}.mp4", "--refine", people)
        assert done.exit_code == 0, done.output
    assert [settings.refinement.people for settings in made] == [0, 2]
