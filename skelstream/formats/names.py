"""What clips are called: names of files, paths and lines of a table, brought to one form so that they can be compared."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path, PurePath

VIDEO_ENDINGS = (
    ".3gp", ".asf", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv",
    ".ts", ".vob", ".webm", ".webp", ".wmv",
)  # fmt: skip
"""Of the names of videos, in small letters."""

_SKELETONS = (
    ".npz", ".jsonl", ".ndjson", ".csv", ".parquet", ".json", ".h5", ".pkl", ".pose", ".trc", ".mot", ".slp",
    ".alphapose.json", ".coco.json", ".posetrack.json", ".ctrgcn.npz", ".analysis.h5",
)  # fmt: skip
_ENDINGS = sorted((*VIDEO_ENDINGS, *_SKELETONS), key=len, reverse=True)
# The bytes that a file's name may have on common systems, less what formats add to it.
_LONGEST = 180

Name = tuple[str, ...]
"""A name as the parts of a path, the last one without its ending."""


def name_of(text: str | PurePath) -> Name:
    """The parts of a file's name or path, composed as Unicode's NFC has it, without the endings of videos and skeletons.

    Other dots are part of the name: ``2024.05.01_walk.mp4`` is ``2024.05.01_walk``.
    """
    text = unicodedata.normalize("NFC", str(text).strip())
    if "/" not in text:
        text = text.replace("\\", "/")
    parts = [part for part in text.split("/") if part not in ("", ".")]
    return (*parts[:-1], without_ending(parts[-1])) if parts else ()


def without_ending(file: str) -> str:
    """A file's name without the endings of videos and skeletons: ``walk.mp4.npz`` is ``walk``."""
    while ending := next(
        (end for end in _ENDINGS if file.lower().endswith(end) and len(file) > len(end)), None
    ):
        file = file[: -len(ending)]
    return file


def distinct(paths: list[Path]) -> list[str]:
    """A name for each path: its file's, with as many folders before it as set it apart from the others.

    Paths that are the same file keep the same name.
    """
    names = [name_of(path.absolute()) for path in paths]
    taken = [1] * len(names)
    while True:
        short = ["/".join(name[-count:]) for name, count in zip(names, taken, strict=True)]
        seen: dict[str, set[Name]] = {}
        for text, name in zip(short, names, strict=True):
            seen.setdefault(text, set()).add(name)
        longer = [
            len(seen[text]) > 1 and n < len(name) for text, name, n in zip(short, names, taken, strict=True)
        ]
        if not any(longer):
            return short
        taken = [n + more for n, more in zip(taken, longer, strict=True)]


def as_file(name: str) -> str:
    """The name as part of a file's name, without folders, control characters and excess length."""
    safe = re.sub(r"[/\\\0-\x1f\x7f]", "_", name)
    return safe.encode("utf-8", "surrogateescape")[:_LONGEST].decode("utf-8", "ignore") or "_"
