"""PP-TinyPose's graph into our network: from a graph written here in the same form, and the real one where it is."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from skelstream.errors import ModelError
from skelstream.network.tinypose import load_tinypose
from skelstream.network.top_down import TopDownNetwork

_DATA = Path(os.environ.get("SKELSTREAM_DATA", Path(__file__).parents[2].parent / "shared"))
_REAL = _DATA / "models/tinypose/tinypose_256x192.xml"


def _write_graph(path: Path, network: TopDownNetwork, keep: slice = slice(None)) -> None:
    """An IR graph of constants, convolutions and sums, in shuffled order, halves where a sum comes twice."""
    data, layers, edges = bytearray(), [], []

    def constant(values: torch.Tensor, shape: tuple[int, ...]) -> int:
        raw = values.detach().numpy().astype(np.float16).tobytes()
        name, offset = len(layers), len(data)
        data.extend(raw)
        shape_text = ",".join(map(str, shape))
        layers.append(
            f'<layer id="{name}" name="c{name}" type="Const"><data element_type="f16" shape="{shape_text}"'
            f' offset="{offset}" size="{len(raw)}"/></layer>'
        )
        layers.append(f'<layer id="{name + 1}" name="v{name}" type="Convert"/>')
        edges.append(f'<edge from-layer="{name}" from-port="0" to-layer="{name + 1}" to-port="0"/>')
        return name + 1

    convs = [(n, m) for n, m in network.named_modules() if isinstance(m, nn.Conv2d)]
    numbered = list(enumerate(convs))[keep]
    for number, (name, conv) in reversed(numbered):
        depthwise = conv.groups > 1
        parts = name.split(".")
        last_down = (
            "paths" in parts and parts[-3].startswith("0_") and int(parts[-2]) == 2 * int(parts[-3][2:]) - 1
        )
        share = 0.5 if last_down else 1.0
        weight = conv.weight * share
        shape = (conv.out_channels, 1, 1, 3, 3) if depthwise else tuple(weight.shape)
        weights, bias = constant(weight, shape), constant(conv.bias * share, (1, conv.out_channels, 1, 1))
        kind, i = "GroupConvolution" if depthwise else "Convolution", len(layers)
        final = number == len(convs) - 1
        summed = "conv2d_441.tmp_1" if final else f"batch_norm2d_{number}.w_1"
        layers.append(f'<layer id="{i}" name="m{i}" type="{kind}"/>')
        layers.append(f'<layer id="{i + 1}" name="{summed}" type="Add"/>')
        for source, target in ((weights, i), (i, i + 1), (bias, i + 1)):
            edges.append(f'<edge from-layer="{source}" from-port="0" to-layer="{target}" to-port="0"/>')
    path.write_text(f"<net><layers>{''.join(layers)}</layers><edges>{''.join(edges)}</edges></net>")
    path.with_suffix(".bin").write_bytes(bytes(data))


def test_weights_find_their_places(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = TopDownNetwork()
    _write_graph(tmp_path / "graph.xml", network)
    state = load_tinypose(tmp_path / "graph.xml")
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(state[name], tensor, rtol=2e-3, atol=1e-4)


def test_another_graph_is_named(tmp_path: Path) -> None:
    path = tmp_path / "graph.xml"
    _write_graph(path, TopDownNetwork(), slice(0, 40))
    with pytest.raises(ModelError, match="its convolutions are not those of PP-TinyPose"):
        load_tinypose(path)
    path.with_suffix(".bin").write_bytes(b"\0")
    with pytest.raises(ModelError, match="not PP-TinyPose's OpenVINO graph with its .bin beside it"):
        load_tinypose(path)
    path.write_text("<net>")
    with pytest.raises(ModelError, match="not PP-TinyPose's OpenVINO graph"):
        load_tinypose(path)
    with pytest.raises(ModelError, match="missing.xml: not PP-TinyPose's"):
        load_tinypose(tmp_path / "missing.xml")


@pytest.mark.skipif(not _REAL.exists(), reason=f"PP-TinyPose's graph is not at {_REAL}")
def test_the_real_graph_gives_what_openvino_gives() -> None:
    ov = pytest.importorskip("openvino")
    network = TopDownNetwork().eval()
    network.load_state_dict(load_tinypose(_REAL))
    model = ov.Core().read_model(_REAL)
    model.reshape([2, 3, 256, 192])
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    crops = torch.rand(2, 3, 256, 192, generator=torch.Generator().manual_seed(0)) * 255
    want = compiled(((crops - network.mean) / network.deviation).numpy())[0]
    with torch.no_grad():
        np.testing.assert_allclose(network(crops).numpy(), want, atol=1e-5)
