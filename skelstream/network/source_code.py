"""The code that the networks are made by, as a checksum: a graph that was kept belongs to one state of it."""

from __future__ import annotations

import hashlib
from itertools import chain
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def source_code_sha256() -> str:
    """Return the SHA-256 of the Python files that determine a network's graph; empty if they are not on disk."""
    rooms = [sorted((_PACKAGE / room).rglob("*.py")) for room in ("skeleton", "network", "runtimes")]
    if not all(rooms):
        return ""
    digest = hashlib.sha256()
    try:
        for path in chain(*rooms):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(_PACKAGE).as_posix()} {len(content)}\n".encode() + content)
    except OSError:
        return ""
    return digest.hexdigest()


LOADED = source_code_sha256()
"""The checksum when the first network was imported. If it differs later, the files were changed while this program runs."""
