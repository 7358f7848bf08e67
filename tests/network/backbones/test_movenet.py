"""MoveNet MultiPose's TensorFlow.js files into our backbone, from a file written here with the same tensor names."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from skelstream.errors import ModelError
from skelstream.network.backbones.movenet import MoveNetBackbone, SameConv, load_movenet

PREFIX = "StatefulPartitionedCall/"
FEATURES = "center_net_mobile_net_v2fpn_feature_extractor/model_1/"


def _sources() -> dict[str, str]:
    """Our names of convolutions -> the graph's names of their weights."""
    names = {"stem": "model/Conv1/Conv2D_weights", "last": "model/Conv_1/Conv2D_weights"}
    for i in range(17):
        block = f"model/block_{i}_" if i else "model/expanded_conv_"
        names |= {f"blocks.{i}.depthwise": f"{block}depthwise/depthwise_weights"}
        names |= {f"blocks.{i}.project": f"{block}project/Conv2D_weights"}
        if i:
            names[f"blocks.{i}.expand"] = f"{block}expand/Conv2D_weights"
    names["top"] = "conv2d/Conv2D/ReadVariableOp"
    for i, suffix in enumerate(("", "_1", "_2")):
        names[f"laterals.{i}"] = f"conv2d_{i + 1}/Conv2D/ReadVariableOp"
        names[f"merges.{i}.depthwise"] = f"separable_conv2d{suffix}/separable_conv2d/ReadVariableOp"
        names[f"merges.{i}.pointwise"] = f"separable_conv2d{suffix}/separable_conv2d_weights"
    names = {ours: FEATURES + theirs for ours, theirs in names.items()}
    for head, (a, b) in {
        "center": (3, 4),
        "box_scale": (4, 5),
        "kpt_heatmap": (6, 7),
        "kpt_regress": (7, 8),
    }.items():
        layer = f"{head}_0/separable_conv2d_{a}/separable_conv2d/ReadVariableOp"
        names[f"heads.{head}.separable.depthwise"] = layer
        names[f"heads.{head}.separable.pointwise"] = f"{layer}_1"
        names[f"heads.{head}.out"] = f"{head}_0/conv2d_{b}/Conv2D/ReadVariableOp"
    return names


def _bias(weight: str) -> str:
    if weight.endswith("_weights"):
        kind = "depthwise_bn_offset" if weight.endswith("depthwise_weights") else "Conv2D_bn_offset"
        parent, leaf = weight.rsplit("/", 1)
        return (
            f"{parent}/separable_conv2d_bn_offset"
            if leaf == "separable_conv2d_weights"
            else f"{parent}/{kind}"
        )
    return weight.replace("separable_conv2d/ReadVariableOp_1", "BiasAdd/ReadVariableOp").replace(
        "Conv2D/", "BiasAdd/"
    )


def write_graph(path: Path, network: MoveNetBackbone, leave_out: str = "") -> None:
    """TensorFlow.js files of a network: JSON with the tensors' places, half-precision numbers beside it."""
    entries, data = [], []

    def put(name: str, array: np.ndarray) -> None:
        if name != leave_out:
            quantization = {"dtype": "float16", "original_dtype": "float32"}
            entry = {"name": PREFIX + name, "shape": list(array.shape), "dtype": "float32"}
            entries.append(entry | {"quantization": quantization})
            data.append(array.astype(np.float16).tobytes())

    state = network.state_dict()
    for ours, theirs in _sources().items():
        weight = state[f"{ours}.weight"].numpy()
        put(
            theirs,
            weight.transpose(2, 3, 0, 1) if ours.endswith("depthwise") else weight.transpose(2, 3, 1, 0),
        )
        if f"{ours}.bias" in state:
            put(_bias(theirs), state[f"{ours}.bias"].numpy())
    path.write_text(json.dumps({"weightsManifest": [{"weights": entries}]}))
    path.with_suffix(".bin").write_bytes(b"".join(data))


def test_every_tensor_finds_its_place(tmp_path: Path) -> None:
    torch.manual_seed(0)
    original = MoveNetBackbone()
    write_graph(tmp_path / "movenet.json", original)
    state = load_movenet(tmp_path / "movenet.json")
    expected = {n: tensor for n, tensor in original.state_dict().items() if not n.endswith(".range")}
    assert state.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(state[name], tensor.half().float()), name


def test_shapes_of_the_features() -> None:
    with torch.inference_mode():
        taps = MoveNetBackbone()(torch.zeros(1, 3, 64, 96))
    assert {name: tuple(tap.shape[1:]) for name, tap in taps.items()} == {
        "s4": (40, 16, 24),
        "s8": (48, 8, 12),
        "s16": (144, 4, 6),
        "s32": (480, 2, 3),
        "decoder": (24, 16, 24),
        "kpt_heatmap": (17, 16, 24),
        "kpt_regress": (34, 16, 24),
        "center": (1, 16, 24),
        "box_scale": (2, 16, 24),
    }


def test_strided_convolution_pads_like_tensorflow() -> None:
    conv = SameConv(1, 1, 3, stride=2, bias=False)
    torch.nn.init.ones_(conv.weight)
    image = torch.arange(16.0).view(1, 1, 4, 4)
    # SAME at stride 2 on an even size: windows start at 0 and 2, the last one reaches one row and column outside.
    expected = [
        [F.pad(image, (0, 1, 0, 1))[0, 0, r : r + 3, c : c + 3].sum().item() for c in (0, 2)] for r in (0, 2)
    ]
    assert conv(image)[0, 0].tolist() == expected


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "movenet.json"
    with pytest.raises(ModelError, match="not MoveNet MultiPose's TensorFlow.js graph"):
        load_movenet(path)
    path.write_text("{}")
    with pytest.raises(ModelError, match="not MoveNet MultiPose's TensorFlow.js graph"):
        load_movenet(path)
    write_graph(path, MoveNetBackbone(), leave_out=f"{FEATURES}conv2d/Conv2D/ReadVariableOp")
    with pytest.raises(ModelError, match="has no tensor .*conv2d/Conv2D"):
        load_movenet(path)
    path.with_suffix(".bin").write_bytes(b"short")
    with pytest.raises(ModelError, match="not MoveNet MultiPose's TensorFlow.js graph"):
        load_movenet(path)
