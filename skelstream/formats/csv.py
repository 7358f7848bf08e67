"""CSV files with the table of `skelstream.formats.table`."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np

from skelstream.errors import FormatError
from skelstream.files.atomic import replacing
from skelstream.files.text import printable
from skelstream.formats import deeplabcut
from skelstream.formats.format import Format, ReadOptions, Sample, WriteOptions
from skelstream.formats.table import INTEGERS, Table, columns, from_values
from skelstream.sequences import Detections, SkeletonSequence

_CHUNK = 2048


def write(sample: Sample, path: Path, options: WriteOptions) -> None:
    """Write the table with a header line; missing values are empty cells."""
    table, names = Table(sample.sequence), columns(sample.sequence.skeleton)
    # Seven digits are enough for thousandths of a pixel; the time keeps microseconds.
    cells = ["%.6f" if name == "time" else "%.0f" if name in INTEGERS else "%.7g" for name in names]
    line = ",".join(cells) + "\n"
    with replacing(path) as temporary, open(temporary, "x", encoding="utf-8", newline="") as file:
        file.write(",".join(names) + "\n")
        for start in range(0, len(table), _CHUNK):
            rows = table.values(start, start + _CHUNK).tolist()
            file.write("".join([(line % tuple(row)).replace("nan", "") for row in rows]))


def read(path: Path, options: ReadOptions) -> SkeletonSequence | Detections:
    """Read such a table, or DeepLabCut's; `skelstream.formats.table.from_values` lists the optional columns.

    Semicolons and tabs may separate the cells too; then numbers may have a decimal comma.

    Raises:
        FormatError: the file is damaged or of another format; the message names the line if possible.
    """
    with open(path, encoding="utf-8-sig") as file:
        first = file.readline()
        if deeplabcut.is_table(first):
            return deeplabcut.read(path, options)
        delimiter = max(",;\t", key=first.count)
        names = [name.strip().strip('"') for name in first.rstrip("\n").split(delimiter)]
        parts, number = [np.empty((0, len(names)))], 2
        while chunk := list(islice(file, _CHUNK)):
            if delimiter != ",":  # then a comma is the decimal mark
                chunk = [line.replace(",", ".").replace(delimiter, ",") for line in chunk]
            parts.append(_numbers(chunk, len(names), number))
            number += len(chunk)
    return from_values(names, np.concatenate(parts), path.name, options)


def _numbers(chunk: list[str], width: int, first: int) -> np.ndarray:
    """Parse lines to float64 (n, width), NaN for empty cells, which NumPy's fast reader does not support."""
    numbered = [(number, line) for number, text in enumerate(chunk, first) if (line := _filled(text.strip()))]
    if not numbered:
        return np.empty((0, width))
    try:
        values = np.loadtxt(
            [line for _, line in numbered], delimiter=",", comments=None, quotechar='"', ndmin=2
        )
    except ValueError as error:
        raise FormatError(_why(numbered, width)) from error
    if values.shape[1] != width:
        raise FormatError(_why(numbered, width))
    return values


def _why(numbered: list[tuple[int, str]], width: int) -> str:
    """Return what is wrong with lines that are not ``width`` numbers, given with the number of each."""
    for number, line in numbered:
        cells = [cell.strip().strip('"') for cell in line.split(",")]
        if len(cells) != width:
            return f"line {number} has {len(cells)} cells, the header has {width}"
        for cell in cells:
            try:
                float(cell)
            except ValueError:
                return f"line {number}: {printable(cell[:40])!r} is not a number"
    return f"lines {numbered[0][0]} to {numbered[-1][0]} are not {width} numbers each"


def _filled(line: str) -> str:
    """Write ``nan`` into the empty cells of a line."""
    line = line.replace('""', "").replace(",,", ",nan,").replace(",,", ",nan,")
    return f"{'nan' if line.startswith(',') else ''}{line}{'nan' if line.endswith(',') else ''}"


FORMAT = Format("csv", (".csv",), "CSV, one row per person and frame", write, read)
