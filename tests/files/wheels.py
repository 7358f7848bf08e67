"""A wheel in a folder that pip takes for PyPI."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from skelstream.files.wheels import Wheel


def offered_wheel(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    members: Mapping[str, bytes],
    tag: str = "py3-none-any",
    **facts: str,
) -> Wheel:
    """Write a wheel of files and make it all that pip can find."""
    path = folder / f"walkers-1.2-{tag}.whl"
    folder.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        metadata = "walkers-1.2.dist-info"
        archive.writestr(f"{metadata}/METADATA", "Metadata-Version: 2.1\nName: walkers\nVersion: 1.2\n")
        archive.writestr(f"{metadata}/WHEEL", f"Wheel-Version: 1.0\nTag: {tag}\n")
        archive.writestr(f"{metadata}/RECORD", "")
    for name, value in {"NO_INDEX": "1", "FIND_LINKS": str(folder), "CONFIG_FILE": os.devnull}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    return Wheel("walkers", "1.2", hashlib.sha256(path.read_bytes()).hexdigest(), "CC0-1.0", **facts)
