from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from skelstream.cli import app
from skelstream.formats import FORMATS, load, save
from skelstream.processing import filled, resampled
from skelstream.video import VideoWriter

from ..drawing.conftest import figure, walkers


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def slots():
    """Two people in 30 frames who change ids each third frame."""

    def present(i):
        people = figure(60 + i, 40, 150, i / 3), figure(210 - i, 60, 150, i / 4)
        return dict(zip((1, 2) if i // 3 % 2 else (2, 1), people, strict=True))

    return walkers(np.arange(30) / 25, present)


@pytest.fixture
def file(tmp_path):
    save(slots(), tmp_path / "slots.npz")
    return tmp_path / "slots.npz"


def jump(path):
    """The farthest way of a neck from one frame to the next, in pixels."""
    sequence = load(path) if not path.name.endswith(".pkl") else load(path, fps=25)
    neck = 1 if sequence.skeleton.name == "openpose18" else 5
    return max(np.abs(np.diff(track.keypoints[:, neck, 0])).max() for track in sequence)


@pytest.mark.parametrize("ending", [".npz", ".pkl", ".csv", ".jsonl", ".alphapose.json", ".coco.json"])
def test_swapping_ids_are_put_right_in_files_of_any_kind(file, tmp_path, ending):
    given = tmp_path / f"given{ending}"
    assert run("convert", file, "-o", given).exit_code == 0
    assert jump(given) > 100
    result = run("track", given, "-o", tmp_path / "out.npz", "--rate", 25, "--size", "320x240")
    assert result.exit_code == 0 and "30 frames, 2 tracks" in result.output, result.output
    assert jump(tmp_path / "out.npz") < 8


@pytest.fixture
def without_ids(file, tmp_path):
    """A folder of OpenPose JSON in which nobody has an id."""
    assert run("convert", file, "-o", tmp_path / "op", "-f", "openpose").exit_code == 0
    for path in (tmp_path / "op").iterdir():
        frame = json.loads(path.read_text())
        for person in frame["people"]:
            person["person_id"] = [-1]
        path.write_text(json.dumps(frame))
    return tmp_path / "op"


def test_people_without_ids_are_tracked(without_ids, tmp_path):
    result = run("track", without_ids, "-o", tmp_path / "out.npz", "--size", "320x240", "--rate", 25)
    assert result.exit_code == 0 and "30 frames, 2 tracks" in result.output, result.output
    assert load(tmp_path / "out.npz").size == (240, 320)


@pytest.mark.parametrize("format", [name for name, one in FORMATS.items() if one.write and not one.join])
def test_every_format_of_one_video_is_written(file, tmp_path, format):
    if format in ("trc", "bvh"):
        pytest.skip("holds 3D alone")
    one = FORMATS[format]
    result = run(
        "track", file, "-o", tmp_path / f"out{'' if one.folder else one.extensions[0]}", "-f", format
    )
    assert result.exit_code == 0, result.output


def test_standard_output_takes_json_lines(file):
    result = run("track", file, "-o", "-", "-q")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(lines) == 30 and {person["id"] for line in lines for person in line["people"]} == {1, 2}


def test_a_warning_of_the_tracker_is_told_each_time(file, tmp_path):
    for number, given in enumerate((file, tmp_path / "out0.npz")):
        result = run("track", given, "-o", tmp_path / f"out{number}.npz", "--max-interval", 0.01)
        assert result.exit_code == 0 and result.output.count("people are not followed") == 1, result.output


def test_the_input_is_never_replaced(file, tmp_path):
    before = file.read_bytes()
    (tmp_path / "link.npz").symlink_to(file)
    for output in (file, tmp_path / "link.npz"):
        result = run("track", file, "-o", output, "--overwrite")
        assert result.exit_code == 1 and "would replace the input" in result.output
    assert file.read_bytes() == before
    (tmp_path / "there.npz").write_text("mine")
    assert run("track", file, "-o", tmp_path / "there.npz").exit_code == 1
    assert (tmp_path / "there.npz").read_text() == "mine"


def test_a_format_that_cannot_hold_it_is_refused_before_the_work(file, tmp_path, monkeypatch):
    monkeypatch.setattr("skelstream.processing.tracked_again", lambda *_, **__: pytest.fail("tracked"))
    result = run("track", file, "-o", tmp_path / "out.ctrgcn.npz")
    assert result.exit_code == 1 and "needs a class for every clip" in result.output


def test_ctrl_c_leaves_nothing(file, tmp_path, monkeypatch):
    from skelstream.tracking.kalman_tracker import KalmanTracker

    update = KalmanTracker.update

    def interrupted(self, frame_index, time, people):
        if frame_index == 10:
            raise KeyboardInterrupt
        return update(self, frame_index, time, people)

    monkeypatch.setattr(KalmanTracker, "update", interrupted)
    (tmp_path / "out.npz").write_text("before")
    result = run("track", file, "-o", tmp_path / "out.npz", "--overwrite")
    assert result.exit_code == 130 and "interrupted" in result.output
    assert {path.name for path in tmp_path.iterdir()} == {"out.npz", "slots.npz"}
    assert (tmp_path / "out.npz").read_text() == "before"


def test_filled_values_are_left_out_with_a_word(file, tmp_path):
    save(filled(slots()), tmp_path / "filled.npz")
    result = run("track", tmp_path / "filled.npz", "-o", tmp_path / "out.npz")
    assert result.exit_code == 0 and "belong to the old identities and are left out" in result.output
    assert load(tmp_path / "out.npz").raw is None


@pytest.mark.parametrize("command", [["track"], ["edit", "--split", "1@3"]])
def test_a_resampled_file_keeps_its_poses_with_a_word(file, tmp_path, command):
    save(resampled(slots(), 17), tmp_path / "even.npz")
    before = load(tmp_path / "even.npz")
    result = run(command[0], tmp_path / "even.npz", *command[1:], "-o", tmp_path / "out.npz")
    assert result.exit_code == 0 and "resampled along the old identities" in result.output, result.output
    assert "left out" not in result.output
    done = load(tmp_path / "out.npz")
    assert np.isfinite(done.keypoints).mean() == np.isfinite(before.keypoints).mean()


@pytest.fixture
def clip(tmp_path):
    """A red person who is away from second 1 to 2.5, and the skeletons with an id of their own each time."""

    def present(i):
        return {1 + (i >= 50): figure(100, 40, 150)} if i < 20 or i >= 50 else {}

    sequence = walkers(np.arange(70) / 20, present)
    save(sequence, tmp_path / "away.npz")
    with VideoWriter(tmp_path / "away.mp4", 240, 320, fps=20, quality=5) as writer:
        for i in range(70):
            image = np.full((240, 320, 3), 120, np.uint8)
            if present(i):
                image[40:200, 70:130] = (200, 30, 30)
            writer.write(image, i / 20)
    return tmp_path


def test_the_video_joins_tracks_by_colours(clip):
    result = run("track", clip / "away.npz", "-o", clip / "out.npz", "--video", clip / "away.mp4")
    assert result.exit_code == 0 and "70 frames, 2 tracks of 1 person" in result.output, result.output
    result = run("track", clip / "away.npz", "-o", clip / "two.npz")
    assert result.exit_code == 0 and "70 frames, 2 tracks\n" in result.output


def test_another_video_is_one_line(clip):
    with VideoWriter(clip / "short.mp4", 240, 320, fps=20, quality=5) as writer:
        for i in range(30):
            writer.write(np.full((240, 320, 3), 120, np.uint8), i / 20)
    result = run("track", clip / "away.npz", "-o", clip / "out.npz", "--video", clip / "short.mp4")
    assert result.exit_code == 1 and "short.mp4: the video has no frame 30" in result.output
    assert not (clip / "out.npz").exists()


def test_a_video_of_the_same_size_that_goes_on_is_told(clip):
    with VideoWriter(clip / "long.mp4", 240, 320, fps=20, quality=5) as writer:
        for i in range(100):
            writer.write(np.full((240, 320, 3), 120, np.uint8), i / 20)
    result = run("track", clip / "away.npz", "-o", clip / "out.npz", "--video", clip / "long.mp4")
    assert result.exit_code == 0 and "the given video goes on after frame 69" in result.output, result.output


@pytest.mark.parametrize(
    ("options", "name", "words"),
    [
        (["--no-linking"], "--no-linking", "without --video"),
        (["--tracker", "sort"], "--video", "sort does not look at colours"),
        (["--tracker", "bytetrack", "--no-linking"], "--video", "bytetrack does not look at colours"),
    ],
)
def test_options_without_effect_are_refused(clip, options, name, words):
    video = ["--video", clip / "away.mp4"] if name == "--video" else []
    result = run("track", clip / "away.npz", "-o", clip / "out.npz", *options, *video)
    assert result.exit_code == 2 and words in result.output and f"({name})" in result.output, result.output
    assert not (clip / "out.npz").exists()


@pytest.mark.parametrize("command", [["convert"], ["track"], ["edit", "--name", "1=Anna"]])
def test_a_rate_and_a_size_that_the_file_has_itself_have_no_effect_and_it_is_told(file, tmp_path, command):
    def done(*options):
        result = run(*command, file, "-o", tmp_path / "out.npz", "--overwrite", *options)
        assert result.exit_code == 0, result.output
        sequence = load(tmp_path / "out.npz")
        assert sequence.size == (240, 320) and sequence.frame_time[-1] == 29 / 25
        return result.output

    assert "so that the given rate has no effect" in done("--rate", 50)
    assert "of 320x240, so that the given size has no effect" in done("--size", "640x480")
    assert "no effect" not in done("--rate", 25, "--size", "320x240")


def test_edits_of_files_without_times_and_sizes(without_ids, tmp_path):
    arguments = ["--name", "1=Anna", "--rate", 25, "--size", "320x240", "--from", "openpose"]
    assert run("edit", without_ids, "-o", tmp_path / "out.npz", *arguments).exit_code == 0
    sequence = load(tmp_path / "out.npz")
    assert sequence.size == (240, 320) and sequence.frame_time[-1] == pytest.approx(29 / 25)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (["--tracker", "skelstream"], "--tracker"),
        (["--tracker", "sort"], "--tracker"),
        (["--max-lost", "1"], "--max-lost"),
        (["--min-observations", "5"], "--min-observations"),
        (["--no-tracking"], "--no-tracking"),
    ],
)
def test_convert_refuses_options_without_effect(file, tmp_path, options, name):
    result = run("convert", file, "-o", tmp_path / "out.npz", *options)
    assert result.exit_code == 2 and f"({name})" in result.output and "skelstream track" in result.output
    assert len(result.output.splitlines()) == 1 and not (tmp_path / "out.npz").exists()


def test_convert_says_where_ids_are_slots_that_swap(file, tmp_path):
    result = run("convert", file, "-o", tmp_path / "out.csv")
    assert result.exit_code == 0 and "under each other's ids 18 times" in result.output, result.output
    assert run("track", file, "-o", tmp_path / "again.npz").exit_code == 0
    assert "each other" not in run("convert", tmp_path / "again.npz", "-o", tmp_path / "again.csv").output


def test_convert_takes_them_for_people_without_ids(without_ids, tmp_path):
    arguments = ["-o", tmp_path / "out.npz", "--size", "320x240", "--max-lost", "1"]
    assert run("convert", without_ids, *arguments).exit_code == 0


def test_render_refuses_options_of_networks_for_skeletons(file, tmp_path):
    arguments = ["-o", tmp_path / "out.mp4", "--skeleton-only"]
    result = run("render", file, *arguments, "--detect-every", "1")
    assert result.exit_code == 2 and "(--detect-every)" in result.output
    assert run("render", file, *arguments, "--end", "0.5").exit_code == 0
