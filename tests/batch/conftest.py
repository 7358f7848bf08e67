"""Clips in class folders, small enough for the real networks, and batches whose clips are done without any."""

from __future__ import annotations

import hashlib
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from skelstream.batch.manifest import Clip, read_manifest
from skelstream.batch.plan import Plan, make_plan
from skelstream.batch.records import DONE, FAILED, Record, Recorder, forgiven
from skelstream.batch.results import Results, name_of_result, settings_of
from skelstream.batch.shards.layout import Layout
from skelstream.batch.shards.packing import Packed, Packer
from skelstream.formats import save
from skelstream.people import People
from skelstream.sequences import SequenceBuilder, SkeletonSequence
from skelstream.skeleton import OPENPOSE18
from skelstream.tracking.tracked import TrackedPeople
from skelstream.video import VideoWriter


@pytest.fixture
def tree(tmp_path, draw_bars):
    """videos/train/{run,walk}/001.mp4 and videos/val/run/001.mp4, of 4 frames each."""
    folder = tmp_path / "videos"
    for place in ("train/run", "train/walk", "val/run"):
        (folder / place).mkdir(parents=True)
        with VideoWriter(folder / place / "001.mp4", 64, 96, fps=10) as writer:
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
class DrawnBatch:
    """A batch whose results are made up: a clip at /v/4.mp4 has 4 frames with a person."""

    results: Results
    clips: list[Clip]
    settings: str
    folder: Path

    def do(self, *numbers: int, x: float = 5.0) -> None:
        """Has clips done as a worker does them; people stand at x."""
        recorder, store = Recorder(self.results.store), self.results.store
        for number in numbers:
            clip, path = self.clips[number], self.folder / "made.npz"
            frames = int(Path(clip.path).stem)
            save(_drawn(clip, frames, x), path, overwrite=True)
            content, name = path.read_bytes(), name_of_result(clip.id)
            store.write(name, content)
            recorder.add(
                Record(
                    clip.id, DONE, settings_of(self.settings, clip), 1.0, sha256=hashlib.sha256(content).hexdigest(),
                    size=len(content), md5=store.confirmed(name, len(content), hashlib.md5(content).hexdigest()),
                    frames=frames, decoded=frames, tracks=1, people=frames,
                )
            )  # fmt: skip

    def fail(self, number: int) -> None:
        failed = Record(
            self.clips[number].id, FAILED, self.settings, 2.0, reason="SourceError", message="broken"
        )
        Recorder(self.results.store).add(failed)

    def forgive(self, number: int) -> None:
        Recorder(self.results.store).add(forgiven(self.clips[number].id))

    def plan(self) -> Plan:
        return _plan_of(self.clips, self.results, self.settings)

    def pack(self) -> Packed:
        with closing(Packer(self.results, self.settings)) as packer:
            return packer.finish()

    def files(self) -> dict[str, bytes]:
        """All that a user sees, by name."""
        store = self.results.store
        return {name: store.read(name) for name in store.listed("") if not name.startswith(".batch")}


def _drawn(clip: Clip, frames: int, x: float) -> SkeletonSequence:
    builder = SequenceBuilder(OPENPOSE18, source=clip.path, height=64, width=96)
    scores = np.full((1, 18), 0.5, np.float32)
    for i in range(frames):
        points = np.stack([np.full(18, x + i), np.arange(18)], -1)[None].astype(np.float32)
        people = People(points, scores, scores[:, 0], np.array([[0, 0, 9, 18]], np.float32))
        builder.add(TrackedPeople(i, i / 10, people, np.ones(1, np.int32), np.ones(1, np.bool_)))
    return builder.finish()


@pytest.fixture
def memory():
    """The URL of a folder in fsspec's memory."""
    fsspec = pytest.importorskip("fsspec")
    yield "memory://skeletons"
    with suppress(FileNotFoundError):
        fsspec.filesystem("memory").rm("/skeletons", recursive=True)


@pytest.fixture
def drawn(tmp_path):
    """Makes a batch of a table's clips at a place, in shards of a format, two clips each."""

    def make(place, table, format=None, settings=None, redo=False) -> DrawnBatch:
        (tmp_path / "clips.csv").write_text(table)
        clips, results = read_manifest(tmp_path / "clips.csv"), Results(place)
        layout = None if format is None else Layout(format, 2)
        return DrawnBatch(results, clips, results.prepare(clips, settings or {}, redo, layout), tmp_path)

    return make


@pytest.fixture
def plan_of():
    """The function: the plan of some clips; ``damaged`` gets the clips whose result is not what was recorded."""
    return _plan_of
