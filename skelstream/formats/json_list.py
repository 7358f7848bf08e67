"""Writing of a JSON list entry by entry, without holding it in memory."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from skelstream.files.atomic import replacing


def write_list(entries: Iterable[Any], path: Path) -> None:
    """Write ``[entry, entry, ...]`` to a file, one entry per line."""
    with replacing(path) as temporary, open(temporary, "x", encoding="utf-8") as file:
        put_list(entries, file)


def put_list(entries: Iterable[Any], file: IO[str]) -> None:
    """Write ``[entry, entry, ...]`` into an open file, one entry per line."""
    separator = "[\n"
    for entry in entries:
        file.write(separator + json.dumps(entry, separators=(",", ":"), allow_nan=False))
        separator = ",\n"
    file.write("[]" if separator == "[\n" else "\n]")
