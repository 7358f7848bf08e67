from __future__ import annotations

import shutil
import threading

import numpy as np
import pytest

import skelstream
from skelstream.errors import OutputError, SettingsError, SourceError
from skelstream.extraction.extraction import extract, run, stream, windows
from skelstream.extraction.output import Output


def test_a_video_is_extracted(walk, bars, tmp_path):
    output = tmp_path / "out.npz"
    sequence = skelstream.extract(walk, output, bars())
    assert sequence.track_ids.tolist() == [1, 2]  # the longer track first
    assert np.diff(sequence.track_start).tolist() == [40, 20]
    assert len(sequence.frame_time) == 40 and sequence.frame_ok.all()
    assert sequence.meta["source"] == str(walk) and sequence.meta["model"] == "bars"
    assert sequence.meta["weights_sha256"] == "0" * 64
    loaded = skelstream.load(output)
    np.testing.assert_array_equal(loaded.keypoints, sequence.keypoints)


def test_a_stream_has_the_same_people(walk, bars):
    rows = sum(len(people) for people in skelstream.stream(walk, bars()))
    assert rows == len(skelstream.extract(walk, estimator=bars()).frame)


@pytest.mark.parametrize("length, stride, count", [(16, 8, 4), (40, 1, 1), (64, 16, 1), (1, 13, 4)])
def test_windows_of_a_stream_equal_those_of_the_sequence(walk, bars, length, stride, count):
    given = list(skelstream.windows(walk, length, stride, estimator=bars()))
    whole = skelstream.extract(walk, estimator=bars())
    late = []
    for (clip, ids, start, end), window in zip(given, whole.windows(length, stride), strict=True):
        assert clip.shape == (2, length, 18, 3) and clip.dtype == np.float32
        assert (start, end) == (window.start, window.end)
        if np.array_equal(ids, window.track_ids):
            np.testing.assert_array_equal(clip, window.clip)
        else:  # the second person is still tentative
            assert ids.tolist() == [1, 0] and end - 0.5 < 0.15
            np.testing.assert_array_equal(clip[0], window.clip[0])
            late.append(start)
    assert len(given) == count and len(late) < count


def test_a_window_is_yielded_when_it_is_full(walk, bars):
    estimator = bars()
    given = skelstream.windows(walk, 8, 4, estimator=estimator)
    assert next(given).end == pytest.approx(7 / 20)
    assert sum(estimator.batches) < 30  # the queues hold a few frames only
    given.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("skelstream-")]


def test_windows_in_parts_and_without_people(walk, bars, tmp_path, draw_bars):
    (window,) = skelstream.windows(walk, 10, 5, 3, bars(), fill_value=np.nan, start=0.5, end=1.0)
    assert window.start == pytest.approx(0.5) and window.track_ids.tolist() == [1, 2, 0]
    assert np.isnan(window.clip[2, ..., :2]).all()
    path = tmp_path / "empty.mp4"
    with skelstream.video.VideoWriter(path, 64, 160, fps=10) as writer:
        for i in range(6):
            writer.write(draw_bars(), i / 10)
    windows = list(skelstream.windows(path, 4, 2, estimator=bars()))
    assert [w.start for w in windows] == [0.0, 0.2] and not any(w.clip.any() for w in windows)


def test_smoothed_windows_lag_and_have_the_same_people(walk, bars):
    (raw,) = skelstream.windows(walk, 40, estimator=bars())
    (smooth,) = skelstream.windows(walk, 40, estimator=bars(), smooth=True)
    assert smooth.track_ids.tolist() == raw.track_ids.tolist() == [1, 2]
    np.testing.assert_array_equal(smooth.clip[..., 2], raw.clip[..., 2])
    lag = (
        raw.clip[0, 5:, 0, 0] - smooth.clip[0, 5:, 0, 0]
    )  # the person walks to the right, one pixel per frame
    assert (lag > 0).mean() > 0.9 and lag.max() < 5


def test_wrong_windows_are_an_error_before_the_work(walk, bars):
    estimator = bars()
    with pytest.raises(SettingsError, match="at least 1"):
        next(skelstream.windows(walk, 0, estimator=estimator))
    with pytest.raises(SourceError, match="does not exist"):
        next(skelstream.windows("missing.mp4", estimator=estimator))
    assert estimator.batches == []


def test_two_runs_give_the_same_file(walk, bars, tmp_path):
    for name in ("a.npz", "b.npz"):
        skelstream.extract(walk, tmp_path / name, bars())
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_video_without_people(tmp_path, bars, draw_bars):
    path = tmp_path / "empty.mp4"
    with skelstream.video.VideoWriter(path, 64, 160, fps=10) as writer:
        for i in range(5):
            writer.write(draw_bars(), i / 10)
    sequence = skelstream.extract(path, tmp_path / "empty.npz", bars())
    assert len(sequence.track_ids) == 0 and len(sequence.frame_time) == 5


def test_a_video_of_one_frame(tmp_path, bars, draw_bars):
    path = tmp_path / "one.mp4"
    with skelstream.video.VideoWriter(path, 64, 160, fps=10) as writer:
        writer.write(draw_bars(50), 0)
    assert len(skelstream.extract(path, tmp_path / "one.npz", bars()).frame_time) == 1


