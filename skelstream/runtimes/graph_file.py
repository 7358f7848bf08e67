"""Graphs of other projects in files, compiled by OpenVINO: ONNX, OpenVINO IR and TFLite. Needs the extra ``openvino``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from xml.parsers.expat import ExpatError, ParserCreate

import numpy as np
import torch

from skelstream.errors import ModelError, SettingsError
from skelstream.files.text import printable
from skelstream.runtimes.graph_cache import cached_graph
from skelstream.runtimes.graph_input import GraphInput
from skelstream.runtimes.openvino_import import ov
from skelstream.runtimes.openvino_queue import ImageQueue, compile_settings, compiled, has_bfloat16
from skelstream.runtimes.signal_stack import kept_signal_stack

_TFLITE_MARK = b"TFL3"  # bytes 4 to 7 of a TFLite file


class GraphFile:
    """A graph with one image as its input, ready to run on crops; several threads may call it concurrently.

    The compiled graph is kept in the user's cache.

    Args:
        path: the file, whose ending tells its format: ``.onnx``, ``.xml`` or ``.tflite``.
        image: how to feed it.
        device: ``auto`` or ``cpu``.
        runtime: ``auto`` or ``openvino``.
        precision: ``float32`` or ``bfloat16``; anything else is the faster of the two on this CPU.

    Attributes:
        name: runtime, device and precision, for people to read.
        sha256: SHA-256 of the file and, for an IR, of the weights beside it.
        shapes: shape of each output for one image; None for one that depends on the image.

    Raises:
        ModelError: the file cannot be used.
        SettingsError: another runtime or device than OpenVINO on the CPU was asked for.
    """

    @kept_signal_stack()
    def __init__(
        self,
        path: Path,
        image: GraphInput,
        *,
        device: str = "auto",
        runtime: str = "auto",
        precision: str = "auto",
    ):
        if runtime not in ("auto", "openvino") or device not in ("auto", "cpu"):
            raise SettingsError(
                f"{path}: {path.suffix} files run under OpenVINO on the CPU only", setting="runtime"
            )
        core = ov.Core()
        native = has_bfloat16(core)
        if precision == "bfloat16" and not native:
            raise SettingsError("this CPU does not compute in bfloat16; use float32", setting="precision")
        used = "bfloat16" if native and precision != "float32" else "float32"
        settings = compile_settings(core, used, crops=True)
        content = _content(path)
        self.sha256 = hashlib.sha256(content).hexdigest()
        graph = cached_graph(
            core,
            # Weights in files beside an ONNX file are not in its hash; there, ``location`` names them.
            None
            if path.suffix == ".onnx" and b"location" in content
            else {"file": self.sha256, "kind": path.suffix, "image": asdict(image)},
            settings,
            lambda: compiled(core, _read(core, path, image), settings),
        )
        self.name = f"OpenVINO, cpu, {used}"
        self.shapes = [list(one.shape) if one.partial_shape.is_static else None for one in graph.outputs]
        self._places = {name: i for i, one in enumerate(graph.outputs) for name in one.names}
        self._queue = ImageQueue(graph, crops=True)

    @property
    def places(self) -> Mapping[str, int]:
        """Number of each output by its name."""
        return self._places

    def __call__(self, images: Iterable[np.ndarray]) -> list[tuple[torch.Tensor, ...]]:
        """Return the graph's outputs, float32, of each image, uint8 RGB (height, width, 3)."""
        return self._queue.each(images)


def with_preprocessing(model: ov.Model, image: GraphInput) -> ov.Model:
    """Return a graph of one image with its preprocessing built in: its input is uint8 RGB (1, height, width, 3).

    Args:
        model: the graph, which changes. Its input is (1, 3, height, width) or (1, height, width, 3).
        image: how to feed it.
    """
    shape = model.inputs[0].partial_shape
    last = shape.rank.is_static and shape[3].is_static and shape[3].get_length() == 3
    size = (image.height, image.width)
    model.reshape({model.inputs[0]: [1, *size, 3] if last else [1, 3, *size]})
    steps = ov.preprocess.PrePostProcessor(model)
    step = steps.input(0)
    step.tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    step.tensor().set_color_format(ov.preprocess.ColorFormat.RGB)
    step.model().set_layout(ov.Layout("NHWC" if last else "NCHW"))
    work = step.preprocess()
    if image.colour == "bgr":
        work.convert_color(ov.preprocess.ColorFormat.BGR)
    work.convert_element_type(ov.Type.f32).mean(list(image.mean)).scale(list(image.std))
    for i in range(len(model.outputs)):
        steps.output(i).tensor().set_element_type(ov.Type.f32)
    return steps.build()


def _content(path: Path) -> bytes:
    """Return the bytes of the file and, for an IR, of the weights beside it.

    Raises:
        ModelError: the file cannot be read, or is of another kind than its ending says. OpenVINO would try other
            formats on it, whose readers print lines of their own to the terminal.
    """
    try:
        content = path.read_bytes()
        weights = path.with_suffix(".bin")
        beside = weights.read_bytes() if path.suffix == ".xml" and weights.is_file() else b""
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})") from None
    if path.suffix == ".xml":
        _check_xml(path, content)
    if path.suffix == ".tflite" and content[4:8] != _TFLITE_MARK:
        raise ModelError(f"{path}: not a TFLite file, or damaged")
    return content + beside


def _check_xml(path: Path, content: bytes) -> None:
    roots: list[str] = []
    parser = ParserCreate()
    parser.StartElementHandler = lambda name, _: roots.append(name) if not roots else None
    try:
        parser.Parse(content, True)
    except ExpatError as error:
        raise ModelError(f"{path}: not an OpenVINO IR file, or damaged ({error})") from None
    if roots != ["net"]:
        raise ModelError(
            f"{path}: not an OpenVINO IR file: its root is {printable(roots[0][:40])!r}, not 'net'"
        )


def _read(core: ov.Core, path: Path, image: GraphInput) -> ov.Model:
    try:
        read = core.read_model(path)
        _check_ends(read, path)
        return with_preprocessing(read, image)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[-200:]
        raise ModelError(f"{path}: OpenVINO cannot read it as described ({reason})") from None


def _check_ends(model: ov.Model, path: Path) -> None:
    """Check that a graph has one image as its input, and outputs.

    Raises:
        ModelError: it has not.
    """
    ranks = [node.partial_shape.rank for node in model.inputs]
    if len(ranks) != 1 or not (ranks[0].is_dynamic or ranks[0].get_length() == 4) or not model.outputs:
        shapes = ", ".join(str(node.partial_shape) for node in model.inputs) or "none"
        raise ModelError(
            f"{path}: its inputs are {shapes}, and it has {len(model.outputs)} outputs; a refiner has one input,"
            " the image (1, 3, height, width) or (1, height, width, 3), and at least one output"
        )
