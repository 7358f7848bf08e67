from __future__ import annotations

import hashlib
import os

import pytest

from skelstream.batch.manifest import read_manifest
from skelstream.batch.plan import partition
from skelstream.batch.records import CRASHED, DONE, FAILED, POISON, Record, Recorder, Records, forgiven
from skelstream.batch.results import Results
from skelstream.batch.status import status_of
from skelstream.errors import OutputError, SettingsError


@pytest.fixture
def batch(tree, tmp_path):
    """A folder of results in which train/run/001 is done, and a function that adds records."""
    results, clips = Results(tmp_path / "out"), read_manifest(tree)
    key = results.prepare(clips, {"size": 96}, redo=False)
    recorder = Recorder(results.store)
    content, path = b"skeletons", (results.place / f"{clips[0].id}.npz")
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


def test_what_is_done_and_whole_is_left(batch, plan_of):
    results, clips, key, _ = batch
    plan = plan_of(clips, results, key)
    assert (plan.todo, plan.done, plan.failed) == (clips[1:], 1, 0)


def test_a_result_that_was_damaged_or_cut_is_done_again(batch, plan_of):
    results, clips, key, _ = batch
    for content in (b"skeletonZ", b"skel", b""):
        (results.place / f"{clips[0].id}.npz").write_bytes(content)
        damaged = []
        assert plan_of(clips, results, key, damaged).todo[0] == clips[0] == damaged[0]
    (results.place / f"{clips[0].id}.npz").unlink()
    assert plan_of(clips, results, key).todo == clips


def test_records_after_a_plan_are_read_on_request(batch, plan_of):
    results, clips, key, recorder = batch
    plan = plan_of(clips, results, key)
    recorder.add(Record(clips[1].id, DONE, key, 2.0))
    others = Records(results.store, plan.seen)
    assert list(others) == []
    others.refresh()
    assert list(others) == [clips[1].id]


def test_a_video_that_changed_is_done_again(batch, plan_of):
    results, clips, key, _ = batch
    os.utime(clips[0].path, (1, 1))
    assert plan_of(clips, results, key).todo == clips
    assert status_of(results).stale == 1


def test_failures_and_poison_are_left_until_they_are_forgiven(batch, plan_of):
    results, clips, key, recorder = batch
    recorder.add(Record(clips[1].id, FAILED, key, 2.0, reason="SourceError", message="broken"))
    for _ in range(POISON):
        recorder.add(Record(clips[2].id, CRASHED, key, 2.0))
    assert plan_of(clips, results, key).failed == 2
    assert [reason for reason, _, _ in status_of(results).reasons] == ["SourceError", "Poison"]
    for clip in clips[1:]:
        recorder.add(forgiven(clip.id))
    assert plan_of(clips, results, key).todo == clips[1:]
    recorder.add(Record(clips[2].id, CRASHED, key, 4e9))
    assert plan_of(clips, results, key).crashes == {clips[2].id: 1}


def test_other_settings_are_noticed(batch, plan_of):
    results, clips, key, _ = batch
    with pytest.raises(OutputError, match="size 96 before, 128 now") as error:
        results.prepare(clips, {"size": 128}, redo=False)
    assert error.value.setting == "redo"
    other = results.prepare(clips, {"size": 128}, redo=True)
    assert other != key and plan_of(clips, results, other).todo == clips
    assert status_of(results).stale == 1


def test_the_status_counts_what_there_is(batch):
    results, *_ = batch
    status = status_of(results)
    assert (status.total, len(status.done), status.missing, status.stale) == (3, 1, 2, 0)
    assert [record.clip for record in status.short] == ["train/run/001"] and status.rate is None


def test_partitions_are_disjoint_and_hold_every_clip(batch):
    clips = batch[1]
    parts = [partition(clips, f"{i}/2") for i in (1, 2)]
    assert sorted(c.id for part in parts for c in part) == [c.id for c in clips]
    for wrong in ("0/2", "3/2", "1", "a/b"):
        with pytest.raises(SettingsError, match="give 1/8 for the first of eight"):
            partition(clips, wrong)
