from __future__ import annotations

import errno
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import skelstream.extraction.checkpoint
from skelstream.errors import OutputError
from skelstream.estimation.pose_estimator import PoseEstimator
from skelstream.extraction.checkpoint import _unpickled
from skelstream.extraction.extraction import run
from skelstream.extraction.output import Output
from skelstream.extraction.settings import ExtractionSettings
from skelstream.formats import load
from skelstream.formats.checkpoint import CheckpointFile
from skelstream.refinement.parts.hands import SIDES, HandRefiner
from skelstream.refinement.parts.part_refiner import Parts
from skelstream.video import VideoWriter

LIMITED = ExtractionSettings().with_options(max_people=1)


@pytest.fixture
def each_frame(monkeypatch):
    """Write a checkpoint after each frame."""
    monkeypatch.setattr(skelstream.extraction.checkpoint, "SECONDS", 0.0)


@pytest.fixture
def uninterrupted(walk, bars, tmp_path):
    run(walk, output=Output(tmp_path / "whole.npz"), estimator=bars())
    return (tmp_path / "whole.npz").read_bytes()


def interrupt(walk, bars, output, batch=1):
    with pytest.raises(RuntimeError, match="the network broke"):
        run(walk, output=Output(output), estimator=bars(batch=batch, fail_at=23))
    assert output.with_name("out.checkpoint").exists() and not output.exists()


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.usefixtures("each_frame")
def test_a_resumed_run_has_the_same_bytes(walk, bars, tmp_path, uninterrupted, batch):
    output = tmp_path / "out.npz"
    interrupt(walk, bars, output, batch)
    estimator = bars(batch=batch)
    done = run(walk, output=Output(output), estimator=estimator)
    assert output.read_bytes() == uninterrupted
    assert 15 < done.resumed <= 23 and done.resumed % batch == 0
    assert estimator.batches == batch_sizes(40 - done.resumed, batch)  # the same batches
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.npz", "walk.mp4", "whole.npz"]


class Hands:
    """A part refiner whose hands drift off from the wrists from frame to frame, so that they depend on all earlier frames."""

    name, joints, network, weights_sha256 = "hands", HandRefiner.joints, "hands", {"a-hand": "0" * 64}

    def anchors(self, people, skeleton):
        return people.keypoints[:, [skeleton.index(f"{side}_wrist") for side in SIDES]]

    def refine(self, image, people, skeleton, expected, due):
        parts, wrists = Parts.missing(len(people), 2, 21), self.anchors(people, skeleton)[:, :, None]
        parts.keypoints[:] = np.where(np.isnan(expected), wrists, expected + 0.25)
        parts.scores[:] = 0.9
        return parts


@pytest.mark.parametrize("settings", [ExtractionSettings(), LIMITED], ids=["all", "one"])
@pytest.mark.usefixtures("each_frame")
def test_hands_are_resumed_too(walk, bars, tmp_path, settings):
    whole, output = tmp_path / "whole.npz", tmp_path / "out.npz"
    estimators = [bars(), bars(fail_at=23), bars()]
    for estimator in estimators:
        estimator.parts = (Hands(),)
    run(walk, settings, Output(whole), estimators[0])
    with pytest.raises(RuntimeError, match="the network broke"):
        run(walk, settings, Output(output), estimators[1])
    done = run(walk, settings, Output(output), estimators[2])
    assert 15 < done.resumed <= 23 and output.read_bytes() == whole.read_bytes()
    assert done.times.detections == 40 and done.times.parts["hands"] == 2 * len(done.sequence.keypoints)


def batch_sizes(frames: int, batch: int) -> list[int]:
    whole, rest = divmod(frames, batch)
    return [batch] * whole + [rest] * bool(rest)


@pytest.mark.usefixtures("each_frame")
def test_a_started_batch_is_repeated(walk, bars, tmp_path, uninterrupted, monkeypatch):
    output, batch = tmp_path / "out.npz", 4
    frames = 0

    def stop(*_):
        nonlocal frames
        frames += 1
        if frames == 18:
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        run(walk, output=Output(output), estimator=bars(batch=batch), report=stop)
    estimator = bars(batch=batch)
    assert run(walk, output=Output(output), estimator=estimator).resumed == 18
    assert estimator.batches == [4] * 6 and output.read_bytes() == uninterrupted


@pytest.mark.usefixtures("each_frame")
def test_an_incomplete_block_is_ignored(walk, bars, tmp_path, uninterrupted):
    output = tmp_path / "out.npz"
    interrupt(walk, bars, output)
    path = tmp_path / "out.checkpoint"
    path.write_bytes(path.read_bytes()[:-7])
    run(walk, output=Output(output), estimator=bars())
    assert output.read_bytes() == uninterrupted


