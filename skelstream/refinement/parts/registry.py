"""The table of part refiners, and those that settings ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from skelstream.errors import ModelError, SettingsError
from skelstream.network.model_file import find_model
from skelstream.refinement.graph_description import SUFFIXES
from skelstream.refinement.parts.part_refiner import PartRefiner
from skelstream.settings.parts import PartSettings
from skelstream.skeleton import FACE468, HAND21, Skeleton


def _hands(settings: PartSettings, precision: str) -> PartRefiner:
    # These need an extra, and take a third of a second to import.
    from skelstream.refinement.graph_refiner import GraphRefiner
    from skelstream.refinement.parts.hands import HandRefiner
    from skelstream.refinement.parts.palms import read_palm_detector

    path, palm_path = (
        _find_graph(name, setting)
        for name, setting in (
            (settings.hand_weights, "hand_network"),
            (settings.palm_weights, "palm_weights"),
        )
    )
    hand, palms = GraphRefiner(path, precision=precision), read_palm_detector(palm_path, precision)
    _check_joints(path, hand.skeleton, HAND21)
    return HandRefiner(hand, palms, {path.stem: hand.weights_sha256, palm_path.stem: palms.weights_sha256})


def _faces(settings: PartSettings, precision: str) -> PartRefiner:
    from skelstream.refinement.graph_refiner import GraphRefiner
    from skelstream.refinement.parts.faces import FaceRefiner

    path = _find_graph(settings.face_weights, "face_network")
    face = GraphRefiner(path, precision=precision)
    _check_joints(path, face.skeleton, FACE468)
    return FaceRefiner(face, {path.stem: face.weights_sha256})


def _find_graph(name: str, setting: str) -> Path:
    path = find_model(name, setting)
    if path.suffix not in SUFFIXES:
        raise SettingsError(f"{path}: not a graph ({', '.join(SUFFIXES)})", setting=setting)
    return path


def _check_joints(path: Path, found: Skeleton, wanted: Skeleton) -> None:
    if found != wanted:
        raise ModelError(f"{path}: its joints are {found.name}, not {wanted.name}; give another network")


PARTS: dict[str, Callable[[PartSettings, str], PartRefiner]] = {"hands": _hands, "face": _faces}
"""Every kind of part by name: a function from settings and a precision (see ``EstimatorSettings``) to its refiner, which may
raise ModelError, SettingsError and MissingExtraError."""


def make_part_refiners(settings: PartSettings, precision: str = "auto") -> Sequence[PartRefiner]:
    """Return the part refiners that settings ask for.

    Raises:
        SettingsError: a network is missing.
        ModelError: a network cannot be used.
        MissingExtraError: OpenVINO is not installed.
    """
    return [PARTS[kind](settings, precision) for kind in settings.kinds]
