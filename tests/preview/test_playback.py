from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from skelstream.errors import OutputError, SourceError
from skelstream.formats import load
from skelstream.pipeline import Pipeline
from skelstream.preview.measuring import measure
from skelstream.preview.playback import Playback
from skelstream.preview.recording import Recording

pytestmark = pytest.mark.slow


class Watcher:
    def __init__(self):
        self.changed, self.frames, self.at = threading.Event(), [], []

    def each(self, analysed):
        self.frames.append(analysed)

    def wait(self, playback, until):
        end = time.monotonic() + 20
        while not until():
            assert time.monotonic() < end, "it did not happen"
            self.changed.wait(0.05)
            self.changed.clear()
            if (newest := playback.take()) is not None:
                self.at.append((time.monotonic(), newest))


@pytest.fixture
def play(walk, bars):
    def make(real_time, source=walk, **options):
        watcher = Watcher()
        playback = Playback(
            lambda: Pipeline(source, bars(**options)), real_time, watcher.changed.set, watcher.each
        )
        return playback, watcher

    return make


def test_a_file_in_real_time(play):
    playback, watcher = play(True)
    with playback:
        watcher.wait(playback, lambda: playback.ended)
    assert len(watcher.frames) == 40 and playback.throughput.frames == 40
    wall = watcher.at[-1][0] - watcher.at[0][0]
    source = watcher.at[-1][1].frame.time - watcher.at[0][1].frame.time
    assert source > 1 and wall > 0.85 * source  # a busy machine may be slower, never faster
    assert 0 < playback.throughput.speed < 1.2 and set(playback.throughput.stages) >= {
        "decode",
        "detection",
        "tracking",
    }


def test_a_file_at_full_speed(play):
    playback, watcher = play(False)
    with playback:
        watcher.wait(playback, lambda: playback.ended)
    assert len(watcher.frames) == 40 and playback.info.width == 160
    assert playback.take() is None or watcher.at  # the newest frame is given once


def test_a_pause_holds_a_file(play):
    playback, watcher = play(True)
    with playback:
        watcher.wait(playback, lambda: len(watcher.at) > 2)
        playback.pause(True)
        time.sleep(0.3)
        playback.take()
        seen = playback.throughput.frames
        time.sleep(0.4)
        assert playback.paused and playback.throughput.frames <= seen + 1 and playback.take() is None
        playback.pause(False)
        watcher.wait(playback, lambda: playback.ended)
    assert playback.throughput.frames == 40


def test_it_can_be_left_at_any_time(play):
    playback, watcher = play(True)
    with playback:
        watcher.wait(playback, lambda: watcher.at)
        playback.pause(True)
    assert not any(thread.name.startswith("skelstream") for thread in threading.enumerate())


def test_what_fails_is_kept_for_whoever_looks(play):
    playback, watcher = play(False, source="missing.mp4")
    with playback:
        watcher.wait(playback, lambda: playback.ended)
    assert isinstance(playback.error, SourceError) and playback.info is None and playback.sequence() is None
    playback, watcher = play(False, fail_at=10)
    with playback:
        watcher.wait(playback, lambda: playback.ended)
    assert isinstance(playback.error, RuntimeError) and len(playback.sequence().frame_time) == 10


def test_the_sequence_while_it_grows(play):
    playback, watcher = play(True)
    with playback:
        watcher.wait(playback, lambda: len(watcher.at) > 8)
        assert 8 < len(playback.sequence().frame_time) < 40
        watcher.wait(playback, lambda: playback.ended)
        whole = playback.sequence()
    assert len(whole.frame_time) == 40 and len(whole.track_ids) == 2


def test_a_recording(play, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    playback, watcher = play(False)
    with playback:
        watcher.wait(playback, lambda: playback.ended)
    recording = Recording(playback, "walk", None, False)
    recording.write()  # not begun: nothing is written
    assert recording.written is None and not list(tmp_path.glob("walk-*"))
    recording.begin()
    path, frames = recording.written
    assert frames == 40 and path.name.startswith("walk-2") and len(load(path).track_ids) == 2
    recording.begin()  # again, over its own file
    given = Recording(playback, "walk", tmp_path / "walk.npz", False)
    (tmp_path / "walk.npz").write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists"):
        given.write()


def test_a_recording_after_an_error(play, tmp_path):
    playback, watcher = play(False, fail_at=10)
    with playback:
        watcher.wait(playback, lambda: playback.ended)
    error = RuntimeError("gone")
    Recording(playback, "walk", tmp_path / "walk.npz", False).keep(error)
    assert error.__notes__ == [f"10 frames are in {tmp_path / 'walk.npz'}"]
    Recording(playback, "walk", tmp_path / "nowhere" / "walk.npz", False).keep(other := RuntimeError())
    assert not hasattr(other, "__notes__")


def test_measuring(walk, bars, tmp_path):
    reports = []
    done = measure(
        lambda: Pipeline(walk, bars()), "walk", output=tmp_path / "walk.npz",
        report=lambda *report: reports.append(report),
    )  # fmt: skip
    assert done.throughput.frames == len(done.latencies) == 40 and done.source_ended and not done.interrupted
    assert done.tracks == 2 and 1 <= done.people <= 1.5 and (done.latencies >= 0).all()
    assert done.recorded == (tmp_path / "walk.npz", 40) and np.isfinite(list(done.stages.values())).all()


def test_measuring_for_some_time(walk, bars, monkeypatch):
    estimator = bars()
    find = estimator.infer
    monkeypatch.setattr(estimator, "infer", lambda inputs: (time.sleep(0.1), find(inputs))[1])
    done = measure(lambda: Pipeline(walk, estimator), "walk", seconds=0.5)
    assert 2 <= done.throughput.frames < 30 and not done.source_ended


def test_measuring_a_source_that_breaks(walk, bars, tmp_path):
    with pytest.raises(RuntimeError, match="broke") as caught:
        measure(lambda: Pipeline(walk, bars(fail_at=10)), "walk", output=tmp_path / "walk.npz")
    assert len(load(tmp_path / "walk.npz").frame_time) == 10 and "10 frames" in caught.value.__notes__[0]
