"""Eight-bit integers where they cost nothing: the 3 x 3 convolutions of the stages, a third of the network's time.

No pictures are needed to find the ranges: each of these convolutions takes the output of a batch norm and a ReLU, whose
mean and deviation on the training data are the batch norm's own parameters (as in data-free quantisation, Nagel et
al., arXiv 1906.04721). The backbone stays as it is: its channels differ too much in size for eight bits.
"""

from __future__ import annotations

from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from skelstream.network.paf import PafNetwork

# Standard deviations above a channel's mean that eight bits still hold.
_REACH = 6.0


class _RoundedConv(nn.Module):
    """A convolution whose input and weights are rounded to what eight bits hold; a runtime may compute in integers.

    Args:
        conv: with its batch norm folded in.
        highest: of the input, which is never below zero.
    """

    def __init__(self, conv: nn.Conv2d, highest: float):
        super().__init__()
        self.conv, self.step = conv, highest / 255
        steps = conv.weight.detach().abs().amax((1, 2, 3)).clamp(min=1e-8) / 127
        zero = torch.zeros(len(steps), dtype=torch.int32)
        self.register_buffer("steps", steps)
        self.register_buffer("zero", zero)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.fake_quantize_per_tensor_affine(x, self.step, 0, 0, 255)
        weight = torch.fake_quantize_per_channel_affine(self.conv.weight, self.steps, self.zero, 0, -127, 127)
        return F.conv2d(x, weight, self.conv.bias, padding=self.conv.padding, dilation=self.conv.dilation)


def quantised(network: PafNetwork) -> PafNetwork:
    """A copy of a trained network, to infer, with the stages' 3 x 3 convolutions rounded to eight bits."""
    network = deepcopy(network).eval()
    entrance = _highest(network.features.reduce)
    for stage in [*network.paf_stages, *network.confidence_stages]:
        highest = entrance if isinstance(stage.enter, nn.Identity) else _highest(stage.enter)
        for i, block in enumerate(stage.convs):
            conv, norm, relu = block
            stage.convs[i] = nn.Sequential(_RoundedConv(fuse_conv_bn_eval(conv, norm), highest), relu)
            highest = _highest(block)
    return network


def _highest(block: nn.Sequential) -> float:
    """What a convolution, batch norm and ReLU hardly ever exceed."""
    norm = block[1]
    return float((norm.bias + _REACH * norm.weight.abs()).detach().max())
