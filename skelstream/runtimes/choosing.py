"""Where the network runs: torch on CUDA, MPS or CPU, or OpenVINO on CPU."""

from __future__ import annotations

import importlib.util
import platform
from typing import Protocol

import numpy as np
import torch

from skelstream.errors import ModelError
from skelstream.network.architectures import Network
from skelstream.network.maps import PartMaps
from skelstream.network.topdown import TopDownNetwork
from skelstream.runtimes.cuda_graphs import ReplayedNetwork
from skelstream.skeleton import Skeleton

RUNTIMES = ("auto", "torch", "openvino")
PRECISIONS = ("auto", "float32", "bfloat16", "float16", "int8")


class Runtime(Protocol):
    """A network ready to run.

    Attributes:
        name: what it is and where it runs, for people to read.
        skeleton: the joints and limbs of its maps.
        multiple: its input's height and width are divisible by this.
        stride: input pixels per cell of its maps.
        batch: images per call that suit it.
    """

    name: str
    skeleton: Skeleton
    multiple: int
    stride: int
    batch: int

    def outputs(self, images: np.ndarray) -> tuple[torch.Tensor, ...]:
        """The network's outputs for uint8 RGB images (B, H, W, 3)."""

    def maps(self, images: np.ndarray) -> PartMaps:
        """The maps of uint8 RGB images (B, H, W, 3)."""


class TorchRuntime:
    """The network under torch, channels-last.

    On a CPU, images run one after the other: an image's maps do not depend on what else is in the batch.

    Args:
        network: it is moved to the device and to the precision.
        precision: ``float32``, ``bfloat16``, ``float16``, or ``auto``: float16 on CUDA, float32 elsewhere.
    """

    def __init__(self, network: Network | TopDownNetwork, device: torch.device, precision: str = "auto"):
        if precision == "auto":
            precision = "float16" if device.type == "cuda" else "float32"
        self.device = device
        self.skeleton, self.multiple = network.skeleton, network.multiple
        self.batch = 16 if device.type == "cuda" else 1
        self.name = f"torch, {device}, {precision}"
        self._dtype: torch.dtype = getattr(torch, precision)
        self.stride = network.stride
        network = network.eval().to(device, self._dtype, memory_format=torch.channels_last)
        self._network = ReplayedNetwork(network, self._dtype) if device.type == "cuda" else network

    @torch.inference_mode()
    def outputs(self, images: np.ndarray) -> tuple[torch.Tensor, ...]:
        batch = torch.from_numpy(np.ascontiguousarray(images))
        if self.device.type == "cuda":
            batch = batch.pin_memory()
        batch = batch.to(self.device, non_blocking=True).permute(0, 3, 1, 2)  # NHWC memory is channels-last
        if self.device.type == "cuda":
            return self._network(batch)
        parts = batch.split(1) if self.device.type == "cpu" else [batch]
        rows = [_as_tuple(self._network(part.to(self._dtype))) for part in parts]
        return tuple(torch.cat(column) for column in zip(*rows, strict=True))

    def maps(self, images: np.ndarray) -> PartMaps:
        return PartMaps(*self.outputs(images), self.stride)


def _as_tuple(outputs: torch.Tensor | tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    return (outputs,) if isinstance(outputs, torch.Tensor) else outputs


def choose_runtime(
    network: Network | TopDownNetwork, device: str = "auto", runtime: str = "auto", precision: str = "auto"
) -> Runtime:
    """The runtime for a network: OpenVINO on an x86 CPU where it is installed, torch elsewhere.

    Args:
        network: on the CPU in float32; torch's runtime takes it over.
        device: as in ``choose_device``.
        runtime: ``auto``, ``torch`` or ``openvino``.
        precision: ``auto``, ``float32``, ``bfloat16``, ``float16``, or ``int8`` (OpenVINO only).

    Raises:
        ModelError: the device, runtime or precision cannot be used here.
        MissingExtraError: OpenVINO was asked for and is not installed.
    """
    if runtime not in RUNTIMES:
        raise ModelError(f"no runtime {runtime!r}; there are {', '.join(RUNTIMES)}")
    if precision not in PRECISIONS:
        raise ModelError(f"no precision {precision!r}; there are {', '.join(PRECISIONS)}")
    place = choose_device("cpu" if runtime == "openvino" and device == "auto" else device)
    if runtime == "auto":
        suits = place.type == "cpu" and precision != "float16" and platform.machine() in ("x86_64", "AMD64")
        runtime = "openvino" if suits and importlib.util.find_spec("openvino") else "torch"
    if runtime == "torch":
        if precision == "int8":
            raise ModelError("int8 runs under OpenVINO on a CPU only; pip install 'skelstream[openvino]'")
        return TorchRuntime(network, place, precision)
    if place.type != "cpu":
        raise ModelError(f"the openvino runtime is for --device cpu, not {device}; use --runtime torch")
    # OpenVINO is an extra, and takes a third of a second to import.
    from skelstream.runtimes.openvino import OpenVinoRuntime

    return OpenVinoRuntime(network, precision)


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
