"""Tests of the local engine with real networks in processes that are killed."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from skelstream.batch.engines.local import run_local
from skelstream.batch.engines.slots import Slot
from skelstream.batch.job import Job
from skelstream.batch.manifest import Clip, read_manifest
from skelstream.batch.records import DONE, FAILED, MAX_CRASHES, Recorder, Records
from skelstream.batch.results import Results
from skelstream.batch.status import status_of
from skelstream.errors import OutputError, SettingsError
from skelstream.estimation.pose_estimator import PoseEstimator
from skelstream.extraction.settings import ExtractionSettings

pytestmark = pytest.mark.slow

SETTINGS = ExtractionSettings().with_options(size=64, runtime="torch", refine=0)


def job_in(folder: Path, clips: list[Clip]) -> Job:
    job = Job.of(Results(folder), SETTINGS)
    job.results.prepare(clips, job.settings_json, redo=False)
    return job


def test_a_killed_worker_is_replaced_and_a_clip_that_kills_three_has_failed(class_folders, tmp_path, plan_of):
    endless = tmp_path / "endless.y4m"  # takes minutes
    endless.write_bytes(b"YUV4MPEG2 W16 H16 F25:1 C420jpeg\n" + (b"FRAME\n" + bytes(384)) * 60_000)
    clips = [*read_manifest(class_folders), Clip("endless", str(endless))]
    job, killed, ended = job_in(tmp_path / "out", clips), [], threading.Event()

    def kill() -> None:
        while len(killed) < MAX_CRASHES and not ended.wait(0.1):
            for lock in tmp_path.glob("out/.endless*.lock"):
                children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
                for child in map(int, children):
                    if child not in killed and str(lock) in map(str, open_files(child)):
                        killed.append(child)
                        os.kill(child, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    finished = run_local(plan_of(clips, job.results, job.hash), job, [Slot()])
    records = {event.clip: event.record for event in finished}
    ended.set()
    killer.join()
    *good, endless = (records[clip] for clip in clips)
    assert [record.state for record in good] == [DONE] * 3 and endless.state == FAILED
    assert "signal SIGKILL" in endless.message and len(set(killed)) == MAX_CRASHES
    plan = plan_of(clips, job.results, job.hash)
    assert (plan.pending, plan.done, plan.failed) == ([], 3, 1)
    assert [clip.id for clip, _ in status_of(job.results).failed] == ["endless"]

    estimator = PoseEstimator(SETTINGS.estimator)
    serial = job_in(tmp_path / "serial", clips)
    for clip in clips[:3]:
        serial.extract(clip, estimator)
        assert (serial.results.location / f"{clip.id}.npz").read_bytes() == (
            job.results.location / f"{clip.id}.npz"
        ).read_bytes()


def open_files(process: int) -> list[Path]:
    """Return the files that a process has open."""
    found = []
    for link in Path(f"/proc/{process}/fd").glob("*"):
        try:
            found.append(link.readlink())
        except OSError:
            continue
    return found


def test_weights_that_do_not_exist_end_the_batch(class_folders, tmp_path, plan_of):
    clips = read_manifest(class_folders)
    job = job_in(tmp_path / "out", clips)
    wrong = replace(job, settings=ExtractionSettings().with_options(weights="nothing"))
    with pytest.raises(SettingsError, match="nothing: no such weights"):
        list(run_local(plan_of(clips, job.results, job.hash), wrong, [Slot()]))


def test_a_job_extracts_one_clip(class_folders, tmp_path, bars, monkeypatch):
    clips = [*read_manifest(class_folders), Clip("none", str(class_folders / "none.mp4"))]
    job = job_in(tmp_path / "out", clips)
    done, failed = job.extract(clips[0], bars()), job.extract(clips[-1], bars())
    assert (done.state, done.frames, done.expected, done.decoded, done.people) == (DONE, 4, None, 4, 4)
    assert failed.state == FAILED and failed.reason == "SourceError" and "none.mp4" in failed.message
    others = Records(job.results.store, Records(job.results.store).offsets)
    with closing(Recorder(job.results.store)) as recorder:
        recorder.add(done)
    assert job.extract(clips[0], bars(), others=others) is None  # counted by the other process

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("skelstream.files.atomic._sync", full)
    with pytest.raises(OutputError, match="No space left"):
        job.extract(clips[1], bars())
    assert not (job.results.location / f"{clips[1].id}.npz").exists()
