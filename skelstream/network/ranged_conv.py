"""Convolutions that record the range of their input channels, which quantisation to eight bits needs."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn


class RangedConv(nn.Conv2d):
    """Convolution with the range of each input channel, for ``network.quantised``.

    Attributes:
        range: float32 (2, inputs), least and greatest value of each channel on the images of
            ``measure_ranges``, including zero; all zero before they are measured.
    """

    range: Tensor

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        padding: int = 0,
        dilation: int = 1,
        bias: bool = True,
    ):
        super().__init__(inputs, outputs, kernel, padding=padding, dilation=dilation, bias=bias)
        self.register_buffer("range", torch.zeros(2, inputs))


def ranged_convs(network: nn.Module) -> dict[str, RangedConv]:
    """Return the network's convolutions with ranges, by name."""
    return {name: module for name, module in network.named_modules() if isinstance(module, RangedConv)}


def measure_ranges(network: nn.Module, images: Iterable[Tensor]) -> None:
    """Measure the ranges on images, float (B, 3, H, W) RGB in [0, 255] on the network's device."""
    convs = list(ranged_convs(network).values())
    for conv in convs:
        conv.range.zero_()
    handles = [conv.register_forward_pre_hook(_widen) for conv in convs]
    training = network.training
    network.eval()
    try:
        with torch.no_grad():
            for image in images:
                network(image)
    finally:
        network.train(training)
        for handle in handles:
            handle.remove()


def _widen(conv: RangedConv, inputs: tuple[Tensor]) -> None:
    x = inputs[0].float()
    conv.range[0] = torch.minimum(conv.range[0], x.amin((0, 2, 3)))
    conv.range[1] = torch.maximum(conv.range[1], x.amax((0, 2, 3)))
