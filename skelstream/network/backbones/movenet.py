"""MoveNet MultiPose's backbone, decoder and keypoint heads as a backbone pretrained on poses.

The graph is a MobileNetV2 x 1.5 with a feature-pyramid decoder to stride 4 (Votel and Li, "Next-Generation
Pose Detection with MoveNet", 2021), with batch norms folded into the convolutions. It is read from the
TensorFlow.js files ``movenet-multipose.json`` and ``.bin``.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skelstream.errors import ModelError
from skelstream.network.backbones.backbone import Backbone
from skelstream.network.ranged_conv import RangedConv

# MobileNetV2's inverted residuals at width 1.5: (expansion, output channels, stride) from the second block
# on.
_BLOCKS = [
    (6, 40, 2), (6, 40, 1),
    (6, 48, 2), (6, 48, 1), (6, 48, 1),
    (6, 96, 2), (6, 96, 1), (6, 96, 1), (6, 96, 1),
    (6, 144, 1), (6, 144, 1), (6, 144, 1),
    (6, 240, 2), (6, 240, 1), (6, 240, 1), (6, 480, 1),
]  # fmt: skip
# Last block that uses strides below 16. Up to it, rounding to eight bits costs more than it saves.
_LAST_FLOAT_BLOCK = 6
_HEADS = {"kpt_heatmap": 17, "kpt_regress": 34, "center": 1, "box_scale": 2}


class SameConv(nn.Conv2d):
    """Convolution with TensorFlow's SAME padding: at stride 2 the extra row and column are at the end.

    Height and width of the input must be divisible by the stride.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, bias: bool = True
    ):
        symmetric = kernel // 2 if stride == 1 else 0
        super().__init__(inputs, outputs, kernel, stride, symmetric, groups=groups, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        if self.stride[0] == 2:
            input = F.pad(input, (0, 1, 0, 1))
        return super().forward(input)


class _InvertedResidual(nn.Module):
    def __init__(
        self, inputs: int, outputs: int, expansion: int, stride: int, conv: type[nn.Conv2d] = nn.Conv2d
    ):
        super().__init__()
        hidden = inputs * expansion
        self.expand = conv(inputs, hidden, 1) if expansion > 1 else None
        self.depthwise = SameConv(hidden, hidden, 3, stride, groups=hidden)
        self.project = conv(hidden, outputs, 1)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.expand is None else F.relu6(self.expand(x))
        y = self.project(F.relu6(self.depthwise(y)))
        return x + y if self.residual else y


class _Separable(nn.Module):
    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.depthwise = SameConv(inputs, inputs, 3, groups=inputs, bias=False)
        self.pointwise = SameConv(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.pointwise(self.depthwise(x)))


class _Head(nn.Module):
    def __init__(self, outputs: int):
        super().__init__()
        self.separable = _Separable(24, 96)
        self.out = SameConv(96, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.separable(x))


class MoveNetBackbone(Backbone):
    """Backbone with features at strides 4 to 32 and MoveNet's keypoint, centre and offset maps at stride 4.

    The input is float (B, 3, H, W) RGB in [0, 255], H and W divisible by 32.
    """

    channels = (40 + 24 + 17 + 1, 48 + 34 + 2, 144, 480)
    normalisation = "RGB, x / 127.5 - 1"
    start_suffix = ".json"

    def __init__(self) -> None:
        super().__init__()
        self.stem = SameConv(3, 48, 3, 2)
        blocks, inputs = [_InvertedResidual(48, 24, 1, 1)], 24
        for i, (expansion, outputs, stride) in enumerate(_BLOCKS, 1):
            conv = RangedConv if i > _LAST_FLOAT_BLOCK else nn.Conv2d
            blocks.append(_InvertedResidual(inputs, outputs, expansion, stride, conv))
            inputs = outputs
        self.blocks = nn.ModuleList(blocks)
        self.last = RangedConv(480, 1280, 1)
        self.top = RangedConv(1280, 64, 1)
        self.laterals = nn.ModuleList([SameConv(96, 64, 1), SameConv(48, 32, 1), SameConv(40, 24, 1)])
        self.merges = nn.ModuleList([_Separable(64, 32), _Separable(32, 24), _Separable(24, 24)])
        self.heads = nn.ModuleDict({name: _Head(channels) for name, channels in _HEADS.items()})

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Return ``s4`` (40 channels), ``s8`` (48), ``s16`` (144), ``s32`` (480), ``decoder`` (24, stride 4)
        and MoveNet's heads (stride 4)."""
        x = F.relu6(self.stem(image / 127.5 - 1))
        taps = {}
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in (2, 5, 9, 12):
                taps[i] = x
        y = self.top(F.relu6(self.last(x)))
        for tap, lateral, merge in zip((9, 5, 2), self.laterals, self.merges, strict=True):
            y = F.interpolate(y, scale_factor=2, mode="bilinear", align_corners=False)
            y = merge(y + lateral(taps[tap]))
        return {"s4": taps[2], "s8": taps[5], "s16": taps[12], "s32": x, "decoder": y} | {
            name: head(y) for name, head in self.heads.items()
        }

    def features(self, image: Tensor) -> tuple[tuple[Tensor, ...], Tensor | None]:
        maps = self(image)
        logits = maps["kpt_heatmap"]
        s4 = torch.cat([maps["s4"], maps["decoder"], logits.sigmoid(), maps["center"].sigmoid()], 1)
        # Offsets and box sizes vary slowly over the image: half resolution loses nothing.
        smooth = torch.cat([maps["kpt_regress"], maps["box_scale"]], 1)
        s8 = torch.cat([maps["s8"], F.avg_pool2d(smooth, 2)], 1)
        return (s4, s8, maps["s16"], maps["s32"]), logits

    @classmethod
    def start(cls, path: Path) -> dict[str, Tensor]:
        return load_movenet(path)


def _tensors(path: Path) -> dict[str, np.ndarray]:
    manifest = json.loads(path.read_text())["weightsManifest"]
    data, offset, tensors = path.with_suffix(".bin").read_bytes(), 0, {}
    for entry in (weight for group in manifest for weight in group["weights"]):
        stored = np.dtype(entry.get("quantization", entry)["dtype"])
        count = int(np.prod(entry["shape"]))
        array = np.frombuffer(data, stored, count, offset).reshape(entry["shape"])
        offset += count * stored.itemsize
        tensors[entry["name"].removeprefix("StatefulPartitionedCall/")] = array.astype(entry["dtype"])
    return tensors


def load_movenet(path: Path) -> dict[str, Tensor]:
    """Read the state dict of a MoveNetBackbone from MoveNet MultiPose's TensorFlow.js files.

    Args:
        path: ``movenet-multipose.json``, with its ``.bin`` beside it.

    Raises:
        ModelError: a file is missing or is not that graph.
    """
    try:
        tensors = _tensors(path)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{path}: not MoveNet MultiPose's TensorFlow.js graph with its .bin beside it ({error})"
        ) from None
    features = "center_net_mobile_net_v2fpn_feature_extractor/model_1"
    state: dict[str, Tensor] = {}

    def put(name: str, weight: str, bias: str | None, depthwise: bool = False) -> None:
        # TensorFlow: (height, width, in, out), depthwise (height, width, in, 1); torch: (out, in / groups,
        # height, width).
        order = (2, 3, 0, 1) if depthwise else (3, 2, 0, 1)
        state[f"{name}.weight"] = torch.from_numpy(tensors[weight].transpose(order).copy())
        if bias is not None:
            state[f"{name}.bias"] = torch.from_numpy(tensors[bias].copy())

    def folded(name: str, layer: str, depthwise: bool = False) -> None:
        kind = "depthwise" if depthwise else "Conv2D"
        put(
            name,
            f"{features}/model/{layer}/{kind}_weights",
            f"{features}/model/{layer}/{kind}_bn_offset",
            depthwise,
        )

    def plain(name: str, layer: str) -> None:
        put(name, f"{layer}/Conv2D/ReadVariableOp", f"{layer}/BiasAdd/ReadVariableOp")

    try:
        folded("stem", "Conv1")
        for i in range(len(_BLOCKS) + 1):
            prefix = f"block_{i}_" if i else "expanded_conv_"
            if i:
                folded(f"blocks.{i}.expand", f"{prefix}expand")
            folded(f"blocks.{i}.depthwise", f"{prefix}depthwise", depthwise=True)
            folded(f"blocks.{i}.project", f"{prefix}project")
        folded("last", "Conv_1")
        plain("top", f"{features}/conv2d")
        for i in range(3):
            plain(f"laterals.{i}", f"{features}/conv2d_{i + 1}")
            layer = f"{features}/separable_conv2d{f'_{i}' if i else ''}/separable_conv2d"
            put(f"merges.{i}.depthwise", f"{layer}/ReadVariableOp", None, depthwise=True)
            put(f"merges.{i}.pointwise", f"{layer}_weights", f"{layer}_bn_offset")
        numbers = {"center": (3, 4), "box_scale": (4, 5), "kpt_heatmap": (6, 7), "kpt_regress": (7, 8)}
        for head in _HEADS:
            separable, out = numbers[head]
            layer = f"{head}_0/separable_conv2d_{separable}"
            put(
                f"heads.{head}.separable.depthwise",
                f"{layer}/separable_conv2d/ReadVariableOp",
                None,
                depthwise=True,
            )
            put(
                f"heads.{head}.separable.pointwise",
                f"{layer}/separable_conv2d/ReadVariableOp_1",
                f"{layer}/BiasAdd/ReadVariableOp",
            )
            plain(f"heads.{head}.out", f"{head}_0/conv2d_{out}")
    except KeyError as error:
        raise ModelError(f"{path}: the graph has no tensor {error}; it is not MoveNet MultiPose") from None
    return state