@pytest.mark.usefixtures("each_frame")
def test_other_settings_or_videos_do_not_resume(walk, bars, tmp_path, caplog):
    output = tmp_path / "out.npz"
    interrupt(walk, bars, output)
    assert run(walk, LIMITED, Output(output), bars()).resumed == 0
    assert "belongs to another extraction" in caplog.text
    kept = load(tmp_path / "out.2.checkpoint")
    assert kept.frames > 15 and kept.meta["partial"] is True and len(kept.track_ids) == 2
    assert not (tmp_path / "out.checkpoint").exists()

    output.unlink()
    interrupt(walk, bars, output)
    os.utime(walk, (1, 1))
    assert run(walk, output=Output(output), estimator=bars()).resumed == 0
    assert (tmp_path / "out.3.checkpoint").exists()


def test_a_foreign_file_of_that_name_is_kept(walk, bars, tmp_path, uninterrupted):
    (tmp_path / "out.checkpoint").write_bytes(b"somebody's own")
    run(walk, output=Output(tmp_path / "out.npz"), estimator=bars())
    assert (tmp_path / "out.2.checkpoint").read_bytes() == b"somebody's own"
    assert (tmp_path / "out.npz").read_bytes() == uninterrupted


@pytest.mark.usefixtures("each_frame")
def test_a_full_disk_does_not_stop_the_work(walk, bars, tmp_path, uninterrupted, monkeypatch, caplog):
    def full(*_):
        raise OSError(28, "No space left on device")

    add, added = CheckpointFile.add, []

    def sometimes(self, block, state):
        added.append(block)
        full() if len(added) % 3 else add(self, block, state)

    monkeypatch.setattr(CheckpointFile, "add", sometimes)
    run(walk, output=Output(tmp_path / "out.npz"), estimator=bars())
    assert (tmp_path / "out.npz").read_bytes() == uninterrupted
    assert "cannot be written (No space left on device)" in caplog.text


def run_with(change, walk, bars, output):
    """Extract; another program changes the checkpoint after frame 20."""

    def meddle(_, analysed):
        if analysed.tracked.frame_index == 20:
            change(output.with_name("out.checkpoint"))

    return run(walk, output=Output(output), estimator=bars(), report=meddle)


@pytest.mark.usefixtures("each_frame")
@pytest.mark.parametrize("left", ["nothing", "folder", "file"])
def test_a_checkpoint_that_another_program_removes_costs_no_frames(walk, bars, tmp_path, uninterrupted, left):
    def remove(checkpoint):
        checkpoint.unlink()
        if left == "folder":
            (checkpoint / "in").mkdir(parents=True)
        elif left == "file":
            checkpoint.write_text("theirs")

    run_with(remove, walk, bars, tmp_path / "out.npz")
    assert (tmp_path / "out.npz").read_bytes() == uninterrupted
    assert (tmp_path / "out.checkpoint").exists() == (left != "nothing")


def shorten(checkpoint):
    os.truncate(checkpoint, checkpoint.stat().st_size // 2)


def flip(checkpoint):
    content = bytearray(checkpoint.read_bytes())
    content[len(content) // 2] ^= 1
    checkpoint.write_bytes(content)


@pytest.mark.usefixtures("each_frame")
@pytest.mark.parametrize("change", [shorten, flip])
def test_lost_frames_are_never_left_out_without_a_word(walk, bars, tmp_path, change):
    output = tmp_path / "out.npz"
    with pytest.raises(OutputError, match=r"out.checkpoint was changed .* \d+ frames are lost") as error:
        run_with(change, walk, bars, output)
    assert not output.exists()
    assert 0 < load(tmp_path / "out.partial.npz").frames < 40 and "frames so far" in error.value.__notes__[0]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in folders on this system")
@pytest.mark.usefixtures("each_frame")
def test_a_pipe_of_the_checkpoints_name_is_left_alone(walk, bars, tmp_path, uninterrupted, caplog):
    os.mkfifo(tmp_path / "out.checkpoint")
    run(walk, output=Output(tmp_path / "out.npz"), estimator=bars())
    assert (tmp_path / "out.npz").read_bytes() == uninterrupted and "is no file" in caplog.text


@pytest.mark.slow
@pytest.mark.usefixtures("each_frame")
def test_an_extraction_with_refinement_resumes_to_the_same_bytes(tmp_path, mannequins):
    """With the real networks, whose refinement keeps its crops and doubts from frame to frame."""
    (photo, _), video, output = (
        next(iter(mannequins.photos(1, seed=2))),
        tmp_path / "a.mp4",
        tmp_path / "out.npz",
    )
    with VideoWriter(video, 240, 320, fps=10) as writer:
        for i in range(8):
            writer.write(photo[60:300, 80 + 4 * i : 400 + 4 * i], i / 10)
    settings = ExtractionSettings().with_options(
        size=160, device="cpu", runtime="torch", detect_every="auto", tracker="skelstream"
    )
    estimator, frames = PoseEstimator(settings.estimator), []
    whole = run(video, settings, Output(tmp_path / "whole.npz"), estimator)
    assert whole.times.crops and len(whole.sequence.frame)

    def kill(*_):
        frames.append(1)
        if len(frames) == 5:
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        run(video, settings, Output(output), estimator, report=kill)
    done = run(video, settings, Output(output), estimator)
    assert done.resumed == 5 and output.read_bytes() == (tmp_path / "whole.npz").read_bytes()
    assert done.times.crops == whole.times.crops


def test_only_a_pipelines_state_is_accepted():
    for value in (Path("a"), {"frames": 3}):
        with pytest.raises(pickle.UnpicklingError):
            _unpickled(pickle.dumps(value))


PROGRAM = """
import importlib.util, sys, time
import skelstream.extraction.checkpoint
from skelstream.extraction.extraction import run
from skelstream.extraction.output import Output
from pathlib import Path
spec = importlib.util.spec_from_file_location("stand_in", sys.argv[1])
stand_in = importlib.util.module_from_spec(spec)
spec.loader.exec_module(stand_in)
skelstream.extraction.checkpoint.SECONDS = 0.1
output = Output(Path(sys.argv[3]))
run(sys.argv[2], output=output, estimator=stand_in.BarEstimator(), report=lambda *_: time.sleep(0.05))
"""


@pytest.mark.slow
def test_a_run_resumes_after_sigkill(walk, bars, tmp_path, uninterrupted):
    output, checkpoint = tmp_path / "out.npz", tmp_path / "out.checkpoint"
    conftest = Path(__file__).parents[1] / "conftest.py"
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, conftest, walk, output])
    until = time.monotonic() + 60
    while time.monotonic() < until and not (checkpoint.exists() and checkpoint.stat().st_size > 20_000):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not output.exists() and 0 < load(checkpoint).frames < 40
    done = run(walk, output=Output(output), estimator=bars())
    assert done.resumed > 0 and output.read_bytes() == uninterrupted
    assert not checkpoint.exists()


