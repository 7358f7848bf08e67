from __future__ import annotations

import numpy as np
import pytest

import skelstream
from skelstream.errors import OutputError, SourceError
from skelstream.extraction import run, run_many


def test_one_video(walk, bars, tmp_path):
    output = tmp_path / "out.npz"
    sequence = skelstream.extract(walk, output, bars())
    assert sequence.track_ids.tolist() == [1, 2]  # the one seen longer first
    assert np.diff(sequence.track_start).tolist() == [40, 20]
    assert len(sequence.frame_time) == 40 and sequence.frame_ok.all()
    assert sequence.meta["source"] == str(walk) and sequence.meta["model"] == "bars"
    assert sequence.meta["weights_sha256"] == "0" * 64
    loaded = skelstream.load(output)
    np.testing.assert_array_equal(loaded.keypoints, sequence.keypoints)


def test_streaming_gives_the_same_people(walk, bars):
    rows = sum(len(people) for people in skelstream.stream(walk, bars()))
    assert rows == len(skelstream.extract(walk, estimator=bars()).frame)


def test_two_runs_give_the_same_file(walk, bars, tmp_path):
    for name in ("a.npz", "b.npz"):
        skelstream.extract(walk, tmp_path / name, bars())
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_nobody_there(tmp_path, bars, draw_bars):
    path = tmp_path / "empty.mp4"
    with skelstream.video.VideoWriter(path, 64, 160, rate=10) as writer:
        for i in range(5):
            writer.write(draw_bars(), i / 10)
    sequence = skelstream.extract(path, tmp_path / "empty.npz", bars())
    assert len(sequence.track_ids) == 0 and len(sequence.frame_time) == 5


def test_one_frame(tmp_path, bars, draw_bars):
    path = tmp_path / "one.mp4"
    with skelstream.video.VideoWriter(path, 64, 160, rate=10) as writer:
        writer.write(draw_bars(50), 0)
    assert len(skelstream.extract(path, tmp_path / "one.npz", bars()).frame_time) == 1


def test_existing_output_is_refused_before_the_work(walk, bars, tmp_path):
    output = tmp_path / "out.npz"
    output.write_bytes(b"precious")
    estimator = bars()
    with pytest.raises(OutputError, match="exists"):
        skelstream.extract(walk, output, estimator)
    assert output.read_bytes() == b"precious" and estimator.batches == []
    skelstream.extract(walk, output, estimator, overwrite=True)
    assert len(skelstream.load(output).track_ids) == 2


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SourceError("went away")])
def test_what_was_done_is_kept_beside_the_output(walk, bars, tmp_path, error):
    def report(pipeline, analysed):
        if analysed.frame.index == 24:
            raise error

    output = tmp_path / "out.npz"
    with pytest.raises(type(error)) as raised:
        run(walk, bars(), output, report=report)
    assert not output.exists()
    assert "out.partial.npz" in raised.value.__notes__[0]
    assert len(skelstream.load(tmp_path / "out.partial.npz").frame_time) == 25


def test_many_go_on_where_they_stood_and_survive_a_broken_one(walk, bars, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video at all")
    folder = tmp_path / "out"
    first = list(run_many([str(broken), str(walk)], bars(), folder))
    assert isinstance(first[0].error, SourceError) and str(broken) in str(first[0].error)
    assert first[1].extraction is not None
    estimator = bars()
    second = list(run_many([str(broken), str(walk)], estimator, folder))
    assert second[1].extraction is None and second[1].error is None and estimator.batches == []
    assert sorted(p.name for p in folder.iterdir()) == ["walk.npz"]


def test_many_of_one_name_are_refused(bars, tmp_path):
    with pytest.raises(OutputError, match="two of the sources"):
        list(run_many(["a/x.mp4", "b/x.mp4"], bars(), tmp_path))
