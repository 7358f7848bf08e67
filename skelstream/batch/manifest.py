"""Which clips there are: a table of paths, or a tree of folders whose names are classes."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skelstream.errors import FormatError
from skelstream.files.atomic import replacing
from skelstream.files.text import printable
from skelstream.formats.extra import require
from skelstream.formats.labels import split_of_folder
from skelstream.formats.names import VIDEO_ENDINGS, name_of

COLUMNS = ("id", "path", "label", "split", "start", "end")
"""Of a table of clips; ``path`` must be there."""

# Longer parts of a path than this are not taken by common file systems, with what is added to a result's name.
_LONGEST = 180
# Of the values after the last column: no column's name, as those have no spaces around them.
_FURTHER = " "


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip of a data set.

    Attributes:
        id: its name, unique in the manifest; its result is the file of that name, which may lie in folders.
        path: where the video is.
        label: its class, empty if unknown.
        split: the part of the data set that it belongs to, for instance ``train``; empty if none.
        start, end: the part of the video, seconds; None for all of it.
    """

    id: str
    path: str
    label: str = ""
    split: str = ""
    start: float | None = None
    end: float | None = None


def read_manifest(path: Path) -> list[Clip]:
    """The clips of a CSV or Parquet file, or of a tree of folders.

    A table has a column ``path``, and may have ``id``, ``label``, ``split``, ``start`` and ``end``. Relative paths count from
    the table's folder. Without an ``id``, a clip is called as its path, without the ending. In a tree, the folder that a
    video lies in is its class; a folder train, val or test above it is its split.

    Raises:
        FormatError: it is missing, damaged or empty, a column or value is wrong, or two clips have one name.
        MissingExtraError: it is Parquet, and pyarrow is not installed.
    """
    if re.match(r"\w[\w+.-]+:/", str(path)) and not path.exists():
        raise FormatError(f"{path}: a manifest lies on this machine; the videos in it may be URLs")
    if path.is_dir():
        clips = list(_tree(path))
        if not clips:
            raise FormatError(f"{path}: has no videos in it; known are {', '.join(VIDEO_ENDINGS)}")
    else:
        clips = [_clip(row, path, line) for line, row in _rows(path)]
        if not clips:
            raise FormatError(f"{path}: lists no clips")
    seen: dict[str, Clip] = {}
    for clip in clips:
        other = seen.setdefault(clip.id, clip)
        if other is not clip:
            raise FormatError(
                f"{path}: {printable(clip.path)} and {printable(other.path)} are both called {printable(clip.id)};"
                " give them names in a column id"
            )
    return clips


def write_manifest(clips: Iterable[Clip], path: Path) -> None:
    """Writes the clips as CSV, with absolute paths."""
    with replacing(path) as temporary, open(temporary, "x", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for clip in clips:
            values = [getattr(clip, name) for name in COLUMNS]
            table.writerow(["" if value is None else value for value in values])


def _tree(folder: Path) -> Iterator[Clip]:
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in VIDEO_ENDINGS and not path.name.startswith(".") and path.is_file()
    )
    used: set[str] = set()
    for path in found:
        inside = path.relative_to(folder)
        id = "/".join(name_of(inside))
        if id in used:  # by a file of the same name with another ending
            id = inside.as_posix()
        used.add(id)
        label = inside.parts[-2] if len(inside.parts) > 1 else ""
        split = split_of_folder(inside.parts[-3]) if len(inside.parts) > 2 else ""
        if not split and split_of_folder(label):
            label, split = "", split_of_folder(label)
        yield Clip(_checked(id, folder), str(path.absolute()), label, split)


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The rows of a table, each after the number of its (last) line; the columns' names are line 1."""
    if path.suffix.lower() == ".parquet":
        yield from enumerate(_parquet(path), 2)
        return
    try:
        text = path.read_text(encoding="utf-8-sig")
        header = text.split("\n", 1)[0]
        delimiter = max(",;\t", key=header.count)
        lines = csv.DictReader(
            io.StringIO(text), restkey=_FURTHER, restval="", delimiter=delimiter, strict=True
        )
        names = [_column(name) for name in lines.fieldnames or ()]
        lines.fieldnames = names
        _check_columns(names, path)
        for row in lines:
            if any(value.strip() for value in row.pop(_FURTHER, ())):
                raise FormatError(
                    f"{path}, line {lines.line_num}: has more values than there are columns; quote what has"
                    f" {delimiter!r} in it"
                )
            if any(isinstance(value, str) and value.strip() for value in row.values()):
                yield lines.line_num, row
    except FileNotFoundError:
        raise FormatError(f"{path}: no such file or folder") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"{path}: cannot be read as CSV: {error}") from error


