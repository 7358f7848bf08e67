"""Exchange of features between branches of decreasing resolution, shared by HRNet and Lite-HRNet."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch.nn.functional as F
from torch import Tensor, nn

Path = Callable[[int, int], nn.Module]
"""Function from the numbers of two branches to the layers from the first to the second, without
upsampling."""


def exchanged(
    branches: Sequence[Tensor], path: Path, outputs: int | None = None, first_twice: bool = False
) -> list[Tensor]:
    """Return for each branch the sum of all branches, converted to its resolution and channels (Sun et al.
    2019, section 3).

    Args:
        branches: float (B, C_i, H / 2^i, W / 2^i), features of branch i.
        path: layers from one branch to another; towards higher resolutions nearest-neighbour upsampling
            follows.
        outputs: number of branches to return, the first ones; None for all.
        first_twice: whether, as in PP-TinyPose, the first branch counts twice in its own sum and that sum
            replaces it for the other branches.

    Returns:
        ``outputs`` branches after a ReLU.
    """
    inputs, sums = list(branches), []
    for to in range(len(branches) if outputs is None else outputs):
        total = 2 * inputs[to] if first_twice and to == 0 else inputs[to]
        for source, x in enumerate(inputs):
            if source == to:
                continue
            x = path(source, to)(x)
            if source > to:
                x = F.interpolate(x, scale_factor=2.0 ** (source - to), mode="nearest")
            total = total + x
        if first_twice and to == 0:
            inputs[0] = total
        sums.append(F.relu(total))
    return sums
