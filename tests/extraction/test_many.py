from __future__ import annotations

import pytest

from skelstream.errors import OutputError, SourceError
from skelstream.extraction.many import run_many


def test_many_sources_continue_and_a_damaged_one_is_skipped(walk, bars, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video at all")
    folder = tmp_path / "out"
    first = list(run_many([str(broken), str(walk)], folder, estimator=bars()))
    assert isinstance(first[0].error, SourceError) and str(broken) in str(first[0].error)
    assert first[1].extraction is not None
    estimator = bars()
    second = list(run_many([str(broken), str(walk)], folder, estimator=estimator))
    assert second[1].extraction is None and second[1].error is None and estimator.batches == []
    assert sorted(p.name for p in folder.iterdir()) == ["walk.npz"]


def test_equal_names_are_an_error(bars, tmp_path):
    with pytest.raises(OutputError, match="two sources have this name"):
        list(run_many(["a/x.mp4", "b/x.mp4"], tmp_path, estimator=bars()))


def test_a_source_of_another_process_is_skipped(walk, bars, tmp_path):
    from skelstream.files.locks import claimed

    with claimed(tmp_path / "walk.npz.extracting", wait=False) as ours:
        assert ours
        (outcome,) = run_many([str(walk)], tmp_path, estimator=bars())
        assert outcome.by_other and outcome.extraction is None and not outcome.output.exists()
    (outcome,) = run_many([str(walk)], tmp_path, estimator=bars())
    assert outcome.extraction is not None
    assert sorted(p.name for p in tmp_path.iterdir()) == ["walk.mp4", "walk.npz"]


def test_many_sources_in_another_format(walk, bars, tmp_path):
    (outcome,) = run_many([str(walk)], tmp_path, estimator=bars(), format="csv")
    assert outcome.output.name == "walk.csv" and outcome.output.exists()
