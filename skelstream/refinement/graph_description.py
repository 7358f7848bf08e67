"""Description of another project's top-down graph, from a TOML file beside it or from its own metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skelstream.errors import FormatError, MissingExtraError, ModelError
from skelstream.files.toml import read_toml
from skelstream.files.values import integer, items, mapping, real, reals, string
from skelstream.geometry.crops import MARGIN
from skelstream.skeleton import COCO17, SKELETONS

SUFFIXES = (".onnx", ".xml")
"""Endings of graphs: ONNX and OpenVINO IR."""
OUTPUTS = ("heatmap", "simcc")
COLOURS = ("rgb", "bgr")
# Mean and standard deviation of ImageNet, for values from 0 to 255.
_MEAN, _STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]
_KEY = "refiner"  # name of the metadata entry
_EXAMPLE = 'height = 256, width = 192, output = "heatmap", joints = "coco17"'


@dataclass(frozen=True)
class GraphDescription:
    """How to feed a graph and how to read its outputs.

    Attributes:
        height, width: size of a crop in pixels.
        output: ``heatmap`` or ``simcc``.
        stride: crop pixels per heatmap cell or per SimCC class.
        joints: int (17,), numbers of the graph's joints that are COCO's, in COCO's order.
        count: number V of the graph's joints.
        mean, std: mean to subtract and deviation to divide by, for values from 0 to 255, in the order of ``colour``.
        colour: order of the input channels, ``rgb`` or ``bgr``.
        margin: size of a crop over the size of its box.
    """

    height: int
    width: int
    output: str
    stride: float
    joints: tuple[int, ...]
    count: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    colour: str
    margin: float


def read_description(path: Path) -> GraphDescription:
    """Return the description of a graph: from ``NAME.toml`` beside it, else from the metadata of an ONNX file.

    Raises:
        ModelError: there is no description, a value is missing or wrong, or a joint of COCO's is missing.
    """
    beside = path.with_suffix(".toml")
    if beside.is_file():
        try:
            table = read_toml(beside)
        except FormatError as error:
            raise ModelError(str(error)) from None
        where = beside
    else:
        table, where = _metadata(path), path
    if table is None:
        raise ModelError(
            f"{path}: has no description; write {beside.name} beside it, for instance {_EXAMPLE}"
        )
    try:
        return _description(table)
    except FormatError as error:
        raise ModelError(f"{where}: {error}") from None


def _metadata(path: Path) -> dict[str, Any] | None:
    if path.suffix != ".onnx":
        return None
    try:
        import onnx
    except ImportError:
        raise MissingExtraError(
            f"{path}: to read its metadata, pip install 'skelstream[onnx]', or write a .toml beside it"
        ) from None
    try:
        entries = {e.key: e.value for e in onnx.load(str(path), load_external_data=False).metadata_props}
        return json.loads(entries[_KEY]) if _KEY in entries else None
    except Exception as error:  # protobuf's own kinds, and ValueError
        raise ModelError(
            f"{path}: not an ONNX file, or damaged ({str(error).splitlines()[0][:100]})"
        ) from None


def _description(table: Mapping[str, Any]) -> GraphDescription:
    table = mapping(table, "the description")
    known = {"height", "width", "output", "stride", "joints", "mean", "std", "colour", "margin"}
    if unknown := set(table) - known:
        raise FormatError(f"has no setting {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}")
    if missing := {"height", "width", "output", "joints"} - set(table):
        raise FormatError(f"lacks {', '.join(sorted(missing))}; for instance: {_EXAMPLE}")
    output = _one_of(table["output"], "output", OUTPUTS)
    names = _names(table["joints"])
    places = {name: i for i, name in enumerate(names)}
    if missing := [name for name in COCO17.joints if name not in places]:
        raise FormatError(f"its joints are not COCO's 17: {', '.join(missing)} missing")
    std = reals(table.get("std", _STD), "std", (3,))
    if (std <= 0).any():
        raise FormatError("std must be above 0")
    return GraphDescription(
        height=integer(table["height"], "height", 8, 4096),
        width=integer(table["width"], "width", 8, 4096),
        output=output,
        stride=real(table.get("stride", 4 if output == "heatmap" else 0.5), "stride", 1e-3, 256),
        joints=tuple(places[name] for name in COCO17.joints),
        count=len(names),
        mean=tuple(reals(table.get("mean", _MEAN), "mean", (3,)).tolist()),
        std=tuple(std.tolist()),
        colour=_one_of(table.get("colour", "rgb"), "colour", COLOURS),
        margin=real(table.get("margin", MARGIN), "margin", 0.5, 4),
    )


def _one_of(value: object, name: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise FormatError(f"{name} is {value!r}; it must be {' or '.join(known)}")
    return str(value)


def _names(joints: object) -> list[str]:
    """Return the joint names of a joint set's name or of a list, in this project's spelling."""
    if isinstance(joints, str):
        if joints not in SKELETONS:
            raise FormatError(f"joints {joints!r} is not a joint set; known: {', '.join(SKELETONS)}")
        return list(SKELETONS[joints].joints)
    return [string(name, "a joint").strip().lower().replace(" ", "_") for name in items(joints, "joints")]
