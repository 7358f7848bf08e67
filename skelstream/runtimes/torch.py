"""The network under torch, on CUDA, MPS or the CPU."""

from __future__ import annotations

import threading

import numpy as np
import torch
from torch.nn.utils import convert_conv2d_weight_memory_format

from skelstream.network.architectures import CropNetwork, Network
from skelstream.network.part_maps import PartMaps
from skelstream.runtimes.cuda_graphs import ReplayedNetwork


class TorchRuntime:
    """The network under torch, channels-last.

    On a CPU, images run one after the other: an image's maps do not depend on what else is in the batch. Of several callers, one
    runs at a time.

    Args:
        network: it is moved to the device and to the precision.
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
        self._turn = threading.Lock()  # a graph has memory for one run, and one run takes all cores

    @torch.inference_mode()
    def outputs(self, images: np.ndarray) -> tuple[torch.Tensor, ...]:
        batch = torch.from_numpy(np.ascontiguousarray(images))
        if self.device.type == "cuda":
            batch = batch.pin_memory()
        batch = batch.to(self.device, non_blocking=True).permute(0, 3, 1, 2)  # NHWC memory is channels-last
        if self.device.type == "cuda":
            with self._turn:
                return self._network(batch)
        parts = batch.split(1) if self.device.type == "cpu" else [batch]
        with self._turn:
            rows = [_as_tuple(self._network(part.to(self._dtype))) for part in parts]
        return tuple(torch.cat(column) for column in zip(*rows, strict=True))

    def maps(self, images: np.ndarray) -> PartMaps:
        confidence, pafs = self.outputs(images)
        return PartMaps(confidence, pafs, self.stride)


def _as_tuple(outputs: torch.Tensor | tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    return (outputs,) if isinstance(outputs, torch.Tensor) else outputs
