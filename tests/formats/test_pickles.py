from __future__ import annotations

import io
import pickle
import tracemalloc

import numpy as np
import pytest

from skelstream.errors import FormatError
from skelstream.formats.pickles import RowsPickle, load


def written(rows, around):
    file = io.BytesIO()
    pickled = RowsPickle(file)
    for row in rows:
        pickled.add(row)
    pickled.finish(around, "rows")
    file.seek(0)
    return file


# Python's own unpickler in Python keeps its stack otherwise than the one in C.
@pytest.mark.parametrize("read", [pickle.load, pickle._Unpickler, load])
def test_a_list_written_row_by_row_is_read_as_one(read):
    name = "again and again"
    rows = [{"name": name, name: [name, i], "x": np.arange(i, dtype=np.float32)} for i in range(300)]
    around = {"split": {"train": [f"clip {i}" for i in range(1000)]}, "classes": [name, "b"]}
    for extra in ({}, around):
        file = written(rows, extra)
        found = read(file).load() if isinstance(read, type) else read(file)
        if extra:
            assert found["split"] == around["split"] and found["classes"] == around["classes"]
        found = found["rows"] if extra else found
        assert [(row["name"], row[name]) for row in found] == [(row["name"], row[name]) for row in rows]
        for row, i in zip(found, range(300), strict=True):
            np.testing.assert_array_equal(row["x"], np.arange(i))


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("dtype", ["<f4", ">f4", ">f8", ">i2", "?", "u1", "<f2"])
def test_arrays_are_read_as_numpy_reads_them(dtype, protocol):
    """Also those of a machine with the other byte order, and in Fortran's order."""
    array = (np.arange(24).reshape(2, 3, 4) % 7).astype(dtype)
    value = {"c": array, "f": np.asfortranarray(array), "scalar": array[0, 0, 1], "empty": array[:0]}
    found = load(io.BytesIO(pickle.dumps(value, protocol)))
    for name, wanted in value.items():
        np.testing.assert_array_equal(found[name], wanted)
    assert found["c"].dtype.newbyteorder("=") == array.dtype.newbyteorder("=")


def test_no_rows_are_an_empty_list():
    assert pickle.load(written([], {})) == []
    assert pickle.load(written([], {"split": {}})) == {"split": {}, "rows": []}


def test_no_row_stays_in_memory(tmp_path):
    with open(tmp_path / "rows.pkl", "wb") as file:
        rows = RowsPickle(file)
        tracemalloc.start()
        for i in range(200):
            rows.add({"x": np.full(25_000, i, np.float32)})
        rows.finish({}, "rows")
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert (tmp_path / "rows.pkl").stat().st_size > 200 * 100_000 and most < 2_000_000


def test_values_that_are_repeated_without_end_are_refused():
    nested: list = ["ha"]
    for _ in range(40):
        nested = [nested, nested]
    with pytest.raises(FormatError, match="made to fill memory"):
        load(io.BytesIO(pickle.dumps(nested)))
    inside: list = []
    inside.append(inside)
    with pytest.raises(FormatError, match="contains itself"):
        load(io.BytesIO(pickle.dumps(inside)))
    shared = np.zeros((100, 17, 2), np.float32)
    assert len(load(io.BytesIO(pickle.dumps([shared] * 1000)))) == 1000
