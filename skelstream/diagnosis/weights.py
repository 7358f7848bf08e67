"""The weights that come with the package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from skelstream.diagnosis.check import Check, State, checked


def weights() -> Iterator[Check]:
    """A check for each weights file of the package, and for the default ones that are missing."""
    from skelstream.network.model_file import packaged_models
    from skelstream.settings.models import DETECTOR, REFINER

    found = packaged_models()
    for name in sorted({*found, DETECTOR, REFINER}):
        yield checked("weights", name, lambda name=name: _whole(name, found.get(name)))


def _whole(name: str, path: Path | None) -> Check:
    if path is None:
        return Check("weights", name, State.BROKEN, "not in this installation; install skelstream anew")
    from skelstream.network.model_file import read_header
    from skelstream.network.weights import load_network

    file = read_header(path)
    load_network(file)
    checksum = f"checksum {file.checksum[:12]} matches" if file.checksum else "has no checksum"
    return Check(
        "weights", name, State.FINE, f"{file.architecture}, SHA-256 {file.sha256()[:12]}, {checksum}"
    )
