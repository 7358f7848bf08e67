"""Quantisation to eight-bit integers where it costs almost no accuracy: the stages and MoveNet's 1 x 1
convolutions.

A tensor has one quantisation step, but channels of a network with folded batch norms differ a thousandfold in
magnitude, so that plain rounding would lose the small ones. Dividing each input channel of a convolution by
its own factor and multiplying its weights by the same factor changes only the rounding (Xiao et al.,
"SmoothQuant", arXiv 2211.10438, section 4). The ranges of the channels are stored with the weights
(``network.ranged_conv``); no images are needed.
"""

from __future__ import annotations

from copy import deepcopy
from itertools import pairwise
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from skelstream.errors import ModelError
from skelstream.network.ranged_conv import RangedConv, ranged_convs
from skelstream.network.top_down import TopDownNetwork

# SmoothQuant's alpha: the exponent by which differences between input channels move into the weights.
_ALPHA = 0.75
# Weights use seven bits: CPUs without VNNI add two products in 16 bits, where 2 x 255 x 127 would overflow.
_HIGHEST_WEIGHT = 63


_Network = TypeVar("_Network", bound=nn.Module)


class _RoundedConv(nn.Module):
    """Convolution whose input and weights are rounded to eight bits, so that a runtime may compute in
    integers.

    Args:
        conv: convolution with its batch norm folded in, and with its ranges.
        lowest: least of the integers that signed values are rounded to.
    """

    inverse: Tensor
    weight: Tensor
    steps: Tensor
    zero: Tensor

    def __init__(self, conv: RangedConv, lowest: int):
        super().__init__()
        self.bias, self.padding, self.dilation = conv.bias, conv.padding, conv.dilation
        low, high = conv.range
        reach = torch.maximum(-low, high).clamp(min=1e-6)
        size = reach**_ALPHA
        size *= (reach / size).max()  # the input divided by its size lies in [-1, 1]
        self.lowest, self.highest = (lowest, 127) if (low < 0).any() else (0, 255)
        weight = conv.weight.detach() * size[:, None, None]
        steps = weight.abs().amax((1, 2, 3)).clamp(min=1e-8) / _HIGHEST_WEIGHT
        self.register_buffer("inverse", 1 / size[:, None, None])
        self.register_buffer("weight", weight)
        self.register_buffer("steps", steps)
        self.register_buffer("zero", torch.zeros(len(steps), dtype=torch.int32))

    def forward(self, x: Tensor) -> Tensor:
        step = 1 / self.highest
        x = torch.fake_quantize_per_tensor_affine(x * self.inverse, step, 0, self.lowest, self.highest)
        # Runtimes recognise eight-bit integers by these limits, even if no weight comes near them.
        weight = torch.fake_quantize_per_channel_affine(self.weight, self.steps, self.zero, 0, -127, 127)
        return F.conv2d(x, weight, self.bias, padding=self.padding, dilation=self.dilation)


def has_ranges(network: nn.Module) -> bool:
    """Return whether the network can be quantised: it has ranges, and they were measured."""
    convs = ranged_convs(network).values()
    return bool(convs) and all(conv.range.any() for conv in convs)


def quantised(network: _Network) -> _Network:
    """Return a copy of a trained network, for inference, whose convolutions with ranges are rounded to eight
    bits.

    Raises:
        ModelError: the network has no ranges.
    """
    if not has_ranges(network):
        raise ModelError(
            "the weights lack the channel ranges that int8 needs; use float32, or train them further"
        )
    network = deepcopy(network).eval()
    # OpenVINO computes with signed integers only if there are 256 of them; with 255 its maps are rougher than asked for.
    # Detection's thresholds were chosen with 255.
    lowest = -128 if isinstance(network, TopDownNetwork) else -127
    for parent in list(network.modules()):
        children: list[tuple[str, nn.Module | None]] = [*parent.named_children(), ("", None)]
        for (name, conv), (after, norm) in pairwise(children):
            if not isinstance(conv, RangedConv):
                continue
            if isinstance(parent, nn.Sequential) and isinstance(norm, nn.BatchNorm2d):
                conv = fuse_conv_bn_eval(conv, norm)
                setattr(parent, after, nn.Identity())
            setattr(parent, name, _RoundedConv(conv, lowest))
    return network
