"""What HRNet and its light sister share: branches of falling resolution, and the exchange of features between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch.nn.functional as F
from torch import Tensor, nn

Path = Callable[[int, int], nn.Module]
"""The layers from one branch (the first number) to another, without enlarging."""


def exchanged(
    branches: Sequence[Tensor], path: Path, outputs: int | None = None, first_twice: bool = False
) -> list[Tensor]:
    """Each branch as the sum of all, brought to its resolution and channels (Sun et al. 2019, section 3).

    Args:
        branches: float (B, C_i, H / 2^i, W / 2^i).
        path: how features come from one branch to another; between resolutions that rise, the nearest cell is taken.
        outputs: how many branches to make, the first ones; None for all.
        first_twice: as PP-TinyPose has it: the first branch counts twice in its own sum, and the others see that sum in its
            place.

    Returns:
        ``outputs`` branches after a ReLU.
    """
    seen, sums = list(branches), []
    for to in range(len(branches) if outputs is None else outputs):
        total = 2 * seen[to] if first_twice and to == 0 else seen[to]
        for source, x in enumerate(seen):
            if source == to:
                continue
            x = path(source, to)(x)
            if source > to:
                x = F.interpolate(x, scale_factor=2.0 ** (source - to), mode="nearest")
            total = total + x
        if first_twice and to == 0:
            seen[0] = total
        sums.append(F.relu(total))
    return sums
