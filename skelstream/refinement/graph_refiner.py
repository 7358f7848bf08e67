"""A refiner that runs another project's ONNX or OpenVINO IR graph under OpenVINO. Needs the extra ``openvino``."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from xml.parsers.expat import ExpatError, ParserCreate

import numpy as np
import torch

from skelstream.errors import ModelError, SettingsError
from skelstream.files.text import printable
from skelstream.network.model_file import find_model
from skelstream.refinement.crop_refiner import CropRefiner
from skelstream.refinement.decoding import Decoding, Heatmaps, SimCC
from skelstream.refinement.graph_description import GraphDescription, read_description
from skelstream.runtimes.openvino_import import ov
from skelstream.runtimes.openvino_queue import ImageQueue, compile_settings, compiled, has_bfloat16
from skelstream.runtimes.signal_stack import kept_signal_stack
from skelstream.settings.refinement import RefinementSettings
from skelstream.skeleton import COCO17


class GraphRefiner(CropRefiner):
    """A ``Refiner`` with an ONNX or OpenVINO IR file that ``graph_description`` describes.

    Args:
        settings: refinement settings; ``weights`` is the file.
        device: ``auto`` or ``cpu``.
        runtime: ``auto`` or ``openvino``.
        precision: ``float32`` or ``bfloat16``; anything else is the faster of the two on this CPU.

    Raises:
        ModelError: the file or its description cannot be used.
        SettingsError: there is no such file, or another runtime or device than OpenVINO on the CPU was asked for.
    """

    @kept_signal_stack()
    def __init__(
        self,
        settings: RefinementSettings,
        device: str = "auto",
        runtime: str = "auto",
        precision: str = "auto",
    ):
        path = find_model(settings.weights, "refiner")
        if runtime not in ("auto", "openvino") or device not in ("auto", "cpu"):
            raise SettingsError(
                f"{path}: {path.suffix} files run under OpenVINO on the CPU only", setting="runtime"
            )
        description, core = read_description(path), ov.Core()
        native = has_bfloat16(core)
        if precision == "bfloat16" and not native:
            raise SettingsError("this CPU does not compute in bfloat16; use float32", setting="precision")
        used = "bfloat16" if native and precision != "float32" else "float32"
        _check_xml(path)
        try:
            read = core.read_model(path)
            _check_ends(read, path)
            d = description
            model = with_preprocessing(read, (d.height, d.width), d.colour, d.mean, d.std)
            chosen = _chosen(model, description, path)
        except RuntimeError as error:
            reason = " ".join(str(error).split())[-200:]
            raise ModelError(f"{path}: OpenVINO cannot read it as described ({reason})") from None
        graph = compiled(core, model, compile_settings(core, used, crops=True))
        queue = ImageQueue(graph, crops=True)

        def outputs(crops: np.ndarray) -> tuple[torch.Tensor, ...]:
            found, joints = queue(crops), list(description.joints)
            return tuple(found[i][:, joints] for i in chosen)

        decoding: Decoding = (Heatmaps if description.output == "heatmap" else SimCC)(description.stride)
        super().__init__(
            outputs,
            decoding,
            (description.height, description.width),
            name=f"{path.stem} (OpenVINO, cpu, {used})",
            skeleton=COCO17,
            weights_sha256=_sha256(path),
            flip=settings.flip,
            margin=description.margin,
        )


def _check_xml(path: Path) -> None:
    """Check that a file named .xml is XML of a network.

    OpenVINO tries other formats on it too, whose readers print lines of their own to the terminal.
    """
    if path.suffix != ".xml":
        return
    roots: list[str] = []
    parser = ParserCreate()
    parser.StartElementHandler = lambda name, _: roots.append(name) if not roots else None
    try:
        with open(path, "rb") as file:
            parser.ParseFile(file)
    except ExpatError as error:
        raise ModelError(f"{path}: not an OpenVINO IR file, or damaged ({error})") from None
    if roots != ["net"]:
        raise ModelError(
            f"{path}: not an OpenVINO IR file: its root is {printable(roots[0][:40])!r}, not 'net'"
        )


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
            " the image (1, 3, height, width), and at least one output"
        )


def with_preprocessing(
    model: ov.Model, size: tuple[int, int], colour: str, mean: Sequence[float], std: Sequence[float]
) -> ov.Model:
    """Return a graph of one image (1, 3, H, W) with its preprocessing built in: its input is uint8 RGB (1, H, W, 3).

    Args:
        model: the graph, which changes.
        size: height and width of the image in pixels.
        colour, mean, std: see ``GraphDescription``.
    """
    model.reshape({model.inputs[0]: [1, 3, *size]})
    steps = ov.preprocess.PrePostProcessor(model)
    image = steps.input(0)
    image.tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    image.tensor().set_color_format(ov.preprocess.ColorFormat.RGB)
    image.model().set_layout(ov.Layout("NCHW"))
    work = image.preprocess()
    if colour == "bgr":
        work.convert_color(ov.preprocess.ColorFormat.BGR)
    work.convert_element_type(ov.Type.f32).mean(list(mean)).scale(list(std))
    for i in range(len(model.outputs)):
        steps.output(i).tensor().set_element_type(ov.Type.f32)
    return steps.build()


def _chosen(model: ov.Model, description: GraphDescription, path: Path) -> list[int]:
    """Return the numbers of the outputs that hold the joints, by their shapes; for SimCC x, then y.

    Raises:
        ModelError: no output has the described shape.
    """
    across, down = (
        round(description.width / description.stride),
        round(description.height / description.stride),
    )
    wanted = (
        [[1, description.count, down, across]]
        if description.output == "heatmap"
        else [[1, description.count, across], [1, description.count, down]]
    )
    shapes = [
        list(output.shape) if output.partial_shape.is_static else str(output.partial_shape)
        for output in model.outputs
    ]
    found: list[int] = []
    for shape in wanted:
        fitting = [i for i, one in enumerate(shapes) if one == shape and i not in found]
        if not fitting:
            raise ModelError(
                f"{path}: the description says {description.output} output of shape {shape}, the graph has {shapes}"
            )
        found.append(fitting[0])
    return found


def _sha256(path: Path) -> str:
    """Return the SHA-256 of the file and, for an IR, of the weights beside it."""
    digest = hashlib.sha256(path.read_bytes())
    weights = path.with_suffix(".bin")
    if path.suffix == ".xml" and weights.is_file():
        digest.update(weights.read_bytes())
    return digest.hexdigest()
