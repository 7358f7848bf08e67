"""AdamW with a rate of each tensor's own, in few operations a step."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class ScaledAdamW(torch.optim.Optimizer):
    """AdamW (Loshchilov and Hutter, arXiv 1711.05101) for tensors whose sizes differ by orders of magnitude.

    Folded batch norms leave tensors whose sizes differ by 10,000 and more, and Adam's steps know no size: a rate that
    suits one tensor wipes out another.

    Args:
        params: what is trained.
        factors: of each tensor, by which the rate is multiplied; its root mean square, say.
        weight_decay: part of a tensor that is taken off at a rate of 1.
    """

    def __init__(self, params: Sequence[Tensor], factors: Sequence[float], weight_decay: float):
        settings = {"lr": 0.0, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": weight_decay}
        super().__init__([{"params": list(params), "factors": list(factors), "steps": 0}], settings)
        for p in params:
            self.state[p] = {"mean": torch.zeros_like(p), "square": torch.zeros_like(p)}

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """One step at the group's ``lr``; a tensor without gradient stays as it is."""
        (group,) = self.param_groups
        group["steps"] += 1
        (beta, gamma), eps, decay, rate = (group[n] for n in ("betas", "eps", "weight_decay", "lr"))
        given = [(p, f) for p, f in zip(group["params"], group["factors"], strict=True) if p.grad is not None]
        params = [p for p, _ in given]
        rates = [rate * factor for _, factor in given]
        gradients: list[Tensor] = [p.grad for p in params]  # type: ignore[misc]
        means = [self.state[p]["mean"] for p in params]
        squares = [self.state[p]["square"] for p in params]
        torch._foreach_lerp_(means, gradients, 1 - beta)
        torch._foreach_mul_(squares, gamma)
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - gamma)
        below = torch._foreach_div(squares, 1 - gamma ** group["steps"])
        torch._foreach_sqrt_(below)
        torch._foreach_add_(below, eps)
        change = torch._foreach_div(means, below)
        torch._foreach_mul_(change, [-r / (1 - beta ** group["steps"]) for r in rates])
        torch._foreach_mul_(params, [1 - r * decay for r in rates])
        torch._foreach_add_(params, change)
