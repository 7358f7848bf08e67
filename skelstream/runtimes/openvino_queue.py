"""Execution of a compiled OpenVINO graph, with several images in parallel. Needs the extra ``openvino``."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np
import torch

from skelstream.errors import ModelError
from skelstream.runtimes.cores import available_cores
from skelstream.runtimes.openvino_import import ov

DEVICE = "CPU"


class ImageQueue:
    """A compiled graph for one image at a time.

    Several threads may call it concurrently: OpenVINO continues with the next caller's images without waiting for Python.

    Args:
        graph: compiled graph from uint8 RGB (1, H, W, 3) to its outputs, with the settings of ``compile_settings``.
        crops: whether images are little work; they then run in parallel, each on one core.
    """

    def __init__(self, graph: ov.CompiledModel, crops: bool):
        self._graph, self._parallel = graph, available_cores() if crops else 1
        self._free = deque[ov.InferRequest]()

    def __call__(self, images: np.ndarray) -> tuple[torch.Tensor, ...]:
        """Return the graph's outputs, each for all images, uint8 RGB (B, H, W, 3)."""
        return tuple(torch.cat(column) for column in zip(*self.each(images), strict=True))

    def each(self, images: Iterable[np.ndarray]) -> list[tuple[torch.Tensor, ...]]:
        """Return the outputs of each image, uint8 RGB (H, W, 3). An image that is made on demand is made while
        those before it run."""
        rows: list[tuple[torch.Tensor, ...]] = []
        running = deque[ov.InferRequest]()
        for image in images:
            if len(running) == self._parallel:
                rows.append(self._outputs(running.popleft()))
            request = self._request()
            request.start_async([np.ascontiguousarray(image[None])])
            running.append(request)
        return rows + [self._outputs(request) for request in running]

    def _request(self) -> ov.InferRequest:
        try:
            return self._free.pop()  # another thread may take the last one at any moment
        except IndexError:
            return self._graph.create_infer_request()

    def _outputs(self, request: ov.InferRequest) -> tuple[torch.Tensor, ...]:
        """Wait for a request and return copies of its outputs; its memory is reused."""
        request.wait()
        outputs = tuple(torch.from_numpy(tensor.data.copy()) for tensor in request.output_tensors)
        self._free.append(request)
        return outputs


def compile_settings(core: ov.Core, precision: str, crops: bool) -> dict[str, str | int | bool]:
    """Return OpenVINO's settings to compile a graph with.

    Args:
        core: OpenVINO's core.
        precision: ``float32``; any other value stands for the CPU's fastest floating-point numbers.
        crops: see ``ImageQueue``.
    """
    return {
        **({"NUM_STREAMS": available_cores()} if crops else {"PERFORMANCE_HINT": "LATENCY"}),
        "INFERENCE_PRECISION_HINT": "bf16" if has_bfloat16(core) and precision != "float32" else "f32",
        # A thread pinned to a core waits for other work on it, such as decoding, while another core is free.
        "ENABLE_CPU_PINNING": False,
    }


def compiled(core: ov.Core, graph: ov.Model, settings: dict[str, str | int | bool]) -> ov.CompiledModel:
    """Compile a graph.

    Raises:
        ModelError: OpenVINO cannot compile it.
    """
    try:
        return core.compile_model(graph, DEVICE, settings)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[-200:]
        raise ModelError(f"OpenVINO cannot compile the network ({reason}); use the torch runtime") from None


def has_bfloat16(core: ov.Core) -> bool:
    """Return whether the CPU supports bfloat16."""
    return "BF16" in core.get_property(DEVICE, "OPTIMIZATION_CAPABILITIES")
