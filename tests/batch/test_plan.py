from __future__ import annotations

import hashlib
import os

import pytest

from skelstream.batch.job import Job
from skelstream.batch.manifest import read_manifest
from skelstream.batch.plan import partition
from skelstream.batch.records import (
    CRASHED,
    DONE,
    FAILED,
    MAX_CRASHES,
    Record,
    Recorder,
    Records,
    reset_record,
)
from skelstream.batch.results import Results
from skelstream.batch.status import status_of
from skelstream.errors import OutputError, SettingsError
from skelstream.extraction.settings import ExtractionSettings


@pytest.fixture
def batch(class_folders, tmp_path):
    """Return results in which train/run/001 is done, all clips, the hash of the settings and a recorder."""
    results, clips = Results(tmp_path / "out"), read_manifest(class_folders)
    key = results.prepare(clips, {"size": 96}, redo=False)
    recorder = Recorder(results.store)
    content, path = b"skeletons", (results.location / f"{clips[0].id}.npz")
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    source = os.stat(clips[0].path)
    recorder.add(
        Record(
            clips[0].id, DONE, key, 1.0, sha256=hashlib.sha256(content).hexdigest(), size=len(content), frames=4,
            expected=5, decoded=4, source_size=source.st_size, source_time=source.st_mtime_ns,
        )
    )  # fmt: skip
    return results, clips, key, recorder


def test_done_and_intact_clips_are_not_pending(batch, plan_of):
    results, clips, key, _ = batch
    plan = plan_of(clips, results, key)
    assert (plan.pending, plan.done, plan.failed) == (clips[1:], 1, 0)


def test_a_clip_with_a_damaged_result_is_pending(batch, plan_of):
    results, clips, key, _ = batch
    for content in (b"skeletonZ", b"skel", b""):
        (results.location / f"{clips[0].id}.npz").write_bytes(content)
        damaged = []
        assert plan_of(clips, results, key, damaged).pending[0] == clips[0] == damaged[0]
    (results.location / f"{clips[0].id}.npz").unlink()
    assert plan_of(clips, results, key).pending == clips


def test_records_after_a_plan_are_read_on_request(batch, plan_of):
    results, clips, key, recorder = batch
    plan = plan_of(clips, results, key)
    recorder.add(Record(clips[1].id, DONE, key, 2.0))
    others = Records(results.store, plan.offsets)
    assert list(others) == []
    others.refresh()
    assert list(others) == [clips[1].id]


def test_a_clip_whose_video_has_changed_is_pending(batch, plan_of):
    results, clips, key, _ = batch
    os.utime(clips[0].path, (1, 1))
    assert plan_of(clips, results, key).pending == clips
    assert status_of(results).outdated == 1


def test_failed_clips_are_not_pending_until_they_are_reset(batch, plan_of):
    results, clips, key, recorder = batch
    recorder.add(Record(clips[1].id, FAILED, key, 2.0, reason="SourceError", message="broken"))
    for _ in range(MAX_CRASHES):
        recorder.add(Record(clips[2].id, CRASHED, key, 2.0))
    assert plan_of(clips, results, key).failed == 2
    assert [reason for reason, _, _ in status_of(results).reasons] == ["SourceError", "Crash"]
    for clip in clips[1:]:
        recorder.add(reset_record(clip.id))
    assert plan_of(clips, results, key).pending == clips[1:]
    recorder.add(Record(clips[2].id, CRASHED, key, 4e9))
    assert plan_of(clips, results, key).crashes == {clips[2].id: 1}


def test_other_settings_need_redo(batch, plan_of):
    results, clips, key, _ = batch
    with pytest.raises(OutputError, match="size 96 before, 128 now") as error:
        results.prepare(clips, {"size": 128}, redo=False)
    assert error.value.setting == "redo"
    other = results.prepare(clips, {"size": 128}, redo=True)
    assert other != key and plan_of(clips, results, other).pending == clips
    assert status_of(results).outdated == 1


def test_the_status_counts_clips(batch):
    results, *_ = batch
    status = status_of(results)
    assert (status.total, len(status.done), status.pending, status.outdated) == (3, 1, 2, 0)
    assert [record.clip for record in status.short] == ["train/run/001"] and status.rate is None


def test_partitions_are_disjoint_and_contain_every_clip(batch):
    clips = batch[1]
    parts = [partition(clips, f"{i}/2") for i in (1, 2)]
    assert sorted(c.id for part in parts for c in part) == [c.id for c in clips]
    for wrong in ("0/2", "3/2", "1", "a/b"):
        with pytest.raises(SettingsError, match="give 1/8 for the first of eight"):
            partition(clips, wrong)


def test_a_clip_done_with_a_clock_ahead_is_done_again_once(batch, plan_of):
    results, clips, key, recorder = batch
    path, source = results.location / f"{clips[0].id}.npz", os.stat(clips[0].path)
    recorder.add(Record(clips[0].id, DONE, key, 4e9, sha256="0" * 64, size=1))
    plan = plan_of(clips, results, key)
    assert plan.pending == clips and plan.latest == {clips[0].id: 4e9}
    job = Job(results, ExtractionSettings(), key).planned(plan)
    assert job.time(clips[0]) > 4e9 > job.time(clips[1])
    content = path.read_bytes()
    recorder.add(
        Record(
            clips[0].id, DONE, key, job.time(clips[0]), sha256=hashlib.sha256(content).hexdigest(), size=len(content),
            source_size=source.st_size, source_time=source.st_mtime_ns,
        )
    )  # fmt: skip
    assert plan_of(clips, results, key).pending == clips[1:]
