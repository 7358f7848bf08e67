"""Blending: the weighted mean of two sets of weights of one network, often better than both.

Weights before and after fine-tuning lie in one valley of the loss, and their mean keeps what the former had
learnt (Wortsman et al., "Robust fine-tuning of zero-shot models", arXiv 2109.01903).
"""

from __future__ import annotations

import torch
from torch import Tensor

from skelstream.errors import ModelError
from skelstream.network.model_file import ModelFile
from skelstream.network.ranged_conv import ranged_convs
from skelstream.network.weights import load_network


def blend(first: ModelFile, second: ModelFile, share: float) -> dict[str, Tensor]:
    """Return the weighted mean of two networks' weights.

    Args:
        first, second: weights files of the same architecture and settings.
        share: share of the second network, from 0 to 1.

    Returns:
        State dict, with floating-point tensors as float16, which halves the size and costs no accuracy; the
        ranges for eight bits span both networks' ranges.

    Raises:
        ModelError: the networks differ, or the share is out of range.
    """
    if not 0 <= share <= 1:
        raise ModelError(f"a share of {share} is not between 0 and 1")
    if (first.architecture, first.config) != (second.architecture, second.config):
        raise ModelError(
            f"{second.path}: another network ({second.architecture}, {second.config}) than in {first.path}"
            f" ({first.architecture}, {first.config}); blend two files of one network"
        )
    networks = load_network(first), load_network(second)
    a, b = (network.state_dict() for network in networks)
    ranges = {f"{name}.range" for name in ranged_convs(networks[0])}
    result = {}
    for name, tensor in a.items():
        if name in ranges:
            low, high = torch.minimum(tensor[0], b[name][0]), torch.maximum(tensor[1], b[name][1])
            result[name] = torch.stack([low, high]).half()
        elif tensor.is_floating_point():
            result[name] = torch.lerp(tensor, b[name], share).half()
        else:
            result[name] = b[name]
    return result
