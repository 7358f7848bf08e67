"""Checks of the packaged weights and of the fetched networks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from skelstream.diagnosis.check import Check, State, checked


def weights() -> Iterator[Check]:
    """Yield a check for each packaged weights file, for missing default ones, and for each network that can be fetched."""
    from skelstream.network.fetched import fetchable_models
    from skelstream.network.model_file import packaged_models
    from skelstream.settings.models import DETECTOR, REFINER

    found = packaged_models()
    for name in sorted({*found, DETECTOR, REFINER}):
        yield checked("weights", name, lambda name=name: _intact(name, found.get(name)))
    for name in fetchable_models():
        yield checked("weights", name, lambda name=name: _fetched(name))


def _intact(name: str, path: Path | None) -> Check:
    if path is None:
        return Check("weights", name, State.BROKEN, "missing in this installation; reinstall skelstream")
    from skelstream.network.model_file import read_header
    from skelstream.network.weights import load_network

    file = read_header(path)
    load_network(file)
    checksum = f"checksum {file.checksum[:12]} matches" if file.checksum else "has no checksum"
    return Check(
        "weights", name, State.FINE, f"{file.architecture}, SHA-256 {file.sha256()[:12]}, {checksum}"
    )


def _fetched(name: str) -> Check:
    from skelstream.files.cache import models_folder
    from skelstream.network.fetched import fetchable_models, find_fetched

    model = fetchable_models()[name]
    if models_folder() is None or not model.path.exists():
        absent = f"not fetched; to find hands and faces, run: skelstream models fetch {model.set_name}"
        return Check("weights", name, State.UNAVAILABLE, absent)
    path = find_fetched(name)
    return Check("weights", name, State.FINE, f"{path}, SHA-256 {model.file.sha256[:12]} matches")
