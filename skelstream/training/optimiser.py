"""AdamW with a rate of each channel's own, in few operations a step."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

# A channel of zeros would never learn.
_LEAST = 1e-3


class ScaledAdamW(torch.optim.Optimizer):
    """AdamW (Loshchilov and Hutter, arXiv 1711.05101) for tensors whose sizes differ by orders of magnitude.

    Folded batch norms leave tensors, and channels of one tensor, whose sizes differ by 10,000 and more, and Adam's steps
    know no size: a rate that suits one channel wipes out another.

    Args:
        params: what is trained.
        factors: by which the rate is multiplied, of each tensor's shape; see ``sizes``.
        weight_decay: part of a tensor that is taken off at a rate of 1.
    """

    def __init__(self, params: Sequence[Tensor], factors: Sequence[Tensor], weight_decay: float):
        settings = {"lr": 0.0, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": weight_decay}
        super().__init__([{"params": list(params), "steps": 0}], settings)
        self._factors = dict(zip(params, factors, strict=True))
        for p in params:
            self.state[p] = {"mean": torch.zeros_like(p), "square": torch.zeros_like(p)}

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One step at the group's ``lr``; a tensor without gradient stays as it is."""
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
    """How large each channel of a convolution's weights or biases is: its root mean square, in the parameter's shape."""
    squares = parameter.detach().square()
    if parameter.ndim > 1:
        squares = squares.mean(tuple(range(1, parameter.ndim)), keepdim=True)
    return squares.sqrt().clamp(min=_LEAST).expand_as(parameter).clone(memory_format=torch.preserve_format)
