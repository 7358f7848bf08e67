"""Tests of run, retry and pack from Python."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from contextlib import closing

import pytest

import skelstream
from skelstream.batch import (
    BatchFinished,
    BatchOptions,
    ClipFinished,
    ClipVerified,
    ExtractionStarted,
    Results,
    pack,
    retry,
    run,
    status_of,
)
from skelstream.batch.engines.engine import Engine
from skelstream.batch.engines.registry import ENGINES
from skelstream.batch.events import Message, VerificationStarted
from skelstream.batch.execution import execute
from skelstream.batch.records import Recorder
from skelstream.errors import OutputError, SettingsError
from skelstream.extraction.settings import ExtractionSettings


@pytest.fixture
def serial(bars, monkeypatch) -> BatchOptions:
    """Add an engine that extracts clips one by one in this process, with the stand-in estimator."""

    def start(job, clips, options):
        recorder = Recorder(job.results.store)

        def extract(plan):
            for clip in plan.pending:
                yield ClipFinished(clip, job.extract(clip, bars(), recorder.add))

        return execute(job, clips, extract)

    monkeypatch.setitem(ENGINES, "serial", Engine("serial", "in this process", start))
    return BatchOptions(engine="serial")


def test_a_run_yields_its_events_in_order(class_folders, tmp_path, serial):
    events = list(run(class_folders, tmp_path / "out", options=serial))
    kinds = [VerificationStarted, *[ClipVerified] * 3, ExtractionStarted, *[ClipFinished] * 3, BatchFinished]
    assert [type(event) for event in events] == kinds
    assert [event.intact for event in events[1:4]] == [None] * 3 and events[4].clips == 3
    assert [event.clip.id for event in events[5:8]] == ["train/run/001", "train/walk/001", "val/run/001"]
    assert [event.record.frames for event in events[5:8]] == [4] * 3
    assert (events[-1].done, events[-1].existing, events[-1].failed) == (3, 0, 0)
    assert skelstream.load(tmp_path / "out/val/run/001.npz").frames == 4


def test_a_second_run_extracts_nothing(class_folders, tmp_path, serial):
    list(run(class_folders, tmp_path / "out", options=serial))
    *events, finished = run(class_folders, tmp_path / "out", options=serial)
    assert (finished.done, finished.existing) == (0, 3)
    assert Counter(event.intact for event in events if isinstance(event, ClipVerified)) == {True: 3}


def test_a_run_with_other_settings_needs_redo(class_folders, tmp_path, serial):
    list(run(class_folders, tmp_path / "out", options=serial))
    other = ExtractionSettings().with_options(fill=1.0)
    with pytest.raises(OutputError, match="other settings"):
        list(run(class_folders, tmp_path / "out", other, serial))
    *_, finished = run(class_folders, tmp_path / "out", other, BatchOptions("serial", redo=True))
    assert finished.done == 3


def test_a_partition_is_extracted(class_folders, tmp_path, serial):
    *_, finished = run(class_folders, tmp_path / "out", options=BatchOptions("serial", partition="2/2"))
    assert finished.done == 1
    status = status_of(Results(tmp_path / "out"))
    assert (status.total, status.pending, status.done[0].clip) == (3, 2, "train/walk/001")


def test_a_run_packs_shards(class_folders, tmp_path, serial):
    options = BatchOptions("serial", shards="webdataset", clips_per_shard=2)
    list(run(class_folders, tmp_path / "out", options=options))
    names = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*")}
    assert {"index.csv", "shards/train-000000.tar", "shards/val-000000.tar"} <= names
    assert not any(name.endswith(".npz") for name in names)
    assert [sample.name for sample in skelstream.Batch(tmp_path / "out")][-1] == "val/run/001"


def test_a_failed_clip_is_skipped_until_retry(class_folders, tmp_path, serial):
    video = class_folders / "val/run/001.mp4"
    content = video.read_bytes()
    video.write_bytes(b"no video")
    *events, finished = run(class_folders, tmp_path / "out", options=serial)
    assert (finished.done, finished.failed) == (2, 1)
    (failed,) = (event for event in events if isinstance(event, ClipFinished) and event.failed)
    assert failed.record.reason == "SourceError" and "001.mp4" in failed.record.message
    *_, finished = run(class_folders, tmp_path / "out", options=serial)
    assert (finished.existing, finished.failed, finished.failed_before) == (2, 0, 1)

    video.write_bytes(content)
    *_, finished = retry(tmp_path / "out", serial)
    assert (finished.done, finished.failed) == (1, 0)
    assert list(retry(tmp_path / "out", serial)) == [Message("no clip has failed")]


def test_results_are_packed_and_unpacked(class_folders, tmp_path, serial):
    list(run(class_folders, tmp_path / "out", options=serial))
    with pytest.raises(SettingsError, match="has no shards yet"):
        pack(tmp_path / "out")
    packed = pack(tmp_path / "out", "webdataset", 5)
    assert (packed.shards, packed.clips, packed.waiting, packed.damaged) == (2, 3, 0, [])
    assert not list((tmp_path / "out").rglob("*.npz"))
    assert pack(tmp_path / "out", unpack=True).shards == 0
    assert len(list((tmp_path / "out").rglob("*.npz"))) == 3


@pytest.mark.parametrize(
    "options, setting",
    [
        (BatchOptions(engine="none"), "engine"),
        (BatchOptions(shards="zip"), "shards"),
        (BatchOptions(clips_per_shard=5), "clips_per_shard"),
        (BatchOptions(partition="3/2"), "partition"),
    ],
)
def test_an_unknown_name_or_value_is_an_error_before_the_work(class_folders, tmp_path, options, setting):
    with pytest.raises(SettingsError) as error:
        list(run(class_folders, tmp_path / "out", options=options))
    assert error.value.setting == setting and not (tmp_path / "out").exists()


def test_options_that_exclude_each_other_are_errors(class_folders, tmp_path):
    with pytest.raises(SettingsError, match="not both"):
        pack(tmp_path, "parquet", unpack=True)
    with pytest.raises(SettingsError, match="slurm cannot"):
        list(retry(tmp_path, BatchOptions(engine="slurm")))
    with pytest.raises(SettingsError, match="start and end in the manifest"):
        list(run(class_folders, tmp_path / "out", ExtractionSettings().with_options(start=1.0)))


@pytest.mark.slow
def test_a_closed_run_ends_its_workers_and_continues_later(class_folders, tmp_path):
    settings = ExtractionSettings().with_options(size=64, runtime="torch", refine=0)
    options = BatchOptions(workers=1)
    with closing(run(class_folders, tmp_path / "out", settings, options)) as events:
        first = next(event for event in events if isinstance(event, ClipFinished))
        assert multiprocessing.active_children()
    assert not multiprocessing.active_children() and first.record.state == "done"
    *_, finished = run(class_folders, tmp_path / "out", settings, options)
    assert finished.done + finished.existing == 3 and finished.existing >= 1