@pytest.mark.usefixtures("each_frame")
@pytest.mark.parametrize("end", ["zeros", "repeated"])
def test_a_power_cut_costs_no_frames(walk, bars, tmp_path, uninterrupted, end):
    output = tmp_path / "out.npz"
    interrupt(walk, bars, output)
    checkpoint = output.with_name("out.checkpoint")
    if end == "zeros":
        checkpoint.write_bytes(checkpoint.read_bytes() + bytes(8192))
    else:
        with CheckpointFile(checkpoint) as file:
            file.add(*list(file.blocks())[-1][:2])
    assert run(walk, output=Output(output), estimator=bars()).resumed > 15
    assert output.read_bytes() == uninterrupted


def plant(output, change):
    """Change the state after each block of the output's checkpoint."""
    with CheckpointFile(output.with_name("out.checkpoint")) as file:
        facts, blocks = file.facts(), list(file.blocks())
        file.begin(facts)
        for block, pickled, _ in blocks:
            state = pickle.loads(pickled)
            change(state)
            file.add(block, pickle.dumps(state))


@pytest.mark.usefixtures("each_frame")
@pytest.mark.parametrize("field", ["policy", "tracker", "importance", "times"])
def test_planted_states_are_kept_aside(walk, bars, tmp_path, uninterrupted, field):
    output = tmp_path / "out.npz"
    interrupt(walk, bars, output)
    plant(output, lambda state: setattr(state, field, ["odd"]))
    assert run(walk, output=Output(output), estimator=bars()).resumed == 0
    assert output.read_bytes() == uninterrupted and (tmp_path / "out.2.checkpoint").exists()


@pytest.mark.usefixtures("each_frame")
def test_planted_colours_are_kept_aside(walk, bars, tmp_path, uninterrupted):
    output = tmp_path / "out.npz"
    interrupt(walk, bars, output)

    def change(state):
        for track in state.tracker._tracks:
            track.colours = ["odd"]

    plant(output, change)
    assert run(walk, output=Output(output), estimator=bars()).resumed == 0
    assert output.read_bytes() == uninterrupted


@pytest.mark.usefixtures("each_frame")
@pytest.mark.parametrize("field", ["settings", "skeleton", "_tracks", "_torso", "_time", "_sigmas"])
def test_planted_trackers_are_kept_aside(walk, bars, tmp_path, uninterrupted, field):
    output = tmp_path / "out.npz"
    interrupt(walk, bars, output)
    plant(output, lambda state: setattr(state.tracker, field, ["odd"]))
    assert run(walk, output=Output(output), estimator=bars()).resumed == 0
    assert output.read_bytes() == uninterrupted


@pytest.mark.usefixtures("each_frame")
def test_a_checkpoint_that_cannot_be_written_costs_no_frames(
    walk, bars, tmp_path, uninterrupted, monkeypatch
):
    output = tmp_path / "out.npz"
    interrupt(walk, bars, output)

    def refuse(*_):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(CheckpointFile, "cut", refuse)
    assert run(walk, output=Output(output), estimator=bars()).resumed == 0
    assert output.read_bytes() == uninterrupted and output.with_name("out.checkpoint").exists()
