"""Manifests: the clips of a batch, from a table of paths or a tree of class folders."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from skelstream.errors import FormatError
from skelstream.files.atomic import replacing
from skelstream.files.endings import VIDEO_ENDINGS, is_video_file
from skelstream.files.inputs import check_is_file
from skelstream.files.text import printable
from skelstream.files.values import string
from skelstream.formats.extra import require
from skelstream.formats.labels import split_of_folder
from skelstream.formats.names import check_id, check_split, name_of, safe_id

COLUMNS = ("id", "path", "label", "split", "start", "end")
"""Columns of a manifest; ``path`` is required."""

# Names of a clip's files after its id.
_FILES = re.compile(r"(.+)\.(?:npz(?:\.\w+)*|checkpoint)", re.DOTALL)
# Bytes that are not UTF-8, as Python keeps them in text.
_SURROGATES = re.compile(r"[\ud800-\udfff]")
# Key of values after the last column; column names are stripped, so no column has it.
_EXTRA = " "


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip of a data set.

    Attributes:
        id: name of the clip and of its result, unique in the manifest; it may have folders.
        path: path or URL of the video.
        label: class of the clip; empty if unknown.
        split: part of the data set, for example ``train``; empty for none.
        start: start in the video in seconds; None for its beginning.
        end: end in the video in seconds; None for its end.
    """

    id: str
    path: str
    label: str = ""
    split: str = ""
    start: float | None = None
    end: float | None = None


def read_manifest(path: Path) -> list[Clip]:
    """Return the clips of a CSV or Parquet file, or of a tree of folders.

    A table has a column ``path``, and may have ``id``, ``label``, ``split``, ``start`` and ``end``. Paths are
    relative to the table's folder. Without an ``id``, a clip's id is its path without the ending. In a tree,
    a video's folder is its class; a folder train, val or test above that is its split.

    Raises:
        FormatError: the manifest does not exist, is damaged or empty, has a wrong column or value, or gives
            two clips one id.
        MissingExtraError: the manifest is Parquet, and pyarrow is not installed.
    """
    if re.match(r"\w[\w+.-]+:/", str(path)) and not path.exists():
        raise FormatError(f"{path}: a manifest must be a local file or folder; the videos in it may be URLs")
    check_is_file(path)
    if path.is_dir():
        clips = list(_tree(path))
        if not clips:
            raise FormatError(f"{path}: has no videos in it; known endings are {', '.join(VIDEO_ENDINGS)}")
    else:
        clips = [_clip(row, path, line) for line, row in _rows(path)]
        if not clips:
            raise FormatError(f"{path}: lists no clips")
    seen: dict[str, Clip] = {}
    for clip in clips:
        other = seen.setdefault(clip.id, clip)
        if other is not clip:
            raise FormatError(
                f"{path}: {printable(clip.path)} and {printable(other.path)} have the same id"
                f" {printable(clip.id)}; give them different ones in a column id"
            )
    for clip in clips:
        for above in PurePosixPath(clip.id).parents:
            # The names of another clip's files: its result, claim and checkpoint.
            match = _FILES.fullmatch(str(above))
            if match and match[1] in seen:
                raise FormatError(
                    f"{path}: the ids {printable(match[1])} and {printable(clip.id)} need a file and a folder of"
                    " the same name; give another id"
                )
    return clips


def write_manifest(clips: Sequence[Clip], path: Path) -> None:
    """Write the clips as CSV."""
    # Python quotes a line feed in a path without being told, but not a carriage return.
    quoting = csv.QUOTE_ALL if any("\r" in clip.path for clip in clips) else csv.QUOTE_MINIMAL
    with (
        replacing(path) as temporary,
        open(temporary, "x", encoding="utf-8", errors="surrogateescape", newline="") as file,
    ):
        table = csv.writer(file, lineterminator="\n", quoting=quoting)
        table.writerow(COLUMNS)
        for clip in clips:
            values = [getattr(clip, name) for name in COLUMNS]
            table.writerow(["" if value is None else value for value in values])


