"""The table of refiners, and which of them a file of weights is for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from skelstream.errors import ModelError
from skelstream.network.model_file import find_model
from skelstream.plugins import plugins
from skelstream.refinement.graph_description import SUFFIXES
from skelstream.refinement.refiner import Refiner, RefinerSettings, TopDownRefiner


@dataclass(frozen=True)
class RefinerEntry:
    """A kind of refiner, here or under the entry point ``skelstream.refiners`` of another package.

    Attributes:
        name: what it is called in lists.
        takes: whether a file is one of its weights; only its name is looked at.
        make: settings, device, runtime and precision, as in ``EstimatorSettings``, to the refiner. It may raise ModelError
            and MissingExtraError.
    """

    name: str
    takes: Callable[[Path], bool]
    make: Callable[[RefinerSettings, str, str, str], Refiner]


def _graph(settings: RefinerSettings, device: str, runtime: str, precision: str) -> Refiner:
    # An extra, and it takes a third of a second to import.
    from skelstream.refinement.graph import GraphRefiner

    return GraphRefiner(settings, device, runtime, precision)


_LISTED = (
    RefinerEntry("weights", lambda path: path.suffix == ".safetensors", TopDownRefiner),
    RefinerEntry("graph", lambda path: path.suffix in SUFFIXES, _graph),
)
REFINERS: dict[str, RefinerEntry] = plugins("skelstream.refiners", RefinerEntry, _LISTED)
"""Every kind of refiner by name: skelstream's own, then those of other packages."""


def make_refiner(
    settings: RefinerSettings, device: str = "auto", runtime: str = "auto", precision: str = "auto"
) -> Refiner:
    """The refiner that the settings' weights are for.

    Raises:
        ModelError: there is no such file or nothing takes it, or it cannot be used.
        MissingExtraError: what it needs is not installed.
    """
    path = find_model(settings.weights)
    for entry in REFINERS.values():
        if entry.takes(path):
            return entry.make(settings, device, runtime, precision)
    raise ModelError(
        f"{path}: no second look: weights are .safetensors (skelstream models import), graphs .onnx or .xml"
    )
