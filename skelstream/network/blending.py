"""The mean of two sets of weights of one network: as good as either, and often better than both.

Weights before and after further training lie in one valley of the loss, and the mean of them keeps what the former knew
(Wortsman et al., "Robust fine-tuning of zero-shot models", arXiv 2109.01903).
"""

from __future__ import annotations

import torch
from torch import Tensor

from skelstream.errors import ModelError
from skelstream.network.model_file import ModelFile
from skelstream.network.ranged_conv import ranged
from skelstream.network.weights import load_network


def blend(first: ModelFile, second: ModelFile, share: float) -> dict[str, Tensor]:
    """The weighted mean of two networks' weights.

    Args:
        first, second: of the same architecture with the same settings.
        share: of the second one, from 0 to 1.

    Returns:
        A state dict, float16 where it was floating-point, which takes half the room and costs no accuracy; the ranges
        for eight bits span both networks'.

    Raises:
        ModelError: the networks differ, or the share is out of range.
    """
    if not 0 <= share <= 1:
        raise ModelError(f"a share of {share} is not between 0 and 1")
    if (first.architecture, first.config) != (second.architecture, second.config):
        raise ModelError(
            f"{second.path}: of another network ({second.architecture}, {second.config}) than {first.path}"
            f" ({first.architecture}, {first.config})"
        )
    networks = load_network(first), load_network(second)
    a, b = (network.state_dict() for network in networks)
    ranges = {f"{name}.range" for name in ranged(networks[0])}
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
