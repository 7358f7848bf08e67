"""Names of clips from file names, paths and table lines, in one form so that they can be compared."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path, PurePath

VIDEO_ENDINGS = (
    ".3gp", ".asf", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv",
    ".ts", ".vob", ".webm", ".webp", ".wmv",
)  # fmt: skip
"""Endings of video files, in lower case."""

_SKELETONS = (
    ".npz", ".jsonl", ".ndjson", ".csv", ".parquet", ".json", ".h5", ".pkl", ".pose", ".trc", ".mot", ".slp",
    ".alphapose.json", ".coco.json", ".posetrack.json", ".ctrgcn.npz", ".analysis.h5",
)  # fmt: skip
_ENDINGS = sorted((*VIDEO_ENDINGS, *_SKELETONS), key=len, reverse=True)
# Largest length of a file name in bytes on common systems, minus what formats append to it.
_LONGEST = 180

Name = tuple[str, ...]
"""Name as the parts of a path, the last one without its ending."""


def name_of(text: str | PurePath) -> Name:
    """Return the parts of a file's name or path, in Unicode's NFC, without endings of video and skeleton
    files.

    Other dots are part of the name: ``2024.05.01_walk.mp4`` gives ``2024.05.01_walk``.
    """
    text = unicodedata.normalize("NFC", str(text).strip())
    if "/" not in text:
        text = text.replace("\\", "/")
    parts = [part for part in text.split("/") if part not in ("", ".")]
    return (*parts[:-1], without_ending(parts[-1])) if parts else ()


def without_ending(file: str) -> str:
    """Return a file's name without endings of video and skeleton files: ``walk.mp4.npz`` gives ``walk``."""
    while ending := next(
        (end for end in _ENDINGS if file.lower().endswith(end) and len(file) > len(end)), None
    ):
        file = file[: -len(ending)]
    return file


def distinct(paths: list[Path]) -> list[str]:
    """Return a name for each path: its file name, with as many folders before it as make it unique.

    Paths of the same file get the same name.
    """
    names = [name_of(path.absolute()) for path in paths]
    counts = [1] * len(names)
    while True:
        short = ["/".join(name[-count:]) for name, count in zip(names, counts, strict=True)]
        groups: dict[str, set[Name]] = {}
        for text, name in zip(short, names, strict=True):
            groups.setdefault(text, set()).add(name)
        longer = [
            len(groups[text]) > 1 and count < len(name)
            for text, name, count in zip(short, names, counts, strict=True)
        ]
        if not any(longer):
            return short
        counts = [count + more for count, more in zip(counts, longer, strict=True)]


def as_file(name: str) -> str:
    """Return a name that is safe within a file name: without folders and control characters, at most 180
    bytes."""
    safe = re.sub(r"[/\\\0-\x1f\x7f]", "_", name)
    return safe.encode("utf-8", "surrogateescape")[:_LONGEST].decode("utf-8", "ignore") or "_"
