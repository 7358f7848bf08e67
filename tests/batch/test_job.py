from __future__ import annotations

import errno

import av.error
import pytest

import skelstream.batch.job
from skelstream.batch.job import Job
from skelstream.batch.manifest import Clip
from skelstream.batch.records import FAILED
from skelstream.batch.results import Results
from skelstream.errors import OutputError, SourceError
from skelstream.extraction.settings import ExtractionSettings


@pytest.fixture
def attempt(tmp_path, monkeypatch):
    """Return a function that extracts a clip whose extraction raises an error."""

    def extract(error, cause=None):
        def fail(*_, **__):
            raise error from cause

        monkeypatch.setattr(skelstream.batch.job, "run", fail)
        job = Job(Results(tmp_path / "out"), ExtractionSettings(), "hash")
        return job.extract(Clip("a", "a.webm"), None)

    return extract


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_an_error_of_the_video_is_the_clips(attempt, number):
    """FFmpeg reports a truncated WebM as an input/output error, the number of a failing disk."""
    source = av.error.OSError(number, "Input/output error", "file:a.webm")
    assert attempt(SourceError("a.webm cannot be opened"), source).state == FAILED
    assert attempt(source).state == FAILED


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EROFS])
def test_an_error_of_the_results_ends_the_batch(attempt, number):
    with pytest.raises(OutputError):
        attempt(OutputError("a.npz cannot be written"), OSError(number, "failed", "a.npz"))
