"""Top-down network without channel shuffles, for inference: the same heatmaps in two thirds of the time.

A shuffle unit changes one half of its channels and interleaves both halves (Ma et al., ShuffleNetV2, ECCV
2018, section 3.2). Here channels stay in place: the position of each original channel is computed beforehand,
and the weights of each convolution are arranged accordingly. Channels that a unit does not use have zero
weights, and channels that it passes through have zero added. That costs two fifths more multiplications and
saves all copies.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skelstream.network.backbones.lite_hrnet import CHANNELS, STEM
from skelstream.network.ranged_conv import RangedConv
from skelstream.network.top_down import TopDownNetwork


@torch.no_grad()
def unshuffled(network: TopDownNetwork) -> TopDownNetwork:
    """Return a copy of a network that gives the same heatmaps except for rounding. The copy cannot be
    trained."""
    network = deepcopy(network).eval()
    backbone: Any = network.backbone
    # For each branch, the position of each original channel; the second branch begins at the stem.
    places = [torch.arange(CHANNELS[0])]
    lowest = torch.arange(STEM)
    backbone.stem = _Stem(backbone.stem)
    for channels, stage in zip(CHANNELS[1:], backbone.stages, strict=True):
        places.append(torch.arange(channels))
        stage.begin = _moved(stage.begin, lowest, places[-1])
        for exchange in stage.exchanges:
            for branch, units in enumerate(exchange.units):
                for i, unit in enumerate(units):
                    units[i] = _Unit(unit, places[branch])
                    places[branch] = _dealt(places[branch])
            for name, path in exchange.paths.items():
                source, to = map(int, name.split("_"))
                exchange.paths[name] = _moved(path, places[source], places[to])
        lowest = places[-1]
    ends = [*places[-2::-1], torch.arange(CHANNELS[0])]
    for i, (begin, end) in enumerate(zip(places[::-1], ends, strict=True)):
        network.merges[i] = _moved(network.merges[i], begin, end)
    return network


class _Unit(nn.Module):
    """Shuffle unit that overwrites the channels that it changes.

    Args:
        unit: the original unit.
        places: int (C,), positions of its channels.
    """

    kept: Tensor

    def __init__(self, unit: Any, places: Tensor):
        super().__init__()
        changed = places[len(places) // 2 :]
        self.convs = _moved(unit.convs, changed, changed, len(places), len(places))[:-1]
        kept = torch.ones(len(places), 1, 1)
        kept[changed] = 0
        self.register_buffer("kept", kept)

    def forward(self, x: Tensor) -> Tensor:
        # Features are not negative, so the ReLU leaves the passed channels unchanged.
        return F.relu(self.convs(x) + x * self.kept)


class _Stem(nn.Module):
    """Stem whose two paths each write to every second channel."""

    def __init__(self, stem: Any):
        super().__init__()
        self.enter = stem.enter
        every = torch.arange(STEM)
        (from_near, from_far), (to_near, to_far) = every.chunk(2), (every[::2], every[1::2])
        self.near = _moved(stem.near, from_near, to_near, STEM, STEM)[:-1]
        self.far = _moved(stem.far, from_far, to_far, STEM, STEM)[:-1]

    def forward(self, image: Tensor) -> Tensor:
        x = self.enter(image)
        return F.relu(self.near(x) + self.far(x))


def _dealt(places: Tensor) -> Tensor:
    """Return the channels' positions after a shuffle (both halves interleaved) that moved nothing."""
    return torch.stack(places.chunk(2), 1).flatten()


def _moved(
    path: nn.Module,
    inputs: Tensor,
    outputs: Tensor,
    width_in: int | None = None,
    width_out: int | None = None,
) -> nn.Sequential:
    """Return a path's layers for channels at other positions.

    Args:
        path: layers in sequence.
        inputs, outputs: int, positions of the path's input and output channels.
        width_in, width_out: total numbers of channels; other channels are ignored, and are zero in the
            output. None for the number of positions.
    """
    layers = [layer for layer in path.modules() if not isinstance(layer, nn.Sequential)]
    last = max(i for i, layer in enumerate(layers) if isinstance(layer, nn.Conv2d))
    width, moved = width_in or len(inputs), []
    for i, layer in enumerate(layers):
        if isinstance(layer, nn.Conv2d):
            if layer.groups > 1:  # depthwise
                places, after = inputs, width
            elif i < last:
                places, after = torch.arange(layer.out_channels), layer.out_channels
            else:
                places, after = outputs, width_out or len(outputs)
            layer = _laid_out(layer, inputs, places, width, after)
            inputs, width = places, after
        moved.append(layer)
    return nn.Sequential(*moved)


def _laid_out(conv: nn.Conv2d, inputs: Tensor, outputs: Tensor, width_in: int, width_out: int) -> nn.Conv2d:
    """Return a convolution whose channels are at positions ``inputs`` and ``outputs`` of a total number
    each."""
    depthwise = conv.groups > 1
    kernel, stride, padding = conv.kernel_size[0], conv.stride[0], conv.padding[0]
    if isinstance(conv, RangedConv):
        result: nn.Conv2d = RangedConv(width_in, width_out, kernel)  # 1 x 1, as all of them here
        result.range[:, inputs] = conv.range
    else:
        result = nn.Conv2d(width_in, width_out, kernel, stride, padding, groups=width_in if depthwise else 1)
    assert conv.bias is not None and result.bias is not None
    for values in (result.weight, result.bias):
        values.zero_()
    result.weight[(outputs,) if depthwise else (outputs[:, None], inputs)] = conv.weight
    result.bias[outputs] = conv.bias
    return result
