"""Images through a compiled OpenVINO graph, several of them side by side. Needs the extra ``openvino``."""

from __future__ import annotations

from collections import deque

import numpy as np
import torch

from skelstream.errors import MissingExtraError, ModelError
from skelstream.runtimes.cores import available_cores

try:
    import openvino as ov
except ImportError as error:
    raise MissingExtraError(
        f"OpenVINO is not installed ({error}); pip install 'skelstream[openvino]', or use the torch runtime"
    ) from None

DEVICE = "CPU"


class ImageQueue:
    """A graph of one image at a time, compiled. Several threads may ask it at a time: OpenVINO goes from the images of one to those
    of the next without waiting for Python.

    Args:
        core: OpenVINO's.
        model: uint8 RGB (1, H, W, 3) to its outputs.
        precision: ``float32``, or the CPU's fastest numbers for anything else.
        crops: whether images are small work, which is done side by side, each with a core.

    Raises:
        ModelError: OpenVINO cannot compile the graph.
    """

    def __init__(self, core: ov.Core, model: ov.Model, precision: str, crops: bool):
        self._together = available_cores() if crops else 1
        settings = {
            **({"NUM_STREAMS": self._together} if crops else {"PERFORMANCE_HINT": "LATENCY"}),
            "INFERENCE_PRECISION_HINT": "bf16" if has_bfloat16(core) and precision != "float32" else "f32",
            # A thread bound to a core waits for whatever else runs there, as decoding does, while another core is free.
            "ENABLE_CPU_PINNING": False,
        }
        try:
            self._graph = core.compile_model(model, DEVICE, settings)
        except RuntimeError as error:
            raise ModelError(
                f"OpenVINO cannot compile the network ({error}); use the torch runtime"
            ) from None
        self._free: deque[ov.InferRequest] = deque()

    def __call__(self, images: np.ndarray) -> tuple[torch.Tensor, ...]:
        """The graph's outputs, each for all images: uint8 (B, H, W, 3)."""
        rows: list[list[torch.Tensor]] = []
        under_way: deque[ov.InferRequest] = deque()
        for row in range(len(images)):
            if len(under_way) == self._together:
                rows.append(self._outputs(under_way.popleft()))
            request = self._request()
            request.start_async([np.ascontiguousarray(images[row : row + 1])])
            under_way.append(request)
        rows += [self._outputs(request) for request in under_way]
        return tuple(torch.cat(column) for column in zip(*rows, strict=True))

    def _request(self) -> ov.InferRequest:
        try:
            return self._free.pop()  # another thread may take the last one at any moment
        except IndexError:
            return self._graph.create_infer_request()

    def _outputs(self, request: ov.InferRequest) -> list[torch.Tensor]:
        """What came out for an image, once it has; the request's memory is used again."""
        request.wait()
        outputs = [torch.from_numpy(tensor.data.copy()) for tensor in request.output_tensors]
        self._free.append(request)
        return outputs


def has_bfloat16(core: ov.Core) -> bool:
    """Whether the CPU computes in bfloat16."""
    return "BF16" in core.get_property(DEVICE, "OPTIMIZATION_CAPABILITIES")
