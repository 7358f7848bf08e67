"""The table of part refiners, and those that settings ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from skelstream.errors import ModelError
from skelstream.network.model_file import find_model
from skelstream.refinement.parts.part_refiner import PartRefiner
from skelstream.settings.parts import PartSettings
from skelstream.skeleton import FACE468, HAND21, Skeleton


@dataclass(frozen=True)
class PartEntry:
    """A kind of part that people may be refined with.

    Attributes:
        wanted: predicate that tells whether settings ask for it.
        make: function from settings and a precision (see ``EstimatorSettings``) to the refiner. It may raise ModelError,
            SettingsError and MissingExtraError.
    """

    wanted: Callable[[PartSettings], bool]
    make: Callable[[PartSettings, str], PartRefiner]


def _hands(settings: PartSettings, precision: str) -> PartRefiner:
    # These need an extra, and take a third of a second to import.
    from skelstream.refinement.graph_refiner import GraphRefiner
    from skelstream.refinement.parts.hands import HandRefiner
    from skelstream.refinement.parts.palms import read_palm_detector

    path = find_model(settings.hand_weights, "hand_network")
    hand = GraphRefiner(path, precision=precision)
    _check_joints(path, hand.skeleton, HAND21)
    palms = read_palm_detector(find_model(settings.palm_weights, "palm_weights"), precision)
    return HandRefiner(hand, palms)


def _faces(settings: PartSettings, precision: str) -> PartRefiner:
    from skelstream.refinement.graph_refiner import GraphRefiner
    from skelstream.refinement.parts.faces import FaceRefiner

    path = find_model(settings.face_weights, "face_network")
    face = GraphRefiner(path, precision=precision)
    _check_joints(path, face.skeleton, FACE468)
    return FaceRefiner(face)


def _check_joints(path: Path, found: Skeleton, wanted: Skeleton) -> None:
    if found != wanted:
        raise ModelError(f"{path}: its joints are {found.name}, not {wanted.name}; give another network")


PARTS: dict[str, PartEntry] = {
    "hands": PartEntry(lambda settings: settings.hands, _hands),
    "face": PartEntry(lambda settings: settings.face, _faces),
}
"""Every kind of part by name, in the order of their joints in files."""


def make_part_refiners(settings: PartSettings, precision: str = "auto") -> Sequence[PartRefiner]:
    """Return the part refiners that settings ask for.

    Raises:
        SettingsError: a network is missing.
        ModelError: a network cannot be used.
        MissingExtraError: OpenVINO is not installed.
    """
    return [entry.make(settings, precision) for entry in PARTS.values() if entry.wanted(settings)]
