from __future__ import annotations

import json
import sys

import pytest

from skelstream.errors import FormatError, MissingExtraError
from skelstream.formats import load, save

pq = pytest.importorskip("pyarrow.parquet", reason="the extra pyarrow is not installed")


def test_columns(scene, tmp_path):
    save(scene, tmp_path / "a.parquet")
    table = pq.read_table(tmp_path / "a.parquet")
    types = {field.name: str(field.type) for field in table.schema}
    assert types["frame"] == types["track_id"] == "int32" and types["time"] == "double"
    assert types["nose_x"] == "float" and len(types) == 5 + 6 + 3 * 18
    assert table["track_id"].to_pylist() == [2, 1, 2, 1, 2, 1, None, 2, None, 2, 2]
    assert table["right_wrist_x"].to_pylist()[2] is None
    meta = json.loads(table.schema.metadata[b"skelstream"])
    assert meta["joints"] == list(scene.skeleton.joints)


def test_damaged(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(FormatError, match=r"a\.parquet: not Parquet"):
        load(tmp_path / "a.parquet")
    with pytest.raises(FormatError, match="no such file"):
        load(tmp_path / "b.parquet")


def test_foreign(tmp_path):
    import pyarrow

    pq.write_table(pyarrow.table({"a": [1], "b": ["x"]}), tmp_path / "a.parquet")
    with pytest.raises(FormatError, match="no column 'frame'"):
        load(tmp_path / "a.parquet")


def test_without_the_library(scene, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match="parquet needs pyarrow: pip install"):
        save(scene, tmp_path / "a.parquet")
