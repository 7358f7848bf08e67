"""A JSON list written entry by entry, so that it never lies in memory whole."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from skelstream.files.atomic import replacing


def write_list(entries: Iterable[Any], path: Path) -> None:
    """Write ``[entry, entry, ...]``, one entry a line."""
    with replacing(path) as temporary, open(temporary, "x", encoding="utf-8") as file:
        put_list(entries, file)


def put_list(entries: Iterable[Any], file: IO[str]) -> None:
    """The same into an open file."""
    before = "[\n"
    for entry in entries:
        file.write(before + json.dumps(entry, separators=(",", ":"), allow_nan=False))
        before = ",\n"
    file.write("[]" if before == "[\n" else "\n]")
