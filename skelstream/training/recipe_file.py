"""Recipe files: reading of recipes in TOML, and the packaged ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from skelstream.errors import FormatError
from skelstream.files.toml import read_toml
from skelstream.files.values import boolean, integer, items, mapping, real, reals, refuse, string
from skelstream.network.paf import PafConfig
from skelstream.network.top_down import TopDownConfig
from skelstream.training.annotations import SetConfig
from skelstream.training.augment import Augmentation
from skelstream.training.crops import CropAugmentation
from skelstream.training.detected_people import DetectionConfig
from skelstream.training.recipe import EvaluationConfig, Recipe
from skelstream.training.samples import Emphasis

# Settings of the networks that recipes train, and of the augmentation of their samples.
_TRAINABLE = {"paf": (PafConfig, Augmentation), "topdown": (TopDownConfig, CropAugmentation)}
_Settings = TypeVar("_Settings")
# Limits of numbers that the settings do not check themselves; ``_LIMIT`` holds for all others.
_LIMITS = {
    "crop": (32, 8192), "size": (32, 8192), "batch": (1, 65_536), "accumulate": (1, 65_536),
    "seed": (0, 2**63 - 1), "width": (1, 2048), "layers": (0, 32), "fit": (0, 1), "flip": (0, 1),
    "grey": (0, 1), "occlusion": (0, 1), "colour": (0, 1), "ema_decay": (0, 1), "rotation": (0, 180),
}  # fmt: skip
_LIMIT = (0, 10**12)


def packaged_recipes() -> dict[str, Path]:
    """Return the files of the packaged recipes by name."""
    folder = Path(str(resources.files("skelstream.training"))) / "recipes"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def find_recipe(name: str) -> Path:
    """Return the file of a packaged recipe, or a recipe file.

    Args:
        name: name of a packaged recipe, or path of a file.

    Raises:
        FormatError: there is no such recipe and no such file.
    """
    packaged = packaged_recipes()
    if name in packaged:
        return packaged[name]
    if not Path(name).is_file():
        raise FormatError(
            f"{name}: no such recipe file, nor a packaged recipe (those are: {', '.join(packaged)})"
        )
    return Path(name)


def read_recipe(path: Path, data: Path, run: Mapping[str, object] = MappingProxyType({})) -> Recipe:
    """Read a recipe from a TOML file.

    The file has the tables ``run``, ``network``, ``augmentation``, ``emphasis``, ``detection`` and
    ``evaluation``, and one ``[[set]]`` for each training set.

    Args:
        path: the file.
        data: folder that the sets' paths start from.
        run: settings of ``[run]`` that replace the file's.

    Raises:
        FormatError: the file is not TOML, or a setting is unknown, missing or out of range.
    """
    content = _tables(path)
    sets = [_build(path, "set", SetConfig, _under(data, table)) for table in content.pop("set")]
    if not sets:
        raise FormatError(f"{path}: no [[set]] to train on")
    network = dict(content.get("network", {}))
    architecture = network.pop("architecture", "paf")
    if not isinstance(architecture, str) or architecture not in _TRAINABLE:
        raise FormatError(
            f"{path}: [network] architecture {architecture!r} is not one of {', '.join(_TRAINABLE)}"
        )
    network_kind, augmentation_kind = _TRAINABLE[architecture]
    parts = {
        "sets": sets,
        "network": _build(path, "network", network_kind, network),
        "augmentation": _build(path, "augmentation", augmentation_kind, content.get("augmentation", {})),
        "emphasis": _build(path, "emphasis", Emphasis, content.get("emphasis", {})),
        "detection": _build(path, "detection", DetectionConfig, content.get("detection", {})),
        "name": path.stem,
    }
    if "evaluation" in content:
        table = _under(data, content["evaluation"])
        parts["evaluation"] = _build(path, "evaluation", EvaluationConfig, table)
    own = content.get("run", {})
    if misplaced := {*parts, "evaluation"} & set(own):
        raise FormatError(
            f"{path}: [run] has no setting {', '.join(sorted(misplaced))}; see the other tables"
        )
    return _build(path, "run", Recipe, own | dict(run) | parts)


def _tables(path: Path) -> dict[str, Any]:
    """Return the tables of a recipe file by name; ``set`` is a list of tables."""
    content = read_toml(path)
    known = {"run", "network", "augmentation", "emphasis", "detection", "evaluation", "set"}
    if unknown := set(content) - known:
        raise FormatError(
            f"{path}: unknown table {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}"
        )
    sets = content.pop("set", [])
    if isinstance(sets, dict):
        raise FormatError(f"{path}: [set] is a single table; write [[set]], one for each training set")
    try:
        tables: dict[str, Any] = {name: mapping(table, f"[{name}]") for name, table in content.items()}
        return tables | {"set": [mapping(table, "[[set]]") for table in items(sets, "set")]}
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None


def _under(data: Path, table: dict) -> dict:
    return {
        k: data / v if k in ("annotations", "images") and isinstance(v, str) else v for k, v in table.items()
    }


def _build(path: Path, table: str, kind: Callable[..., _Settings], values: dict) -> _Settings:
    where = f"{path}: [{table}]"
    types = {f.name: str(f.type) for f in fields(kind)}  # type: ignore[arg-type]
    if unknown := set(values) - set(types):
        raise FormatError(
            f"{where} has no setting {', '.join(sorted(unknown))}; known: {', '.join(sorted(types))}"
        )
    try:
        values = {name: _setting(value, types[name], name) for name, value in values.items()}
    except FormatError as error:
        raise FormatError(f"{where} {error}") from None
    try:
        return kind(**values)
    except TypeError as error:
        raise FormatError(f"{where} is incomplete ({error})") from None
    except ValueError as error:
        raise FormatError(f"{where} {error}") from None


def _setting(value: Any, kind: str, name: str) -> Any:
    """Return a setting converted to its type; values of other types are returned unchanged."""
    match kind:
        case "int":
            return integer(value, name, *_LIMITS.get(name, _LIMIT))
        case "float":
            return real(value, name, *_LIMITS.get(name, _LIMIT))
        case "bool":
            return boolean(value, name)
        case "str":
            return string(value, name)
        case "Path":
            return Path(string(str(value) if isinstance(value, Path) else value, name))
        case "tuple[float, float]":
            pair = reals(value, name, (2,)).tolist()
            if not 0 < pair[0] <= pair[1]:
                refuse(value, name, "a pair of numbers above 0, the lesser first,")
            return tuple(pair)
    return value