def _tree(folder: Path) -> Iterator[Clip]:
    paths = sorted(path for path in folder.rglob("*") if is_video_file(path))
    used: set[str] = set()
    for path in paths:
        inside = path.relative_to(folder)
        id = safe_id("/".join(name_of(inside)))
        if id in used:  # a file of the same name has another ending
            id = safe_id(inside.as_posix())
        used.add(id)
        label = inside.parts[-2] if len(inside.parts) > 1 else ""
        split = split_of_folder(inside.parts[-3]) if len(inside.parts) > 2 else ""
        if not split and split_of_folder(label):
            label, split = "", split_of_folder(label)
        check_id(id, folder)
        yield Clip(id, str(path.absolute()), safe_id(label), split)


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the rows of a table, each with the number of its last line; the column names are line 1."""
    if path.suffix.lower() == ".parquet":
        yield from enumerate(_parquet(path), 2)
        return
    try:
        # Paths may have bytes that are not UTF-8, and line ends of any kind.
        with open(path, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            text = file.read()
        header = text.split("\n", 1)[0]
        delimiter = max(",;\t", key=header.count)
        lines = csv.DictReader(
            io.StringIO(text, newline=""), restkey=_EXTRA, restval="", delimiter=delimiter, strict=True
        )
        names = [_column(name) for name in lines.fieldnames or ()]
        lines.fieldnames = names
        _check_columns(names, path)
        for row in lines:
            if any(value.strip() for value in row.pop(_EXTRA, ())):
                raise FormatError(
                    f"{path}, line {lines.line_num}: has more values than columns; quote values that contain"
                    f" {delimiter!r}"
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
        columns = {name: _column(name) for name in table.schema_arrow.names}
        _check_columns(list(columns.values()), path)
        for batch in table.iter_batches(columns=[name for name in columns if columns[name] in COLUMNS]):
            for row in batch.to_pylist():
                yield {columns[name]: value for name, value in row.items()}
    except FileNotFoundError:
        raise FormatError(f"{path}: no such file") from None
    except (OSError, arrow.ArrowException) as error:
        raise FormatError(f"{path}: cannot be read as Parquet: {error}") from error


def _column(name: str) -> str:
    """Return a column's name without spaces around it, and in lower case if it is one of ``COLUMNS``."""
    plain = name.strip().lower()
    return plain if plain in COLUMNS else name.strip()


def _check_columns(names: list[str], path: Path) -> None:
    repeated = [name for name in COLUMNS if names.count(name) > 1]
    if repeated:
        raise FormatError(f"{path}: has two columns {repeated[0]}; remove one")
    if "path" not in names:
        present = f"; it has {', '.join(map(printable, names[:8]))}" if names else ""
        raise FormatError(f"{path}: has no column path{present}")


def _clip(row: Mapping[str, Any], path: Path, line: int) -> Clip:
    where = f"{path}, line {line}"
    video = _text(row, "path")
    if not video:
        raise FormatError(f"{where}: path is empty")
    string(video, f"{where}: path")
    start, end = _seconds(row, "start", where), _seconds(row, "end", where)
    if end is not None and end <= (start or 0):
        raise FormatError(f"{where}: end is {end:g}; give seconds after the start")
    id = _text(row, "id") or safe_id(_id_of(video, start, end))
    check_id(id, where)
    label, split = _text(row, "label"), _text(row, "split")
    if split:
        check_split(split, where)
    if _SURROGATES.search(label):
        raise FormatError(f"{where}: label {printable(label)!r} is not UTF-8; save the table as UTF-8")
    if "://" not in video:
        video = str(path.parent.absolute() / _with_blanks(row, video, path.parent))
    return Clip(id, video, label, split, start, end)


def _with_blanks(row: Mapping[str, Any], video: str, folder: Path) -> str:
    """Return a row's path with the blanks around it if there is a file of that name; else without."""
    given = str(row["path"])
    return given if given != video and (folder / given).is_file() else video


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
        raise FormatError(
            f"{where}: {name} is {printable(text)!r}: give seconds from the beginning of the video"
        )
    return value


def _id_of(path: str, start: float | None, end: float | None) -> str:
    """Return a path as an id, without ending, root and ``..``; the start and end are added."""
    parts = [part for part in name_of(path.split("://")[-1]) if part not in ("..", "/")]
    span = "" if start is None and end is None else f"@{start or 0:g}-{'' if end is None else f'{end:g}'}"
    return "/".join(parts) + span
