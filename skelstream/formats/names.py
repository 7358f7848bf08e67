"""Names of clips from file names, paths and table lines, in one form so that they can be compared."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path, PurePath
from urllib.parse import quote

from skelstream.errors import FormatError
from skelstream.files.endings import VIDEO_ENDINGS
from skelstream.files.text import printable

_SKELETONS = (
    ".npz", ".jsonl", ".ndjson", ".csv", ".parquet", ".json", ".h5", ".pkl", ".pose", ".trc", ".mot", ".slp",
    ".alphapose.json", ".coco.json", ".posetrack.json", ".ctrgcn.npz", ".analysis.h5",
)  # fmt: skip
_ENDINGS = sorted((*VIDEO_ENDINGS, *_SKELETONS), key=len, reverse=True)
# Largest length of a file name in bytes on common systems, minus what formats append to it.
_LONGEST = 180

_SPLIT = re.compile(r"\w[\w .-]*")
# Backslashes and characters of control, and bytes of a path that are not UTF-8.
_UNSAFE = re.compile(r"[\\\0-\x1f\x7f\ud800-\udfff]")

Name = tuple[str, ...]
"""Name as the parts of a path, the last one without its ending."""


def name_of(text: str | PurePath) -> Name:
    """Return the parts of a file's name or path, in Unicode's NFC, without endings of video and skeleton files.

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


def check_split(name: str, where: str | Path) -> None:
    """Check that a split's name can be a part of a file name.

    Args:
        name: name of the split.
        where: file, line or clip that names it, for the message.

    Raises:
        FormatError: it has other characters than letters, digits, blanks, dots, - and _, or begins with a dot.
    """
    if not _SPLIT.fullmatch(name) or len(name.encode()) > _LONGEST:
        raise FormatError(
            f"{where}: {printable(name)!r} is not a valid name of a split; use letters, digits, blanks, ., - and _"
        )


def check_id(name: str, where: str | Path) -> None:
    """Check that a clip's id can be a path below a folder.

    Args:
        name: the id.
        where: file or line that gives it, for the message.

    Raises:
        FormatError: it cannot.
    """
    parts = name.split("/")
    wrong = any(
        part in ("", ".", "..")
        or part != part.strip()
        or len(part.encode("utf-8", "surrogateescape")) > _LONGEST
        for part in parts
    )
    if wrong or _UNSAFE.search(name) or parts[0].startswith(".batch"):
        raise FormatError(f"{where}: {printable(name)!r} cannot be a file name; give another id")


def safe_id(name: str) -> str:
    """Return a path as a clip's id: without blanks around its parts, and with ``%0A`` for a character that an id
    cannot have."""
    parts = (part.strip() or quote(part, safe="") for part in name.split("/"))
    return _UNSAFE.sub(
        lambda match: quote(match[0].encode("utf-8", "surrogateescape"), safe=""), "/".join(parts)
    )


def as_file(name: str) -> str:
    """Return a name that is safe within a file name: without folders and control characters, at most 180 bytes."""
    safe = re.sub(r"[/\\\0-\x1f\x7f]", "_", name)
    return safe.encode("utf-8", "surrogateescape")[:_LONGEST].decode("utf-8", "ignore") or "_"
