"""Where the network runs: torch on CUDA, MPS or CPU."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch

from skelstream.errors import ModelError
from skelstream.network.maps import PartMaps
from skelstream.network.paf import MULTIPLE, PafNetwork
from skelstream.skeleton import Skeleton


class Runtime(Protocol):
    """A network ready to run.

    Attributes:
        name: what it is and where it runs, for people to read.
        skeleton: the joints and limbs of its maps.
        multiple: its input's height and width are divisible by this.
        batch: images per call that suit it.
    """

    name: str
    skeleton: Skeleton
    multiple: int
    batch: int

    def maps(self, images: np.ndarray) -> PartMaps:
        """The maps of uint8 RGB images (B, H, W, 3)."""


class TorchRuntime:
    """The network under torch: half precision and channels-last on CUDA, float32 elsewhere."""

    def __init__(self, network: PafNetwork, device: torch.device):
        self.device = device
        self.skeleton, self.multiple = network.skeleton, MULTIPLE
        self.half = device.type == "cuda"
        self.batch = 16 if device.type == "cuda" else 1
        self.name = f"torch, {device}, {'float16' if self.half else 'float32'}"
        self._dtype = torch.float16 if self.half else torch.float32
        self._network = network.eval().to(device, self._dtype, memory_format=torch.channels_last)

    def maps(self, images: np.ndarray) -> PartMaps:
        batch = torch.from_numpy(np.ascontiguousarray(images))
        if self.half:
            batch = batch.pin_memory()
        batch = batch.to(self.device, non_blocking=True).permute(0, 3, 1, 2)  # NHWC memory is channels-last
        return self._network.maps(batch.to(self._dtype))


def choose_device(name: str = "auto") -> torch.device:
    """``auto`` is CUDA, then MPS, then the CPU; otherwise a torch device name.

    Raises:
        ModelError: no such device here.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"device {name!r} cannot be used here ({reason}); try --device cpu") from None
    return device
