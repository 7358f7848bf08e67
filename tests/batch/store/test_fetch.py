from __future__ import annotations

import json
import sys
import tempfile

import pytest

from skelstream.batch.job import Job
from skelstream.batch.manifest import read_manifest
from skelstream.batch.records import DONE, FAILED
from skelstream.batch.results import Results
from skelstream.batch.store.fetch import fetched
from skelstream.errors import MissingExtraError, SourceError
from skelstream.extraction.extraction import run
from skelstream.extraction.output import Output
from skelstream.extraction.settings import ExtractionSettings
from skelstream.formats import load


@pytest.fixture
def file_system(walk):
    """Return fsspec's file system in memory, with a video in it."""
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    memory.pipe("/bucket/walk.mp4", walk.read_bytes())
    yield memory
    memory.rm("/bucket", recursive=True)


def test_a_remote_clip_has_the_result_of_a_local_one(file_system, walk, bars, tmp_path):
    table = tmp_path / "clips.csv"
    table.write_text("path\nmemory://bucket/walk.mp4\nmemory://bucket/none.mp4\n")
    clips, settings = read_manifest(table), ExtractionSettings()
    job = Job.of(Results(tmp_path / "out"), settings)
    job.results.prepare(clips, job.settings_json, redo=False)
    done, failed = (job.extract(clip, bars()) for clip in clips)
    assert done.state == DONE and done.frames == 40
    assert failed.state == FAILED and "memory://bucket/none.mp4: does not exist" in failed.message

    found = load(job.results.location / f"{clips[0].id}.npz")
    assert found.meta["source"] == "memory://bucket/walk.mp4"
    assert tempfile.gettempdir() not in json.dumps(found.meta)
    run(walk, output=Output(tmp_path / "here.npz"), estimator=bars(), name="memory://bucket/walk.mp4")
    assert (tmp_path / "here.npz").read_bytes() == (job.results.location / f"{clips[0].id}.npz").read_bytes()


def test_the_copy_is_deleted_after_the_block(file_system):
    with fetched("memory://bucket/walk.mp4") as copy:
        assert copy.name == "walk.mp4" and copy.stat().st_size == file_system.size("/bucket/walk.mp4")
    assert not copy.parent.exists()


def test_a_local_file_is_not_copied(walk):
    with fetched(str(walk)) as path:
        assert path == walk


def test_a_video_that_cannot_be_downloaded_is_an_error(monkeypatch):
    pytest.importorskip("fsspec")
    with pytest.raises(SourceError, match="nowhere://a: cannot be downloaded"), fetched("nowhere://a"):
        pass
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtraError, match=r"skelstream\[remote\]"), fetched("s3://bucket/a.mp4"):
        pass
