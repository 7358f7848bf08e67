from __future__ import annotations

import errno
import os
from itertools import permutations

import pytest

from skelstream.batch.records import (
    CRASHED,
    DONE,
    FAILED,
    MAX_CRASHES,
    RESET,
    History,
    Record,
    Recorder,
    Records,
    reset_record,
    time_after,
)
from skelstream.batch.store.folder import FolderStore
from skelstream.errors import OutputError


def log_in(folder):
    (path,) = folder.glob(".batch/records/*.jsonl")
    return path


def test_records_of_several_processes_are_merged(tmp_path):
    one, other = Recorder(FolderStore(tmp_path)), Recorder(FolderStore(tmp_path))
    one.add(Record("a", FAILED, "s", 1.0, reason="SourceError"))
    records = Records(FolderStore(tmp_path))
    assert records["a"].failed is not None and records["b"].failed is None
    other.add(Record("a", DONE, "s", 2.0, sha256="x", warnings=("one",)))
    records.refresh()
    assert records["a"].done["s"] == Record("a", DONE, "s", 2.0, sha256="x", warnings=("one",))
    assert list(records) == ["a"]


def test_a_line_counts_once_it_is_complete(tmp_path):
    recorder = Recorder(FolderStore(tmp_path))
    recorder.add(Record("a", DONE, "s", 1.0))
    with open(log_in(tmp_path), "ab") as file:
        file.write(b'{"clip":"b","state":"done"')
        file.flush()
        records = Records(FolderStore(tmp_path))
        assert list(records) == ["a"]
        file.write(b',"settings":"s"}\nno json\n[]\n{"clip":1}\n')
    records.refresh()
    assert list(records) == ["a", "b"]


def test_the_order_of_records_does_not_matter():
    lines = [
        Record("a", CRASHED, "s", 1.0),
        Record("a", FAILED, "s", 2.0),
        Record("a", RESET, "", 3.0),
        Record("a", CRASHED, "s", 4.0),
    ]
    for order in permutations(lines):
        history = History()
        for line in order:
            history.add(line)
        assert history.failed is None and history.crashes == 1


def test_a_reset_ends_the_count_of_crashes(tmp_path):
    recorder = Recorder(FolderStore(tmp_path))
    for _ in range(MAX_CRASHES):
        recorder.add(Record("a", CRASHED, "s", 1.0))
    assert Records(FolderStore(tmp_path))["a"].crashes == MAX_CRASHES
    recorder.add(reset_record("a"))
    assert Records(FolderStore(tmp_path))["a"].crashes == 0


def test_a_full_disk_leaves_no_part_of_a_record(tmp_path, monkeypatch):
    recorder = Recorder(FolderStore(tmp_path))
    recorder.add(Record("a", DONE, "s", 1.0))
    before, write = log_in(tmp_path).read_bytes(), os.write

    def half(handle, data):
        if len(data) < 10:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(handle, data[:-5])

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OutputError, match="No space left"):
        recorder.add(Record("b", DONE, "s", 2.0))
    assert log_in(tmp_path).read_bytes() == before


@pytest.mark.parametrize(
    "values",
    ['"clip":["a"]', '"clip":{}', '"state":"odd"', '"state":1', '"settings":[]', '"time":"soon"', '"time":NaN', '"time":-1', '"time":1e12', '"time":1e999',
     '"size":"big"', '"size":-1', '"frames":1.5', '"warnings":"text"', '"warnings":[1]', '"warnings":{}', '"sha256":0',
     '"attempts":[]', '"clip":"a","seconds":null', '"a":' + "[" * 100_000],
)  # fmt: skip
def test_planted_records_do_not_count(tmp_path, values):
    recorder = Recorder(FolderStore(tmp_path))
    recorder.add(Record("a", DONE, "s", 1.0))
    with open(log_in(tmp_path), "a") as file:
        file.write('{"clip":"b","state":"done","settings":"s",' + values + "}\n")
    recorder.add(Record("c", DONE, "s", 1.0))
    assert set(Records(FolderStore(tmp_path))) == {"a", "c"}


@pytest.mark.parametrize("time", [4e9, 1e11])
def test_a_reset_forgives_failures_of_a_clock_ahead(time):
    history = History()
    for state in (FAILED, CRASHED, CRASHED):
        history.add(Record("a", state, "s", time))
    history.add(reset_record("a", history.latest))
    assert history.failed is None and history.crashes == 0
    history.add(Record("a", FAILED, "s", time_after(history.latest)))
    assert history.failed is not None