def _parquet(path: Path) -> Iterator[Mapping[str, Any]]:
    parquet = require("pyarrow.parquet", "parquet")
    arrow = require("pyarrow", "parquet")
    try:
        table = parquet.ParquetFile(path)
        given = {name: _column(name) for name in table.schema_arrow.names}
        _check_columns(list(given.values()), path)
        for batch in table.iter_batches(columns=[name for name in given if given[name] in COLUMNS]):
            for row in batch.to_pylist():
                yield {given[name]: value for name, value in row.items()}
    except FileNotFoundError:
        raise FormatError(f"{path}: no such file") from None
    except (OSError, arrow.ArrowException) as error:
        raise FormatError(f"{path}: cannot be read as Parquet: {error}") from error


def _column(name: str) -> str:
    """A column's name; capitals and spaces around it make no other column."""
    plain = name.strip().lower()
    return plain if plain in COLUMNS else name.strip()


def _check_columns(names: list[str], path: Path) -> None:
    twice = [name for name in COLUMNS if names.count(name) > 1]
    if twice:
        raise FormatError(f"{path}: has two columns {twice[0]}; remove one")
    if "path" not in names:
        found = f"; it has {', '.join(map(printable, names[:8]))}" if names else ""
        raise FormatError(f"{path}: has no column path{found}")


def _clip(row: Mapping[str, Any], path: Path, line: int) -> Clip:
    where = f"{path}, line {line}"
    place = _text(row, "path")
    if not place:
        raise FormatError(f"{where}: path is empty")
    start, end = _seconds(row, "start", where), _seconds(row, "end", where)
    if end is not None and end <= (start or 0):
        raise FormatError(f"{where}: end is {end:g}: give seconds after the start")
    id = _text(row, "id") or _id_of(place, start, end)
    if "://" not in place:
        place = str(path.parent.absolute() / place)
    return Clip(_checked(id, where), place, _text(row, "label"), _text(row, "split"), start, end)


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return "" if value is None else str(value).strip()


def _seconds(row: Mapping[str, Any], name: str, where: str) -> float | None:
    text = _text(row, name)
    if not text or text.lower() == "nan":
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise FormatError(f"{where}: {name} is {printable(text)!r}: give seconds from the beginning")
    return value


def _id_of(path: str, start: float | None, end: float | None) -> str:
    """A path as a name: without its ending, the root and steps upwards; the part of the video is added."""
    parts = [part for part in name_of(path.split("://")[-1]) if part not in ("..", "/")]
    span = "" if start is None and end is None else f"@{start or 0:g}-{'' if end is None else f'{end:g}'}"
    return "/".join(parts) + span


def _checked(id: str, where: str | Path) -> str:
    """The id, if its result can be a file of that name below a folder."""
    parts = id.split("/")
    wrong = any(part in ("", ".", "..") or len(part.encode()) > _LONGEST for part in parts)
    if wrong or re.search(r"[\\\0-\x1f\x7f]", id) or parts[0].startswith(".batch"):
        raise FormatError(f"{where}: {printable(id)!r} cannot be the name of a file; give another id")
    return id
