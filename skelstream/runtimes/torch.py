"""Torch runtime, on CUDA, MPS or the CPU."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import numpy as np
import torch
from torch.nn.utils import convert_conv2d_weight_memory_format

from skelstream.network.architectures import CropNetwork, Network
from skelstream.network.part_maps import PartMaps
from skelstream.runtimes.cuda_graphs import ReplayedNetwork


class TorchRuntime:
    """Network run by torch in channels-last memory format, one caller at a time.

    On a CPU, images run one after the other, so that the maps of an image do not depend on the rest of the
    batch.

    Args:
        network: the network, which is moved to the device and the precision.
        device: device to run on.
        precision: ``float32``, ``bfloat16``, ``float16``, or ``auto``: float16 on CUDA, float32 elsewhere.
    """

    torch_threads: int | None = None

    def __init__(self, network: Network | CropNetwork, device: torch.device, precision: str = "auto"):
        if precision == "auto":
            precision = "float16" if device.type == "cuda" else "float32"
        self.device = device
        self.skeleton, self.size_divisor = network.skeleton, network.size_divisor
        self.batch = 16 if device.type == "cuda" else 1
        self.name = f"torch, {device}, {precision}"
        self._dtype: torch.dtype = getattr(torch, precision)
        self.stride = network.stride
        network = network.eval().to(device, self._dtype)
        convert_conv2d_weight_memory_format(network, torch.channels_last)
        self._network = ReplayedNetwork(network, self._dtype) if device.type == "cuda" else network
        self._lock = threading.Lock()  # a graph has memory for one run, and one run takes all cores

    @torch.inference_mode()
    def outputs(self, images: np.ndarray) -> tuple[torch.Tensor, ...]:
        """Return the network's outputs for uint8 RGB images (B, H, W, 3)."""
        batch = torch.from_numpy(np.ascontiguousarray(images))
        if self.device.type == "cuda":
            batch = batch.pin_memory()
        batch = batch.to(self.device, non_blocking=True).permute(0, 3, 1, 2)  # NHWC memory is channels-last
        if self.device.type == "cuda":
            with self._lock:
                return self._network(batch)
        parts = batch.split(1) if self.device.type == "cpu" else [batch]
        with self._lock:
            rows = [_as_tuple(self._network(part.to(self._dtype))) for part in parts]
        return tuple(torch.cat(column) for column in zip(*rows, strict=True))

    def crops(self, crops: Iterable[np.ndarray]) -> list[tuple[torch.Tensor, ...]]:
        """Return the network's outputs of each crop, uint8 RGB (H, W, 3)."""
        outputs = self.outputs(np.stack(list(crops)))
        return list(zip(*(output.split(1) for output in outputs), strict=True))

    def maps(self, images: np.ndarray) -> PartMaps:
        """Return the maps of uint8 RGB images (B, H, W, 3)."""
        confidence, pafs = self.outputs(images)
        return PartMaps(confidence, pafs, self.stride)


def _as_tuple(outputs: torch.Tensor | tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    return (outputs,) if isinstance(outputs, torch.Tensor) else outputs
