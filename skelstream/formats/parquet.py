"""Parquet files with the table of `skelstream.formats.table`, through pyarrow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from skelstream.errors import FormatError
from skelstream.files.atomic import replacing
from skelstream.files.text import printable
from skelstream.formats.extra import require
from skelstream.formats.format import Format, ReadOptions, Sample, WriteOptions
from skelstream.formats.table import INTEGERS, Table, columns, from_values
from skelstream.formats.zipped import check_unpacked
from skelstream.sequences import Detections, SkeletonSequence

_CHUNK = 16384


def write(sample: Sample, path: Path, options: WriteOptions) -> None:
    """Write the table: int32 for whole numbers, float64 for the time, else float32; null for empty cells.

    The sequence's ``meta`` is stored as JSON in the file's key-value metadata under ``skelstream``.
    """
    pa, pq = require("pyarrow", "parquet"), require("pyarrow.parquet", "parquet")
    table, names = Table(sample.sequence), columns(sample.sequence.skeleton)

    def kind(name: str) -> Any:
        return pa.int32() if name in INTEGERS else pa.float64() if name == "time" else pa.float32()

    meta = {"skelstream": json.dumps(dict(sample.sequence.meta), sort_keys=True)}
    schema = pa.schema([(name, kind(name)) for name in names], metadata=meta)
    with replacing(path) as temporary, pq.ParquetWriter(temporary, schema) as file:
        for start in range(0, len(table), _CHUNK):
            values = table.values(start, start + _CHUNK)
            empty = np.isnan(values)
            whole = np.where(empty, 0, values)
            arrays = [
                pa.array(whole[:, i].astype(field.type.to_pandas_dtype()), mask=empty[:, i])
                for i, field in enumerate(schema)
            ]
            file.write_batch(pa.record_batch(arrays, schema=schema))


def read(path: Path, options: ReadOptions) -> SkeletonSequence | Detections:
    """Read such a table; `skelstream.formats.table.from_values` lists the optional columns.

    Raises:
        FormatError: the file is damaged or of another format.
    """
    pa, pq = require("pyarrow", "parquet"), require("pyarrow.parquet", "parquet")
    try:
        with pq.ParquetFile(path) as file:
            kinds = file.schema_arrow
            check_unpacked(8 * file.metadata.num_rows * len(kinds), path.stat().st_size)
            numeric = [f.name for f in kinds if pa.types.is_integer(f.type) or pa.types.is_floating(f.type)]
            if len(set(kinds.names)) < len(kinds.names):
                raise FormatError("has a column twice")
            table = file.read(columns=numeric)
        values = [table[name].cast(pa.float64()).fill_null(float("nan")).to_numpy() for name in numeric]
    except FileNotFoundError:
        raise
    except (OSError, pa.ArrowException) as error:
        raise FormatError(f"not Parquet, or damaged: {printable(str(error).splitlines()[0])}") from error
    return from_values(numeric, np.stack(values, 1) if values else np.empty((0, 0)), path.name, options)


FORMAT = Format("parquet", (".parquet",), "Parquet, the same table as CSV", write, read)
