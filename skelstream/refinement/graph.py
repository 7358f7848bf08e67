"""A refiner of a graph that another project trained: ONNX or OpenVINO IR, under OpenVINO. Needs the extra ``openvino``."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch

from skelstream.errors import ModelError
from skelstream.network.model_file import find_model
from skelstream.refinement.crop_refiner import CropRefiner
from skelstream.refinement.decoding import Decoding, Heatmaps, SimCC
from skelstream.refinement.graph_description import GraphFacts, read_facts
from skelstream.refinement.refiner import RefinerSettings
from skelstream.runtimes.openvino_queue import ImageQueue, has_bfloat16, ov
from skelstream.runtimes.signal_stack import kept_signal_stack
from skelstream.skeleton import COCO17


class GraphRefiner(CropRefiner):
    """A ``Refiner`` of an ONNX or OpenVINO IR file, described by ``graph_facts``.

    Args:
        settings: of the second look; ``weights`` is the file.
        device: ``auto`` or ``cpu``.
        runtime: ``auto`` or ``openvino``.
        precision: ``float32``; ``bfloat16`` where the CPU has it; else the fastest of the two.

    Raises:
        ModelError: the file or its description cannot be used, or it would have to run elsewhere than under OpenVINO.
    """

    @kept_signal_stack()
    def __init__(
        self,
        settings: RefinerSettings,
        device: str = "auto",
        runtime: str = "auto",
        precision: str = "auto",
    ):
        path = find_model(settings.weights)
        if runtime not in ("auto", "openvino") or device not in ("auto", "cpu"):
            raise ModelError(f"{path}: {path.suffix} files run under OpenVINO on the CPU only")
        facts, core = read_facts(path), ov.Core()
        native = has_bfloat16(core)
        if precision == "bfloat16" and not native:
            raise ModelError("this CPU does not compute in bfloat16; use float32")
        used = "bfloat16" if native and precision != "float32" else "float32"
        try:
            model = _prepared(core.read_model(path), facts)
        except RuntimeError as error:
            reason = " ".join(str(error).split())[-200:]
            raise ModelError(f"{path}: OpenVINO cannot read it as described ({reason})") from None
        chosen = _chosen(model, facts, path)
        queue = ImageQueue(core, model, used, crops=True)

        def outputs(crops: np.ndarray) -> tuple[torch.Tensor, ...]:
            found = queue(crops)
            return tuple(found[i] for i in chosen)

        decoding: Decoding = (Heatmaps if facts.output == "heatmap" else SimCC)(facts.stride)
        super().__init__(
            outputs,
            decoding,
            name=f"{path.stem} (OpenVINO, cpu, {used})",
            skeleton=COCO17,
            weights_sha256=_sha256(path),
            size=(facts.height, facts.width),
            flip=settings.flip,
            margin=facts.margin,
            joints=facts.joints,
        )


def _prepared(model: ov.Model, facts: GraphFacts) -> ov.Model:
    """The graph with what is done to its input: uint8 RGB (1, H, W, 3)."""
    model.reshape({model.inputs[0]: [1, 3, facts.height, facts.width]})
    steps = ov.preprocess.PrePostProcessor(model)
    image = steps.input(0)
    image.tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    image.tensor().set_color_format(ov.preprocess.ColorFormat.RGB)
    image.model().set_layout(ov.Layout("NCHW"))
    work = image.preprocess()
    if facts.colour == "bgr":
        work.convert_color(ov.preprocess.ColorFormat.BGR)
    work.convert_element_type(ov.Type.f32).mean(list(facts.mean)).scale(list(facts.std))
    for i in range(len(model.outputs)):
        steps.output(i).tensor().set_element_type(ov.Type.f32)
    return steps.build()


def _chosen(model: ov.Model, facts: GraphFacts, path: Path) -> list[int]:
    """Which outputs are meant, by their shapes; of SimCC x, then y.

    Raises:
        ModelError: none has the shape that the description tells of.
    """
    across, down = round(facts.width / facts.stride), round(facts.height / facts.stride)
    wanted = (
        [[1, facts.count, down, across]]
        if facts.output == "heatmap"
        else [[1, facts.count, across], [1, facts.count, down]]
    )
    shapes = [list(output.shape) for output in model.outputs]
    found: list[int] = []
    for shape in wanted:
        fitting = [i for i, one in enumerate(shapes) if one == shape and i not in found]
        if not fitting:
            raise ModelError(
                f"{path}: a {facts.output} output has shape {shape} by its description; the graph's are {shapes}"
            )
        found.append(fitting[0])
    return found


def _sha256(path: Path) -> str:
    """Of the file, and of an IR's weights beside it."""
    digest = hashlib.sha256(path.read_bytes())
    weights = path.with_suffix(".bin")
    if path.suffix == ".xml" and weights.is_file():
        digest.update(weights.read_bytes())
    return digest.hexdigest()
