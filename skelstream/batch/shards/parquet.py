"""Parquet: a row a clip, with a column for each array of its npz. Needs the extra ``formats``."""

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
from skelstream.sequences.lifted import SKELETON as SPACE

# Bytes of the clips of a row group, which a reader holds at a time.
_GROUP = 2**23
_KNOWN = ("id", "label", "split", "sha256", "frames", "tracks", "people")
_COUNTS = ("frames", "tracks", "people")
_KINDS = {
    "frame": np.int32, "track_ids": np.int32, "frame_index": np.int32, "track_start": np.int64, "frame_time": np.float64,
    "frame_ok": np.bool_, "observed": np.bool_, "observed_3d": np.bool_,
}  # fmt: skip
# What each row of an array is in the npz; None for the joint set's size.
_SHAPES: dict[str, tuple[int | None, ...]] = {
    "keypoints": (None, 2), "scores": (None,), "boxes": (4,), "observed": (None,),
    "keypoints_3d": (len(SPACE), 3), "observed_3d": (len(SPACE),),
}  # fmt: skip


def write(path: Path, items: Iterable[Item]) -> None:
    """Writes rows with the columns ``id``, ``label``, ``split``, ``sha256`` of the npz, ``frames``, ``tracks``, ``people`` and the arrays
    of the npz by their names; ``meta`` is its JSON text.

    An array with one number a row is a list, one with more a list of lists: ``keypoints`` has x0, y0, x1, y1 ... in each, float32,
    NaN where missing. Arrays that a clip does not have are null.

    Raises:
        FormatError: a clip has more than such a row holds.
    """
    pa, pq = require("pyarrow", "parquet"), require("pyarrow.parquet", "parquet")
    schema = _schema(pa)
    with pq.ParquetWriter(path, schema, compression="zstd") as file:
        rows, size = [], 0
        for item in items:
            rows.append(_row(pa, item))
            size += len(item.content)
            if size >= _GROUP:
                file.write_batch(_batch(pa, schema, rows))
                rows, size = [], 0
        if rows:
            file.write_batch(_batch(pa, schema, rows))


def _schema(pa: Any) -> Any:
    fields = [(name, pa.int32() if name in _COUNTS else pa.string()) for name in _KNOWN]
    for name in NAMES[:-1]:
        plain = name.removeprefix("clean_")
        kind = pa.list_(pa.from_numpy_dtype(_KINDS.get(plain, np.float32)))
        fields.append((name, pa.list_(kind) if plain in _SHAPES else kind))
    return pa.schema([*fields, ("meta", pa.string())])


def _row(pa: Any, item: Item) -> dict[str, Any]:
    clip, record = item.clip, item.record
    with np.load(io.BytesIO(item.content)) as file:
        arrays = dict(file)
    row: dict[str, Any] = {
        "id": clip.id, "label": clip.label, "split": clip.split, "sha256": record.sha256, "frames": record.frames,
        "tracks": record.tracks, "people": record.people, "meta": arrays["meta"].item(),
    }  # fmt: skip
    if _npz(arrays) != item.content:
        raise FormatError(f"{clip.id}: was written otherwise than skelstream does; do the clip again")
    return row | {name: array for name, array in arrays.items() if name != "meta"}


def _batch(pa: Any, schema: Any, rows: list[dict[str, Any]]) -> Any:
    columns = [_column(pa, field, [row.get(field.name) for row in rows]) for field in schema]
    return pa.record_batch(columns, schema=schema)


def _column(pa: Any, field: Any, values: list[Any]) -> Any:
    if not pa.types.is_list(field.type):
        return pa.array(values, field.type)
    there = [array for array in values if array is not None]
    missing = pa.array([array is None for array in values])
    starts = pa.array(np.cumsum([0, *(0 if a is None else len(a) for a in values)]), pa.int32())
    numbers = np.concatenate([array.reshape(-1) for array in there]) if there else np.zeros(0)
    inner = field.type.value_type
    if pa.types.is_list(inner):
        widths = np.concatenate([np.full(len(a), a[:1].size) for a in there]) if there else np.zeros(0)
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
    """Reads such a file, a row group at a time.

    Args:
        path: of it.
    """

    def __init__(self, path: Path):
        self._file = require("pyarrow.parquet", "parquet").ParquetFile(path)
        self._of = {
            id: (group, row)
            for group in range(self._file.num_row_groups)
            for row, id in enumerate(self._file.read_row_group(group, ["id"])["id"].to_pylist())
        }
        self._held: tuple[int, Any] = (-1, None)
        self.ids: Sequence[str] = list(self._of)

    def read(self, id: str) -> bytes:
        """The bytes of a clip's npz, made again from its columns."""
        group, row = self._of[id]
        if self._held[0] != group:
            self._held = group, self._file.read_row_group(group)
        table = self._held[1]
        meta = table["meta"][row].as_py()
        joints = len(json.loads(meta)["joints"])
        arrays = {}
        for name in NAMES[:-1]:
            value = table[name][row]
            if value.is_valid:
                arrays[name] = _array(name.removeprefix("clean_"), value.values, joints)
        return _npz(arrays | {"meta": np.array(meta)})

    def close(self) -> None:
        """Frees the file."""
        self._file.close()


def _array(name: str, values: Any, joints: int) -> np.ndarray:
    shape = [joints if size is None else size for size in _SHAPES.get(name, ())]
    numbers = (values.flatten() if shape else values).to_numpy(zero_copy_only=False)
    return numbers.astype(_KINDS.get(name, np.float32)).reshape(-1, *shape)
