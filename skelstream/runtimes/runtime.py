"""Protocol of a runtime, and the entries of the table of runtimes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from skelstream.network.part_maps import PartMaps
from skelstream.skeleton import Skeleton


class Runtime(Protocol):
    """Network ready to run; several threads may call it concurrently.

    Attributes:
        name: description of the runtime, its device and its precision.
        skeleton: joints and limbs of the maps.
        size_divisor: divisor of the input's height and width.
        stride: input pixels per cell of the maps.
        batch: preferred batch size.
        torch_threads: preferred number of torch threads beside this runtime; None for torch's default.
    """

    name: str
    skeleton: Skeleton
    size_divisor: int
    stride: int
    batch: int
    torch_threads: int | None

    def outputs(self, images: np.ndarray) -> tuple[torch.Tensor, ...]:
        """Return the network's outputs for uint8 RGB images (B, H, W, 3); the caller owns them."""
        ...

    def crops(self, crops: Iterable[np.ndarray]) -> list[tuple[torch.Tensor, ...]]:
        """Return the network's outputs of each crop, uint8 RGB (H, W, 3) of the network's size; the caller owns them."""
        ...

    def maps(self, images: np.ndarray) -> PartMaps:
        """Return the maps of uint8 RGB images (B, H, W, 3)."""
        ...


@dataclass(frozen=True)
class RuntimeEntry:
    """Entry of the table of runtimes; other packages add theirs as entry points of the group
    ``skelstream.runtimes``.

    Attributes:
        name: name on the command line.
        make: function from a network (on the CPU in float32, which it may change), a device and a precision
            (one of ``precisions`` or ``auto``) to the runtime. It may raise ModelError and MissingExtraError.
        precisions: supported precisions.
        devices: supported types of torch devices, the default one first; None for all.
        preferred: function that returns whether ``auto`` may choose this runtime.
        install: command that installs it; empty if it needs none.
        lazy: whether ``make`` takes a ``LazyNetwork`` instead, which it need not load if it keeps converted networks.
    """

    name: str
    make: Callable[[Any, torch.device, str], Runtime]
    precisions: tuple[str, ...]
    devices: tuple[str, ...] | None = None
    preferred: Callable[[], bool] = lambda: False
    install: str = ""
    lazy: bool = False
