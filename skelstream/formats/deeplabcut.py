"""Reader of DeepLabCut's tables, CSV and HDF5, with one or several individuals."""

from __future__ import annotations

import csv
import io
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from skelstream.errors import FormatError
from skelstream.files.text import printable
from skelstream.files.values import INT32
from skelstream.formats.extra import require
from skelstream.formats.format import Format, ReadOptions
from skelstream.formats.frames import FoundFrame, assembled
from skelstream.formats.joint_names import joints_of, note_joints, select_joints
from skelstream.formats.pickles import load
from skelstream.formats.rows import read_text
from skelstream.formats.zipped import check_unpacked
from skelstream.sequences import Detections, SkeletonSequence

_COORDINATES = ("x", "y", "likelihood")
_LEVELS = ("scorer", "individuals", "bodyparts", "coords")

Column = tuple[str, str, str]
"""Individual, body part and coordinate."""


def is_table(first_line: str) -> bool:
    """Return whether a CSV file with that first line is DeepLabCut's."""
    return first_line.split(",", 1)[0].strip().strip('"') == "scorer"


def pandas_group(file: Any) -> str | None:
    """Return the name of the first group of an HDF5 file that pandas wrote, DeepLabCut's ``df_with_missing``; or None."""
    return next((name for name, group in file.items() if "pandas_type" in group.attrs), None)


def read(path: Path, options: ReadOptions) -> SkeletonSequence | Detections:
    """Read such a table by the names of its body parts; each individual is a track.

    Raises:
        FormatError: the file is damaged or of another format, or its body parts are not joints of people.
    """
    if path.suffix.lower() == ".csv":
        columns, numbers, values = _from_csv(read_text(path))
    else:
        columns, numbers, values = _from_hdf5(path)
    individuals = list(dict.fromkeys(individual for individual, *_ in columns))
    parts = list(dict.fromkeys(part for _, part, _ in columns))
    # A table of n columns can name n individuals and n parts.
    check_unpacked(24 * len(values) * len(individuals) * len(parts), path.stat().st_size)
    whole = np.full((len(values), len(individuals), len(parts), 3), np.nan)
    for i, (individual, part, coordinate) in enumerate(columns):
        at = individuals.index(individual), parts.index(part), _COORDINATES.index(coordinate)
        whole[:, at[0], at[1], at[2]] = values[:, i]
    if np.isinf(whole).any():
        raise FormatError("a value is not finite")
    skeleton, places = joints_of(parts)
    note_joints(skeleton, places, parts, options)
    whole = select_joints(whole, places)
    present = np.any(whole[..., 2] > 0, axis=-1)
    frames = [
        FoundFrame(int(number), whole[t, present[t]], ids=np.flatnonzero(present[t]) + 1)
        for t, number in enumerate(numbers)
    ]
    return assembled(frames, skeleton, path.name, options)


def _columns(levels: dict[str, list[str]]) -> list[Column]:
    """Return the columns' names from the rows of the header, which are given by level."""
    if not {"bodyparts", "coords"} <= levels.keys():
        raise FormatError("not DeepLabCut's table: it has no rows bodyparts and coords")
    individuals = levels.get("individuals") or ["1"] * len(levels["coords"])
    columns = list(zip(individuals, levels["bodyparts"], levels["coords"], strict=False))
    if len(columns) < len(levels["coords"]) or len(set(columns)) < len(columns):
        raise FormatError("not DeepLabCut's table: its header is incomplete or names a column twice")
    unknown = [coordinate for *_, coordinate in columns if coordinate not in _COORDINATES]
    if unknown or not columns:
        raise FormatError(
            f"its coordinates are {printable(', '.join(sorted(set(unknown))))}, not x, y, likelihood"
        )
    return columns


def _from_csv(text: str) -> tuple[list[Column], list[int], np.ndarray]:
    try:
        lines = list(csv.reader(io.StringIO(text), strict=True))
    except csv.Error as error:
        raise FormatError(f"cannot be read as CSV: {error}") from None
    header = {line[0]: line[1:] for line in islice(lines, len(_LEVELS)) if line and line[0] in _LEVELS}
    columns = _columns(header)
    rows = [line for line in lines[len(header) :] if line]
    numbers, values = [], np.full((len(rows), len(columns)), np.nan)
    for i, line in enumerate(rows):
        where = f"line {len(header) + i + 1}"
        if len(line) != len(columns) + 1:
            raise FormatError(f"{where} has {len(line)} cells, the header {len(columns) + 1}")
        numbers.append(_number(line[0], where))
        try:
            values[i] = [float(cell) if cell.strip() else np.nan for cell in line[1:]]
        except ValueError as error:
            raise FormatError(f"{where}: {printable(str(error))}") from None
    return columns, numbers, values


def _number(cell: str, where: str) -> int:
    """Return the frame's number from the first cell, which is the number or an image name with the number last."""
    digits = "".join(c if c.isascii() and c.isdigit() else " " for c in Path(cell.strip()).stem).split()
    if not digits or len(digits[-1]) > 10 or int(digits[-1]) > INT32:
        raise FormatError(f"{where}: {printable(cell)[:40]!r} is not a frame number")
    return int(digits[-1])


def _from_hdf5(path: Path) -> tuple[list[Column], list[int], np.ndarray]:
    h5py = require("h5py", "deeplabcut")
    try:
        with h5py.File(path, "r") as file:
            group = pandas_group(file)
            if f"{group}/table" not in file:
                raise FormatError(
                    "not DeepLabCut's file: it has no table df_with_missing/table"
                    if group is None
                    else "a table in pandas' fixed layout, which is not read; give the .csv that DeepLabCut wrote"
                    " beside it, or make one with deeplabcut.analyze_videos_converth5_to_csv"
                )
            table = file[f"{group}/table"]
            kind: Any = table.attrs["values_block_0_kind"]
            check_unpacked(table.size * table.dtype.itemsize, path.stat().st_size)
            rows = table[:]
    except FormatError:
        raise
    except FileNotFoundError:
        raise
    except Exception as error:
        # HDF5 raises its own exceptions for damaged bytes.
        raise FormatError(f"not HDF5, or damaged: {printable(str(error))[:100]}") from None
    names = load(io.BytesIO(kind.tobytes() if hasattr(kind, "tobytes") else bytes(kind)))
    if not isinstance(names, list) or not all(isinstance(n, tuple) and len(n) in (3, 4) for n in names):
        raise FormatError("not DeepLabCut's table: its columns have other names")
    levels = dict(
        zip(
            _LEVELS if len(names[0]) == 4 else ("scorer", *_LEVELS[2:]), zip(*names, strict=True), strict=True
        )
    )
    columns = _columns({level: [str(name) for name in found] for level, found in levels.items()})
    values = np.asarray(rows["values_block_0"], np.float64)
    if values.shape != (len(rows), len(columns)):
        raise FormatError(f"its table has shape {values.shape}, not {(len(rows), len(columns))}")
    index = rows["index"]
    if index.dtype.kind in "iu":
        if len(index) and (index.min() < 0 or index.max() > INT32):
            raise FormatError("a frame number is out of range")
        return columns, index.tolist(), values
    return (
        columns,
        [_number(bytes(cell).decode("utf-8", "replace"), f"row {i}") for i, cell in enumerate(index)],
        values,
    )


FORMAT = Format("deeplabcut", (), "DeepLabCut's tables, .csv and .h5", read=read)
