"""How to feed a graph of another project."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class GraphInput:
    """How to feed a graph.

    Attributes:
        height, width: size of an image in pixels.
        mean, std: mean to subtract and deviation to divide by, for values from 0 to 255, in the order of ``colour``.
        colour: order of the input channels, ``rgb`` or ``bgr``.
    """

    height: int
    width: int
    mean: Sequence[float]
    std: Sequence[float]
    colour: str = "rgb"
