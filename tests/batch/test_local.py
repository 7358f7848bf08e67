"""The real networks in real processes, which are killed."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from skelstream.batch.engines.local import run_local
from skelstream.batch.engines.slots import Place
from skelstream.batch.job import Job, JobSettings
from skelstream.batch.manifest import Clip, read_manifest
from skelstream.batch.plan import make_plan
from skelstream.batch.records import DONE, FAILED, POISON, Recorder, Records
from skelstream.batch.results import Results
from skelstream.batch.status import status_of
from skelstream.errors import ModelError, OutputError
from skelstream.estimation.pose_estimator import EstimatorSettings, PoseEstimator
from skelstream.refinement.refiner import RefinerSettings
from skelstream.settings.pipeline import PipelineSettings

pytestmark = pytest.mark.slow

SETTINGS = JobSettings(EstimatorSettings(size=64, runtime="torch"))


def job_in(folder: Path, clips: list[Clip]) -> Job:
    job = Job.of(Results(folder), SETTINGS)
    job.results.prepare(clips, SETTINGS.as_json(), redo=False)
    return job


def test_a_worker_that_is_killed_is_replaced_and_a_clip_that_kills_is_left(tree, tmp_path):
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
    told = dict(run_local(make_plan(clips, job.results, job.hash), job, [Place()]))
    killer.join()
    *good, poison = (told[clip] for clip in clips)
    assert [record.state for record in good] == [DONE] * 3 and poison.state == FAILED
    assert "signal SIGKILL" in poison.message and len(set(killed)) == POISON
    plan = make_plan(clips, job.results, job.hash)
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


def test_networks_that_cannot_be_loaded_end_the_batch_in_one_line(tree, tmp_path):
    clips = read_manifest(tree)
    job = job_in(tmp_path / "out", clips)
    wrong = Job(job.results, JobSettings(EstimatorSettings("nothing")), job.hash)
    with pytest.raises(ModelError, match="nothing: no such weights"):
        list(run_local(make_plan(clips, job.results, job.hash), wrong, [Place()]))


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


def test_settings_go_through_json():
    from skelstream.geometry.region import Region

    settings = JobSettings(
        EstimatorSettings(size=96, scales=(1.0, 0.5), second=RefinerSettings(looks=3)),
        pipeline=PipelineSettings(region=Region.parsed("0,0,50%,9")),
    )  # fmt: skip
    assert JobSettings.from_json(settings.as_json()) == settings
