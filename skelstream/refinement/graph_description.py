"""Description of another project's graph for crops, from a TOML file beside it or from its own metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skelstream.errors import FormatError, MissingExtraError, ModelError
from skelstream.files.toml import read_toml
from skelstream.files.values import boolean, integer, items, mapping, real, reals, string
from skelstream.geometry.crops import MARGIN
from skelstream.runtimes.graph_input import GraphInput
from skelstream.skeleton import COCO17, FACE468, HAND21, SKELETONS, Skeleton

SUFFIXES = (".onnx", ".xml", ".tflite")
"""Endings of graphs: ONNX, OpenVINO IR and TFLite."""
OUTPUTS = {
    "heatmap": (),
    "simcc": (),
    "landmarks": ("landmarks", "presence", "side"),
    "anchors": ("boxes", "presence"),
}
"""Kinds of outputs; for each, the outputs that a description may name."""
COLOURS = ("rgb", "bgr")
# Mean and standard deviation of ImageNet, for values from 0 to 255.
_MEAN, _STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]
_KNOWN = {one.name: one for one in (*SKELETONS.values(), HAND21, FACE468)}
_KEY = "refiner"  # name of the metadata entry
_EXAMPLE = 'height = 256, width = 192, output = "heatmap", joints = "coco17"'


@dataclass(frozen=True)
class GraphDescription:
    """How to feed a graph and how to read its outputs.

    Attributes:
        image: size of a crop and its preprocessing.
        output: kind of the outputs: ``heatmap``; ``simcc``; ``landmarks``: each joint's x, y and maybe depth in crop pixels;
            or ``anchors``: boxes and points as offsets from anchors, which a refiner cannot use.
        stride: crop pixels per heatmap cell or per SimCC class.
        skeleton: joints that the graph finds; None for anchors.
        joints: int (V,), numbers of the skeleton's joints among the graph's.
        count: number of the graph's joints.
        outputs: names of the graph's outputs by what they hold; of landmarks ``landmarks``, ``presence`` (how sure it is of a
            hand or face) and ``side`` (how likely it is a right hand), of anchors ``boxes`` and ``presence``.
        logits: whether presence and side are logits instead of probabilities.
        margin: size of a crop over the size of its box.
    """

    image: GraphInput
    output: str
    stride: float
    skeleton: Skeleton | None
    joints: tuple[int, ...]
    count: int
    outputs: Mapping[str, str]
    logits: bool
    margin: float


def read_description(path: Path) -> GraphDescription:
    """Return the description of a graph: from ``NAME.toml`` beside it, else from the metadata of an ONNX file.

    Raises:
        ModelError: there is no description, a value is missing or wrong, or its joints are of no known set.
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
    known = {
        "height",
        "width",
        "output",
        "stride",
        "joints",
        "mean",
        "std",
        "colour",
        "margin",
        "outputs",
        "logits",
    }
    if unknown := set(table) - known - {"card", "source"}:
        raise FormatError(f"has no setting {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}")
    if missing := {"height", "width", "output", "joints"} - set(table):
        raise FormatError(f"lacks {', '.join(sorted(missing))}; for instance: {_EXAMPLE}")
    output = _one_of(table["output"], "output", tuple(OUTPUTS))
    names = _names(table["joints"])
    skeleton = None if output == "anchors" else _skeleton(names)
    places = {name: i for i, name in enumerate(names)}
    std = reals(table.get("std", _STD), "std", (3,))
    if (std <= 0).any():
        raise FormatError("std must be above 0")
    return GraphDescription(
        image=GraphInput(
            height=integer(table["height"], "height", 8, 4096),
            width=integer(table["width"], "width", 8, 4096),
            mean=tuple(reals(table.get("mean", _MEAN), "mean", (3,)).tolist()),
            std=tuple(std.tolist()),
            colour=_one_of(table.get("colour", "rgb"), "colour", COLOURS),
        ),
        output=output,
        stride=real(table.get("stride", 4 if output == "heatmap" else 0.5), "stride", 1e-3, 256),
        skeleton=skeleton,
        joints=tuple(places[name] for name in skeleton.joints) if skeleton else (),
        count=len(names),
        outputs=_outputs(table.get("outputs", {}), output),
        logits=boolean(table.get("logits", False), "logits"),
        margin=real(table.get("margin", MARGIN), "margin", 0.5, 4),
    )


def _outputs(given: object, output: str) -> dict[str, str]:
    names = {key: string(name, f"outputs.{key}") for key, name in mapping(given, "outputs").items()}
    if unknown := [key for key in names if key not in OUTPUTS[output]]:
        known = ", ".join(OUTPUTS[output]) or "none, as they are found by their shapes"
        raise FormatError(f"outputs names {', '.join(unknown)}; known for {output}: {known}")
    return names


def _skeleton(names: list[str]) -> Skeleton:
    """Return the largest joint set that is complete among a graph's joints; of a body alone it is COCO's 17."""
    whole = (one for one in _KNOWN.values() if set(one.parts) != {"body"})
    fitting = [one for one in (COCO17, *whole) if set(one.joints) <= set(names)]
    if not fitting:
        missing = [name for name in COCO17.joints if name not in names]
        raise FormatError(f"its joints are not COCO's 17: {', '.join(missing)} missing")
    return max(fitting, key=len)


def _one_of(value: object, name: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise FormatError(f"{name} is {value!r}; it must be {' or '.join(known)}")
    return str(value)


def _names(joints: object) -> list[str]:
    """Return the joint names of a joint set's name or of a list, in this project's spelling."""
    if isinstance(joints, str):
        if joints not in _KNOWN:
            raise FormatError(f"joints {joints!r} is not a joint set; known: {', '.join(_KNOWN)}")
        return list(_KNOWN[joints].joints)
    return [string(name, "a joint").strip().lower().replace(" ", "_") for name in items(joints, "joints")]
