"""Fixtures: small videos in class folders, and batches whose results are made without a network."""

from __future__ import annotations

import hashlib
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from skelstream.batch.manifest import Clip, read_manifest
from skelstream.batch.plan import Plan, make_plan
from skelstream.batch.records import DONE, FAILED, Record, Recorder, reset_record
from skelstream.batch.results import Results, clip_settings_hash, result_name
from skelstream.batch.shards.layout import Layout
from skelstream.batch.shards.packing import Packer, PackResult
from skelstream.formats import save
from skelstream.people import People
from skelstream.sequences import SequenceBuilder, SkeletonSequence
from skelstream.skeleton import OPENPOSE18
from skelstream.tracking.tracked import TrackedPeople
from skelstream.video import VideoWriter


@pytest.fixture
def class_folders(tmp_path, draw_bars):
    """Write videos/train/{run,walk}/001.mp4 and videos/val/run/001.mp4 with 4 frames each."""
    folder = tmp_path / "videos"
    for name in ("train/run", "train/walk", "val/run"):
        (folder / name).mkdir(parents=True)
        with VideoWriter(folder / name / "001.mp4", 64, 96, fps=10) as writer:
            for i in range(4):
                writer.write(draw_bars(20 + 5 * i)[:, :96], i / 10)
    return folder


def _plan_of(clips, results, settings, damaged=None):
    verified = make_plan(clips, results, settings)
    while True:
        try:
            event = next(verified)
        except StopIteration as stop:
            return stop.value
        if event.intact is False and damaged is not None:
            damaged.append(event.clip)


@dataclass
class FakeBatch:
    """A batch without videos: the result of /v/4.mp4 is 4 frames of one person."""

    results: Results
    clips: list[Clip]
    settings: str
    folder: Path

    def extract(self, *numbers: int, x: float = 5.0) -> None:
        """Write and record results of clips as a worker does; the person starts at x."""
        recorder, store = Recorder(self.results.store), self.results.store
        for number in numbers:
            clip, path = self.clips[number], self.folder / "result.npz"
            frames = int(Path(clip.path).stem)
            save(_result(clip, frames, x), path, overwrite=True)
            content, name = path.read_bytes(), result_name(clip.id)
            store.write(name, content)
            md5 = store.confirmed_md5(name, len(content), hashlib.md5(content).hexdigest())
            recorder.add(
                Record(
                    clip.id, DONE, clip_settings_hash(self.settings, clip), 1.0,
                    sha256=hashlib.sha256(content).hexdigest(), size=len(content), md5=md5,
                    frames=frames, decoded=frames, tracks=1, people=frames,
                )
            )  # fmt: skip

    def fail(self, number: int) -> None:
        """Record a clip as failed."""
        failed = Record(
            self.clips[number].id, FAILED, self.settings, 2.0, reason="SourceError", message="broken"
        )
        Recorder(self.results.store).add(failed)

    def reset(self, number: int) -> None:
        """Reset the failures of a clip."""
        Recorder(self.results.store).add(reset_record(self.clips[number].id))

    def plan(self) -> Plan:
        return _plan_of(self.clips, self.results, self.settings)

    def pack(self) -> PackResult:
        with closing(Packer(self.results, self.settings)) as packer:
            return packer.finish()

    def files(self) -> dict[str, bytes]:
        """Return the files outside .batch by name."""
        store = self.results.store
        return {name: store.read(name) for name in store.list_files("") if not name.startswith(".batch")}


def _result(clip: Clip, frames: int, x: float) -> SkeletonSequence:
    builder = SequenceBuilder(OPENPOSE18, source=clip.path, height=64, width=96)
    scores = np.full((1, 18), 0.5, np.float32)
    for i in range(frames):
        points = np.stack([np.full(18, x + i), np.arange(18)], -1)[None].astype(np.float32)
        people = People(points, scores, scores[:, 0], np.array([[0, 0, 9, 18]], np.float32))
        builder.add(TrackedPeople(i, i / 10, people, np.ones(1, np.int32), np.ones(1, np.bool_)))
    return builder.finish()


@pytest.fixture
def memory_url():
    """Return the URL of a folder in fsspec's memory."""
    fsspec = pytest.importorskip("fsspec")
    yield "memory://skeletons"
    with suppress(FileNotFoundError):
        fsspec.filesystem("memory").rm("/skeletons", recursive=True)


@pytest.fixture
def fake_batch(tmp_path):
    """Return a function that prepares a batch from a table, with two clips in a shard."""

    def make(location, table, format=None, settings=None, redo=False) -> FakeBatch:
        (tmp_path / "clips.csv").write_text(table)
        clips, results = read_manifest(tmp_path / "clips.csv"), Results(location)
        layout = None if format is None else Layout(format, 2)
        return FakeBatch(results, clips, results.prepare(clips, settings or {}, redo, layout), tmp_path)

    return make


@pytest.fixture
def plan_of():
    """Return a function that makes a plan; ``damaged`` gets the clips with a changed result."""
    return _plan_of
