from __future__ import annotations

import errno
from fractions import Fraction

import av
import av.error
import pytest

import skelstream.batch.job
from skelstream.batch.job import Job
from skelstream.batch.manifest import Clip
from skelstream.batch.records import FAILED
from skelstream.batch.results import Results
from skelstream.batch.status import Status
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


@pytest.mark.parametrize("whole", [True, False])
def test_frames_that_an_avi_repeats_are_no_loss(tmp_path, bars, draw_bars, whole):
    """Its header counts 28; 24 are there and the others repeat the one before. Of half a file, 28 are claimed."""
    kept = [i for i in range(28) if i not in (5, 6, 17, 23)]
    path = tmp_path / "a.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 64, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 25)
        for i in kept:
            frame = av.VideoFrame.from_ndarray(draw_bars(20 + i))
            frame.pts, frame.time_base = i, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    if not whole:
        data = path.read_bytes()
        path.write_bytes(data[: data.index(b"movi") + (len(data) - data.index(b"movi")) // 2])
    job = Job(Results(tmp_path / "out"), ExtractionSettings(), "hash")
    record = job.extract(Clip("a", str(path)), bars())
    assert record.state == "done" and record.expected == (None if whole else 28)
    assert Status(1, [record]).short == ([] if whole else [record])
