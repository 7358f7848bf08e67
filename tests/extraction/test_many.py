from __future__ import annotations

import shutil
from pathlib import Path

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


def test_the_result_of_another_source_is_not_taken_for_ones_own(walk, bars, tmp_path, monkeypatch):
    for folder in ("cat", "dog"):
        (tmp_path / folder).mkdir()
        shutil.copy(walk, tmp_path / folder / "000.mp4")
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "out"
    (first,) = run_many(["cat/000.mp4"], out, estimator=bars())
    (second,) = run_many(["dog/000.mp4"], out, estimator=bars())
    assert first.extraction and isinstance(second.error, OutputError) and second.error.setting == "overwrite"
    assert "is the result of cat/000.mp4, not of dog/000.mp4" in str(second.error)
    monkeypatch.chdir(tmp_path / "cat")
    for again in ("000.mp4", "./000.mp4", str(tmp_path / "cat" / "000.mp4"), "../cat/000.mp4"):
        (outcome,) = run_many([again], out, estimator=bars())
        assert outcome.error is None and outcome.extraction is None


@pytest.mark.parametrize("name", ["two.npz", "jumps.csv", "set.analysis.h5"])
def test_a_folder_is_not_named_like_a_file(walk, bars, tmp_path, name):
    with pytest.raises(OutputError, match="several sources need a folder"):
        list(run_many([str(walk)], tmp_path / name, estimator=bars()))
    Path(tmp_path / name).mkdir()
    (outcome,) = run_many([str(walk)], tmp_path / name, estimator=bars())
    assert outcome.extraction is not None
