"""Reading of PP-TinyPose's weights, the initial weights of the top-down network.

PP-TinyPose (PaddleDetection, Apache-2.0) is a naive Lite-HRNet. It is read from an OpenVINO IR graph, an XML
file of layers and a ``.bin`` file of their constants, without OpenVINO.
"""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from skelstream.errors import ModelError
from skelstream.network.top_down import TopDownNetwork

_DTYPES = {"f16": np.float16, "f32": np.float32}
_CONVOLUTIONS = ("Convolution", "GroupConvolution")
# Name of the layer that adds a convolution's bias; it contains the number of the folded batch norm.
_NORM = re.compile(r"batch_norm2d_(\d+)\.")
# The last convolution on the path from the highest-resolution branch down to another.
_FROM_HIGHEST = re.compile(r"\.paths\.0_(\d)\.(\d)\.0$")


def load_tinypose(path: Path) -> dict[str, Tensor]:
    """Read the state dict of a TopDownNetwork from PP-TinyPose's graph.

    Args:
        path: ``tinypose_256x192.xml``, with its ``.bin`` beside it.

    Raises:
        ModelError: a file is missing or is not that graph.
    """
    try:
        tensors = _convolutions(path)
    except (OSError, ET.ParseError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{path}: not PP-TinyPose's OpenVINO graph with its .bin beside it ({error})"
        ) from None
    network = TopDownNetwork()
    convs = {name: module for name, module in network.named_modules() if isinstance(module, nn.Conv2d)}
    if [weight.shape for weight, _ in tensors] != [conv.weight.shape for conv in convs.values()]:
        raise ModelError(f"{path}: its convolutions are not those of PP-TinyPose's pose network")
    state = network.state_dict()
    for name, (weight, bias) in zip(convs, tensors, strict=True):
        # The graph adds the features from the highest resolution to themselves; here the weights are doubled
        # instead.
        found = _FROM_HIGHEST.search(name)
        times = 2 if found and int(found[2]) == 2 * int(found[1]) - 1 else 1
        state[f"{name}.weight"], state[f"{name}.bias"] = weight * times, bias * times
    return state


def _convolutions(path: Path) -> list[tuple[Tensor, Tensor]]:
    """Return weights (out, in / groups, k, k) and biases (out,) in the order of their batch norms; the last
    has none."""
    root = ET.parse(path).getroot()
    data = path.with_suffix(".bin").read_bytes()
    layers = {layer.get("id"): layer for layer in root.iterfind("layers/layer")}
    sources: dict[str | None, list[str]] = {}
    for edge in root.iterfind("edges/edge"):
        sources.setdefault(edge.get("to-layer"), []).append(edge.attrib["from-layer"])

    def constant(name: str) -> np.ndarray | None:
        """Return the value of a layer, if it is a constant or a type conversion of one."""
        layer = layers[name]
        if layer.get("type") == "Convert":
            return constant(sources[name][0])
        if layer.get("type") != "Const":
            return None
        content = layer.find("data")
        if content is None:
            return None
        facts = content.attrib
        shape = [int(n) for n in facts["shape"].split(",")]
        dtype = np.dtype(_DTYPES[facts["element_type"]])
        return np.frombuffer(data, dtype, int(np.prod(shape)), int(facts["offset"])).reshape(shape)

    found: dict[float, tuple[Tensor, Tensor]] = {}
    for name, layer in layers.items():
        inputs = sources.get(name, [])
        conv = next((i for i in inputs if layers[i].get("type") in _CONVOLUTIONS), None)
        if layer.get("type") != "Add" or conv is None:
            continue
        bias = next((value for value in map(constant, inputs) if value is not None), None)
        weight = next((value for value in map(constant, sources[conv]) if value is not None), None)
        if bias is None or weight is None:
            continue
        number = _NORM.match(layer.attrib["name"])
        # Depthwise: (groups, 1, 1, k, k).
        weight = weight.reshape(-1, *weight.shape[2:]) if weight.ndim == 5 else weight
        found[int(number[1]) if number else math.inf] = (
            torch.from_numpy(weight.astype(np.float32)),
            torch.from_numpy(bias.astype(np.float32).ravel()),
        )
    return [found[number] for number in sorted(found)]
