"""The table of refiners, and the choice of one by its weights file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from skelstream.errors import ModelError
from skelstream.network.model_file import find_model
from skelstream.plugins import plugins
from skelstream.refinement.graph_description import SUFFIXES
from skelstream.refinement.refiner import Refiner
from skelstream.refinement.top_down_refiner import TopDownRefiner
from skelstream.settings.refinement import RefinementSettings
from skelstream.skeleton import COCO17


@dataclass(frozen=True)
class RefinerEntry:
    """A kind of refiner, here or under the entry point ``skelstream.refiners`` of another package.

    Attributes:
        name: name in lists.
        takes: predicate that tells from a path whether a file holds weights of this kind.
        make: function from settings, device, runtime and precision (see ``EstimatorSettings``) to the refiner. It may
            raise ModelError and MissingExtraError.
    """

    name: str
    takes: Callable[[Path], bool]
    make: Callable[[RefinementSettings, str, str, str], Refiner]


def _graph(settings: RefinementSettings, device: str, runtime: str, precision: str) -> Refiner:
    # Needs an extra, and takes a third of a second to import.
    from skelstream.refinement.graph_refiner import GraphRefiner

    path = find_model(settings.weights, "refiner")
    refiner = GraphRefiner(path, flip=settings.flip, device=device, runtime=runtime, precision=precision)
    if not set(COCO17.joints) <= set(refiner.skeleton.joints):
        raise ModelError(f"{path}: finds the joints of {refiner.skeleton.name}, not those of a person's body")
    return refiner


_LISTED = (
    RefinerEntry("weights", lambda path: path.suffix == ".safetensors", TopDownRefiner),
    RefinerEntry("graph", lambda path: path.suffix in SUFFIXES, _graph),
)
REFINERS: dict[str, RefinerEntry] = plugins("skelstream.refiners", RefinerEntry, _LISTED)
"""Every kind of refiner by name: skelstream's own, then those of other packages."""


def make_refiner(
    settings: RefinementSettings, device: str = "auto", runtime: str = "auto", precision: str = "auto"
) -> Refiner:
    """Return the refiner that takes the weights of the settings.

    Raises:
        SettingsError: there is no such file.
        ModelError: no refiner takes the file, or it cannot be used.
        MissingExtraError: a library that the refiner needs is not installed.
    """
    path = find_model(settings.weights, "refiner")
    for entry in REFINERS.values():
        if entry.takes(path):
            return entry.make(settings, device, runtime, precision)
    raise ModelError(
        f"{path}: cannot refine; give weights (.safetensors, see skelstream models import) or a graph (.onnx, .xml, .tflite)"
    )
