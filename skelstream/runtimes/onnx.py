"""Export of networks to ONNX files for other runtimes. Needs the extra ``onnx``."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import torch

from skelstream.errors import MissingExtraError
from skelstream.files.atomic import replacing
from skelstream.network.architectures import CropNetwork, Network

try:
    import onnx
except ImportError:
    raise MissingExtraError("onnx is not installed; pip install 'skelstream[onnx]'") from None

_OPSET = 17


def export_onnx(network: Network | CropNetwork, path: Path, card: dict[str, object]) -> None:
    """Write a network as ONNX, checked by ONNX's own checker.

    The input ``image`` is float32 (batch, 3, height, width), RGB in [0, 255]. A detection network has the
    outputs ``confidence``, float32 (batch, V, h, w), and ``pafs``, float32 (batch, 2L, h, w), as in
    ``PartMaps``; a refinement network has ``heatmaps``, float32 (batch, V, h, w). The batch size is free;
    height and width are free for detection networks and fixed for refinement networks. The metadata contains
    joints, limbs, stride, size_divisor and the card, as JSON.

    Args:
        network: network on the CPU in float32.
        path: the file; an existing file is replaced atomically.
        card: model card of the weights.

    Raises:
        OutputError: the file cannot be written.
    """
    with replacing(path) as partial:
        _trace(network, partial)
        model = onnx.load(str(partial))
        metadata = {
            "joints": network.skeleton.joints,
            "limbs": network.skeleton.limbs,
            "stride": network.stride,
            "size_divisor": network.size_divisor,
            "card": card,
        }
        if isinstance(network, CropNetwork):
            # The same description that refinement reads from other projects' graphs; the input is RGB from 0
            # to 255.
            height, width = network.example_size
            metadata["refiner"] = {
                "height": height, "width": width, "output": "heatmap", "stride": network.stride,
                "joints": list(network.skeleton.joints), "mean": [0, 0, 0], "std": [1, 1, 1],
            }  # fmt: skip
        onnx.helper.set_model_props(model, {name: json.dumps(value) for name, value in metadata.items()})
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, str(partial))


def _trace(network: Network | CropNetwork, path: Path) -> None:
    crops = isinstance(network, CropNetwork)
    free = {0: "batch"} if crops else {0: "batch", 2: "height", 3: "width"}
    maps = {0: "batch"} if crops else {0: "batch", 2: "map_height", 3: "map_width"}
    outputs = ["heatmaps"] if crops else ["confidence", "pafs"]
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of constants that it does not fold
        # The TorchScript exporter needs no further package, and leaves sizes free without constraints from
        # us.
        torch.onnx.export(
            network.eval(),
            (torch.zeros(1, 3, *network.example_size),),
            str(path),
            input_names=["image"],
            output_names=outputs,
            dynamic_axes={"image": free} | dict.fromkeys(outputs, maps),
            opset_version=_OPSET,
            dynamo=False,
        )
