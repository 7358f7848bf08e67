"""A refiner that runs another project's graph, which ``graph_description`` describes. Needs the extra ``openvino``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from skelstream.errors import ModelError
from skelstream.refinement.crop_refiner import CropRefiner
from skelstream.refinement.decoding import Decoding, Heatmaps, Landmarks, SimCC
from skelstream.refinement.graph_description import GraphDescription, read_description
from skelstream.runtimes.graph_file import GraphFile


class GraphRefiner(CropRefiner):
    """A ``Refiner`` with a graph: of people, or of their hands or faces.

    Args:
        path: the graph: ``.onnx``, ``.xml`` (OpenVINO IR) or ``.tflite``.
        flip: whether to average with the outputs of the mirrored crop.
        device, runtime: see ``GraphFile``.
        precision: see ``GraphFile``; landmarks are computed in float32 unless ``bfloat16`` is asked for, since positions as
            numbers lose more than maps do: joints of a hand move by half a pixel of its crop (median), every twentieth by 2.

    Raises:
        ModelError: the file or its description cannot be used.
        SettingsError: another runtime or device than OpenVINO on the CPU was asked for.
    """

    def __init__(
        self,
        path: Path,
        *,
        flip: bool = False,
        device: str = "auto",
        runtime: str = "auto",
        precision: str = "auto",
    ):
        description = read_description(path)
        if description.skeleton is None:
            raise ModelError(f"{path}: finds where {description.output} are, not joints; it cannot refine")
        if description.output == "landmarks" and precision != "bfloat16":
            precision = "float32"
        graph = GraphFile(path, description.image, device=device, runtime=runtime, precision=precision)
        chosen, joints = _chosen(graph, description, path), list(description.joints)

        def selected(found: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
            if description.output != "landmarks":
                return tuple(found[i][:, joints] for i in chosen)
            points, *beside = (found[i].flatten(1) for i in chosen)
            return points.unflatten(1, (description.count, -1))[:, joints, :2], *beside

        super().__init__(
            lambda crops: [selected(found) for found in graph(crops)],
            _decoding(description),
            (description.image.height, description.image.width),
            name=f"{path.stem} ({graph.name})",
            skeleton=description.skeleton,
            weights_sha256=graph.sha256,
            flip=flip,
            margin=description.margin,
        )


def _decoding(description: GraphDescription) -> Decoding:
    if description.output == "landmarks":
        roles = [role for role in ("presence", "side") if role in description.outputs]
        return Landmarks(description.image.width, tuple(roles), description.logits)
    return (Heatmaps if description.output == "heatmap" else SimCC)(description.stride)


def _chosen(graph: GraphFile, description: GraphDescription, path: Path) -> list[int]:
    """Return the numbers of the outputs that hold the joints.

    They are those that the description names, or else those of the right shape; for SimCC x, then y; for landmarks the
    points, then presence and side if there are.

    Raises:
        ModelError: there is no such output.
    """
    if description.output == "landmarks":
        return _landmarks(graph, description, path)
    across, down = (
        round(description.image.width / description.stride),
        round(description.image.height / description.stride),
    )
    wanted = (
        [[1, description.count, down, across]]
        if description.output == "heatmap"
        else [[1, description.count, across], [1, description.count, down]]
    )
    found: list[int] = []
    for shape in wanted:
        fitting = [i for i, one in enumerate(graph.shapes) if one == shape and i not in found]
        if not fitting:
            raise ModelError(
                f"{path}: the description says {description.output} output of shape {shape}, the graph has"
                f" {_shown(graph)}"
            )
        found.append(fitting[0])
    return found


def _landmarks(graph: GraphFile, description: GraphDescription, path: Path) -> list[int]:
    sizes = {
        "landmarks": [description.count * 2, description.count * 3],
        "presence": [1],
        "side": [1],
    }
    chosen: list[int] = []
    for role, allowed in sizes.items():
        fitting = [i for i, shape in enumerate(graph.shapes) if shape and np.prod(shape) in allowed]
        name = description.outputs.get(role)
        if name is not None and graph.places.get(name) not in fitting:
            raise ModelError(
                f"{path}: the description says that {role} is the output {name} of"
                f" {' or '.join(map(str, allowed))} values, the graph has {_shown(graph)}"
            )
        if name is not None:
            chosen.append(graph.places[name])
        elif role == "landmarks":
            if len(fitting) != 1:
                raise ModelError(
                    f"{path}: the graph has {_shown(graph)}; name the one with the landmarks in the description:"
                    ' outputs = { landmarks = "NAME" }'
                )
            chosen.append(fitting[0])
    return chosen


def _shown(graph: GraphFile) -> str:
    """Return the names and shapes of a graph's outputs."""
    names = {i: name for name, i in graph.places.items()}
    return ", ".join(
        f"{names.get(i, 'an output')} {'of free shape' if shape is None else shape}"
        for i, shape in enumerate(graph.shapes)
    )
