"""Parquet shards: a row per clip, with a column for each array of its npz. Needs the extra ``formats``."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from skelstream.batch.shards.contract import Item
from skelstream.errors import FormatError
from skelstream.formats.extra import require
from skelstream.formats.npz import NAMES, put_arrays
from skelstream.formats.zipped import read_arrays
from skelstream.sequences.lifted import SKELETON as LIFTED_SKELETON

# Bytes of the clips in a row group, which a reader holds in memory.
_ROW_GROUP = 2**23
_VALUES = ("id", "label", "split", "sha256", "frames", "tracks", "people")
_COUNTS = ("frames", "tracks", "people")
_DTYPES = {
    "frame": np.int32, "track_ids": np.int32, "frame_index": np.int32, "track_start": np.int64,
    "frame_time": np.float64, "frame_ok": np.bool_, "observed": np.bool_, "observed_3d": np.bool_,
}  # fmt: skip
# Shape of a row of each array with more than one number per row; None stands for the number of joints.
_SHAPES: dict[str, tuple[int | None, ...]] = {
    "keypoints": (None, 2), "scores": (None,), "boxes": (4,), "observed": (None,),
    "keypoints_3d": (len(LIFTED_SKELETON), 3), "observed_3d": (len(LIFTED_SKELETON),),
}  # fmt: skip


def write(path: Path, items: Iterable[Item]) -> None:
    """Write a Parquet file with one row per clip.

    Columns are ``id``, ``label``, ``split``, ``sha256`` of the npz, ``frames``, ``tracks``, ``people``, the
    arrays of the npz by name, and ``meta`` as JSON text. An array with one number per row is a list, one with
    more a list of lists: ``keypoints`` has x0, y0, x1, y1 ... in each, float32, NaN where missing. Arrays
    that a clip does not have are null.

    Raises:
        FormatError: a clip has content that the columns cannot hold.
    """
    pa, pq = require("pyarrow", "parquet"), require("pyarrow.parquet", "parquet")
    schema = _schema(pa)
    with pq.ParquetWriter(path, schema, compression="zstd") as file:
        rows, size = [], 0
        for item in items:
            rows.append(_row(item))
            size += len(item.content)
            if size >= _ROW_GROUP:
                file.write_batch(_batch(pa, schema, rows))
                rows, size = [], 0
        if rows:
            file.write_batch(_batch(pa, schema, rows))


def _schema(pa: Any) -> Any:
    fields = [(name, pa.int32() if name in _COUNTS else pa.string()) for name in _VALUES]
    for name in NAMES[:-1]:
        plain = name.removeprefix("clean_")
        type = pa.list_(pa.from_numpy_dtype(_DTYPES.get(plain, np.float32)))
        fields.append((name, pa.list_(type) if plain in _SHAPES else type))
    return pa.schema([*fields, ("meta", pa.string())])


def _row(item: Item) -> dict[str, Any]:
    clip, record = item.clip, item.record
    arrays = read_arrays(item.content, "a skeletons.npz")
    row: dict[str, Any] = {
        "id": clip.id, "label": clip.label, "split": clip.split, "sha256": record.sha256,
        "frames": record.frames, "tracks": record.tracks, "people": record.people,
        "meta": arrays["meta"].item(),
    }  # fmt: skip
    if _npz(arrays) != item.content:
        raise FormatError(f"{clip.id}: its npz was not written by skelstream; extract the clip again")
    return row | {name: array for name, array in arrays.items() if name != "meta"}


def _batch(pa: Any, schema: Any, rows: list[dict[str, Any]]) -> Any:
    columns = [_column(pa, field, [row.get(field.name) for row in rows]) for field in schema]
    return pa.record_batch(columns, schema=schema)


def _column(pa: Any, field: Any, values: list[Any]) -> Any:
    if not pa.types.is_list(field.type):
        return pa.array(values, field.type)
    arrays = [array for array in values if array is not None]
    missing = pa.array([array is None for array in values])
    starts = pa.array(np.cumsum([0, *(0 if a is None else len(a) for a in values)]), pa.int32())
    numbers = np.concatenate([array.reshape(-1) for array in arrays]) if arrays else np.zeros(0)
    inner = field.type.value_type
    if pa.types.is_list(inner):
        widths = np.concatenate([np.full(len(a), a[:1].size) for a in arrays]) if arrays else np.zeros(0)
        within = pa.array(np.concatenate([[0], np.cumsum(widths)]), pa.int32())
        content = pa.ListArray.from_arrays(within, pa.array(numbers, inner.value_type))
    else:
        content = pa.array(numbers, inner)
    return pa.ListArray.from_arrays(starts, content, mask=missing)


def _npz(arrays: dict[str, np.ndarray]) -> bytes:
    file = io.BytesIO()
    put_arrays(file, arrays)
    return file.getvalue()


class Shard:
    """A Parquet shard that is open for reading, one row group at a time.

    Args:
        path: path of the file.
    """

    def __init__(self, path: Path):
        self._file = require("pyarrow.parquet", "parquet").ParquetFile(path)
        self._positions = {
            id: (group, row)
            for group in range(self._file.num_row_groups)
            for row, id in enumerate(self._file.read_row_group(group, ["id"])["id"].to_pylist())
        }
        self._row_group: tuple[int, Any] = (-1, None)
        self.ids: Sequence[str] = list(self._positions)

    def read(self, id: str) -> bytes:
        """Return the bytes of a clip's npz, rebuilt from its columns."""
        group, row = self._positions[id]
        if self._row_group[0] != group:
            self._row_group = group, self._file.read_row_group(group)
        table = self._row_group[1]
        meta = table["meta"][row].as_py()
        joints = len(json.loads(meta)["joints"])
        arrays = {}
        for name in NAMES[:-1]:
            value = table[name][row]
            if value.is_valid:
                arrays[name] = _array(name.removeprefix("clean_"), value.values, joints)
        return _npz(arrays | {"meta": np.array(meta)})

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _array(name: str, values: Any, joints: int) -> np.ndarray:
    shape = [joints if size is None else size for size in _SHAPES.get(name, ())]
    numbers = (values.flatten() if shape else values).to_numpy(zero_copy_only=False)
    return numbers.astype(_DTYPES.get(name, np.float32)).reshape(-1, *shape)