def test_an_existing_output_is_an_error_before_the_work(walk, bars, tmp_path):
    output = tmp_path / "out.npz"
    output.write_bytes(b"precious")
    estimator = bars()
    with pytest.raises(OutputError, match="exists"):
        skelstream.extract(walk, output, estimator)
    assert output.read_bytes() == b"precious" and estimator.batches == []
    skelstream.extract(walk, output, estimator, overwrite=True)
    assert len(skelstream.load(output).track_ids) == 2


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SourceError("went away")])
def test_a_partial_result_is_kept(walk, bars, tmp_path, error):
    def report(pipeline, analysed):
        if analysed.frame.index == 24:
            raise error

    output = tmp_path / "out.npz"
    with pytest.raises(type(error)) as raised:
        run(walk, output=Output(output), estimator=bars(), report=report)
    assert not output.exists()
    assert "out.partial.npz" in raised.value.__notes__[0]
    assert len(skelstream.load(tmp_path / "out.partial.npz").frame_time) == 25


def test_a_partial_result_is_kept_if_the_output_cannot_be_written(walk, bars, tmp_path):
    output = tmp_path / "sub" / "out.npz"
    output.parent.mkdir()

    def report(pipeline, analysed):
        if analysed.frame.index == 30:
            output.mkdir()  # a folder of that name

    with pytest.raises(OutputError):
        run(walk, output=Output(output), estimator=bars(), report=report)
    assert len(skelstream.load(output.with_name("out.partial.npz")).frame_time) == 40


@pytest.mark.parametrize(
    ("name", "options", "match"),
    [
        ("no/out.npz", {}, "create it first"),
        ("set.ctrgcn.npz", {}, "needs a class"),
        ("out.npz", {"skeleton": "unknown18"}, "skeleton is 'unknown18'"),
        ("out.xyz", {}, "does not say which format"),
        ("a\0b.npz", {}, "NUL"),
    ],
)
def test_an_impossible_output_is_an_error_before_the_work(walk, bars, tmp_path, name, options, match):
    def never():
        raise AssertionError("the network was loaded")

    with pytest.raises(skelstream.SkelstreamError, match=match):
        extract(walk, tmp_path / name, never, **options)
    with pytest.raises(SourceError, match="does not exist"):
        extract(tmp_path / "none.mp4", tmp_path / "out.npz", never)
    assert [p.name for p in tmp_path.iterdir()] == ["walk.mp4"]


def test_a_result_removes_shorter_partial_results(walk, bars, tmp_path):
    output, partial = tmp_path / "out.npz", tmp_path / "out.partial.npz"

    def stopped_at(number):
        def report(pipeline, analysed):
            if analysed.frame.index == number:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt) as raised:
            run(walk, output=Output(output), estimator=bars(), report=report)
        return raised.value.__notes__[0], skelstream.load(partial).frames

    assert stopped_at(20)[1] == 21
    note, frames = stopped_at(9)
    assert frames == 21 and "longer earlier run, and stays" in note
    assert stopped_at(30)[1] == 31
    run(walk, output=Output(output), estimator=bars())
    assert not partial.exists() and skelstream.load(output).frames == 40


def test_another_file_with_a_partial_name_stays(walk, bars, tmp_path):
    skelstream.extract(walk, tmp_path / "out.partial.npz", bars(), end=0.5)

    def report(pipeline, analysed):
        if analysed.frame.index == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as raised:
        run(walk, output=Output(tmp_path / "out.npz"), estimator=bars(), report=report)
    assert "out.partial2.npz" in raised.value.__notes__[0]
    kept = skelstream.load(tmp_path / "out.partial2.npz").meta
    assert kept["partial"] and "the first 21 frames" in kept["warnings"][-1]
    run(walk, output=Output(tmp_path / "out.npz"), estimator=bars())
    assert sorted(p.name for p in tmp_path.glob("*.npz")) == ["out.npz", "out.partial.npz"]


def test_a_partial_result_of_another_source_stays(walk, bars, tmp_path):
    other = tmp_path / "other.mp4"
    shutil.copy(walk, other)
    for source in (other, walk):
        with pytest.raises(RuntimeError):
            run(source, output=Output(tmp_path / "out.npz"), estimator=bars(fail_at=25))
    run(walk, output=Output(tmp_path / "out.npz"), estimator=bars())
    assert sorted(p.name for p in tmp_path.glob("*.npz")) == ["out.npz", "out.partial.npz"]
    assert skelstream.load(tmp_path / "out.partial.npz").meta["source"] == str(other)


@pytest.mark.parametrize("call", [stream, windows, extract])
def test_keywords_are_checked_at_the_call(tmp_path, call, bars):
    with pytest.raises(SettingsError, match="did you mean max_people"):
        call("a.mp4", max_poeple=2)
    with pytest.raises(SourceError, match="does not exist"):
        call(tmp_path / "a.mp4", max_people=2)
    with pytest.raises(SettingsError, match="slow_motion is 0: give a number above 0"):
        call(tmp_path / "a.mp4", slow_motion=0)
    with pytest.raises(SettingsError, match="size belongs to the estimator"):
        call(tmp_path / "a.mp4", estimator=bars(), size=256)


@pytest.mark.parametrize("call", [stream, windows])
def test_postprocessing_of_a_stream_is_an_error(tmp_path, call):
    with pytest.raises(SettingsError, match="fill has no effect here"):
        call(tmp_path / "a.mp4", fill=0.5)
    with pytest.raises(SettingsError, match="linking has no effect here"):
        call(tmp_path / "a.mp4", linking=False)


def test_postprocessing_is_recorded(walk, bars):
    sequence = extract(walk, estimator=bars(), fill=0.5, smooth=True)
    assert sequence.meta["filled"] == {"max_gap": 0.5} and "noise" in sequence.meta["smoothed"]
    assert sequence.meta["settings"]["postprocessing"]["fill"] == 0.5
