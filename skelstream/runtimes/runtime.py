"""What a runtime is: a network ready to run, and an entry of the table that says where it can."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from skelstream.network.architectures import CropNetwork, Network
from skelstream.network.part_maps import PartMaps
from skelstream.skeleton import Skeleton


class Runtime(Protocol):
    """A network ready to run; several threads may ask it at a time.

    Attributes:
        name: what it is and where it runs, for people to read.
        skeleton: the joints and limbs of its maps.
        size_divisor: its input's height and width are divisible by this.
        stride: input pixels per cell of its maps.
        batch: images per call that suit it.
        torch_threads: threads of torch's that suit the rest of the process beside it; None: as many as torch has.
    """

    name: str
    skeleton: Skeleton
    size_divisor: int
    stride: int
    batch: int
    torch_threads: int | None

    def outputs(self, images: np.ndarray) -> tuple[torch.Tensor, ...]:
        """The network's outputs for uint8 RGB images (B, H, W, 3), which are the caller's to keep."""
        ...

    def maps(self, images: np.ndarray) -> PartMaps:
        """The maps of uint8 RGB images (B, H, W, 3)."""
        ...


@dataclass(frozen=True)
class RuntimeEntry:
    """A runtime in the table of runtimes, or under the entry point ``skelstream.runtimes`` of another package.

    Attributes:
        name: as on the command line.
        make: a network (on the CPU in float32, the runtime's to change), a device and a precision, one of ``precisions`` or
            ``auto``, to the runtime. It may raise ModelError and MissingExtraError.
        precisions: what it can run in.
        devices: types of torch's devices that it runs on, the usual one first; None for all of them.
        preferred: whether ``auto`` takes it where the device and the precision allow.
        install: how to get it where it is missing.
    """

    name: str
    make: Callable[[Network | CropNetwork, torch.device, str], Runtime]
    precisions: tuple[str, ...]
    devices: tuple[str, ...] | None = None
    preferred: Callable[[], bool] = lambda: False
    install: str = ""
