"""AdamW with a learning rate per channel, in few operations per step."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

# Least size of a channel: a channel of zeros would never learn.
_LEAST = 1e-3


class ScaledAdamW(torch.optim.Optimizer):
    """AdamW (Loshchilov and Hutter, arXiv 1711.05101) for tensors whose sizes differ by orders of magnitude.

    Folded batch norms leave tensors, and channels of one tensor, whose sizes differ by 10,000 and more.
    Adam's steps do not depend on size: a rate that suits one channel destroys another.

    Args:
        params: the tensors to train.
        factors: factor of the rate for each element of each tensor; see ``sizes``.
        weight_decay: part of a tensor that is subtracted per step at a rate of 1.
    """

    def __init__(self, params: Sequence[Tensor], factors: Sequence[Tensor], weight_decay: float):
        settings = {"lr": 0.0, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": weight_decay}
        super().__init__([{"params": list(params), "steps": 0}], settings)
        self._factors = dict(zip(params, factors, strict=True))
        for p in params:
            self.state[p] = {"mean": torch.zeros_like(p), "square": torch.zeros_like(p)}

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Do one step at the group's ``lr``; a tensor without gradient does not change."""
        (group,) = self.param_groups
        group["steps"] += 1
        (beta, gamma), eps, decay, rate = (group[n] for n in ("betas", "eps", "weight_decay", "lr"))
        params = [p for p in group["params"] if p.grad is not None]
        gradients: list[Tensor] = [p.grad for p in params]
        factors = [self._factors[p] for p in params]
        means = [self.state[p]["mean"] for p in params]
        squares = [self.state[p]["square"] for p in params]
        torch._foreach_lerp_(means, gradients, 1 - beta)
        torch._foreach_mul_(squares, gamma)
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - gamma)
        below = torch._foreach_div(squares, 1 - gamma ** group["steps"])
        torch._foreach_sqrt_(below)
        torch._foreach_add_(below, eps)
        change = torch._foreach_div(means, below)
        torch._foreach_div_(change, 1 - beta ** group["steps"])
        torch._foreach_add_(change, params, alpha=decay)
        torch._foreach_addcmul_(params, change, factors, -rate)


def sizes(parameter: Tensor) -> Tensor:
    """Return the root mean square of each channel of weights or biases, in the parameter's shape."""
    squares = parameter.detach().square()
    if parameter.ndim > 1:
        squares = squares.mean(tuple(range(1, parameter.ndim)), keepdim=True)
    return squares.sqrt().clamp(min=_LEAST).expand_as(parameter).clone(memory_format=torch.preserve_format)
