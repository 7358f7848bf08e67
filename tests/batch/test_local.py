"""The real networks in real processes, which are killed."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from skelstream.batch.engines.local import run_local
from skelstream.batch.engines.slots import Slot
from skelstream.batch.job import Job
from skelstream.batch.manifest import Clip, read_manifest
from skelstream.batch.records import DONE, FAILED, POISON, Recorder, Records
from skelstream.batch.results import Results
from skelstream.batch.status import status_of
from skelstream.errors import ModelError, OutputError
from skelstream.estimation.pose_estimator import PoseEstimator
from skelstream.extraction.settings import ExtractionSettings

pytestmark = pytest.mark.slow

SETTINGS = ExtractionSettings().with_options(size=64, runtime="torch", refine=0)


def job_in(folder: Path, clips: list[Clip]) -> Job:
    job = Job.of(Results(folder), SETTINGS)
    job.results.prepare(clips, job.settings_json, redo=False)
    return job


def test_a_worker_that_is_killed_is_replaced_and_a_clip_that_kills_is_left(tree, tmp_path, plan_of):
    os.mkfifo(tree / "endless.mp4")  # opening it never ends
    clips = [*read_manifest(tree), Clip("endless", str(tree / "endless.mp4"))]
    job, killed = job_in(tmp_path / "out", clips), []

    def kill() -> None:
        while len(killed) < POISON:
            time.sleep(0.1)
            for lock in tmp_path.glob("out/.endless*.lock"):
                children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
                for child in map(int, children):
                    if str(lock) in map(str, held_by(child)):
                        killed.append(child)
                        os.kill(child, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    finished = run_local(plan_of(clips, job.results, job.hash), job, [Slot()])
    records = {event.clip: event.record for event in finished}
    killer.join()
    *good, poison = (records[clip] for clip in clips)
    assert [record.state for record in good] == [DONE] * 3 and poison.state == FAILED
    assert "signal SIGKILL" in poison.message and len(set(killed)) == POISON
    plan = plan_of(clips, job.results, job.hash)
    assert (plan.todo, plan.done, plan.failed) == ([], 3, 1)
    assert [clip.id for clip, _ in status_of(job.results).failed] == ["endless"]

    estimator = PoseEstimator(SETTINGS.estimator)
    serial = job_in(tmp_path / "serial", clips)
    for clip in clips[:3]:
        serial.do(clip, estimator)
        assert (serial.results.place / f"{clip.id}.npz").read_bytes() == (
            job.results.place / f"{clip.id}.npz"
        ).read_bytes()


def held_by(process: int) -> list[Path]:
    """Files that a process has open."""
    found = []
    for link in Path(f"/proc/{process}/fd").glob("*"):
        try:
            found.append(link.readlink())
        except OSError:
            continue
    return found


def test_networks_that_cannot_be_loaded_end_the_batch_in_one_line(tree, tmp_path, plan_of):
    clips = read_manifest(tree)
    job = job_in(tmp_path / "out", clips)
    wrong = replace(job, settings=ExtractionSettings().with_options(weights="nothing"))
    with pytest.raises(ModelError, match="nothing: no such weights"):
        list(run_local(plan_of(clips, job.results, job.hash), wrong, [Slot()]))


def test_a_clip_alone(tree, tmp_path, bars, monkeypatch):
    clips = [*read_manifest(tree), Clip("gone", str(tree / "gone.mp4"))]
    job = job_in(tmp_path / "out", clips)
    done, failed = job.do(clips[0], bars()), job.do(clips[-1], bars())
    assert (done.state, done.frames, done.expected, done.decoded, done.people) == (DONE, 4, 4, 4, 4)
    assert failed.state == FAILED and failed.reason == "SourceError" and "gone.mp4" in failed.message
    others = Records(job.results.store, Records(job.results.store).seen)
    with closing(Recorder(job.results.store)) as recorder:
        recorder.add(done)
    assert job.do(clips[0], bars(), others=others) is None  # and is not counted twice

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("skelstream.files.atomic._sync", full)
    with pytest.raises(OutputError, match="No space left"):
        job.do(clips[1], bars())
    assert not (job.results.place / f"{clips[1].id}.npz").exists()
