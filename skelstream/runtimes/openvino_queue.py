"""Images through a compiled OpenVINO graph, several of them side by side. Needs the extra ``openvino``."""

from __future__ import annotations

import numpy as np
import torch

from skelstream.errors import MissingExtraError, ModelError
from skelstream.machine import available_cores

try:
    import openvino as ov
except ImportError as error:
    raise MissingExtraError(
        f"OpenVINO is not installed ({error}); pip install 'skelstream[openvino]', or use the torch runtime"
    ) from None

DEVICE = "CPU"


class ImageQueue:
    """A graph of one image at a time, compiled. One caller at a time.

    Args:
        core: OpenVINO's.
        model: uint8 RGB (1, H, W, 3) to its outputs.
        precision: ``float32``, or the CPU's fastest numbers for anything else.
        crops: whether images are small work, which is done side by side, each with a core.

    Raises:
        ModelError: OpenVINO cannot compile the graph.
    """

    def __init__(self, core: ov.Core, model: ov.Model, precision: str, crops: bool):
        together = available_cores() if crops else 1
        settings = {
            **({"NUM_STREAMS": together} if crops else {"PERFORMANCE_HINT": "LATENCY"}),
            "INFERENCE_PRECISION_HINT": "bf16" if has_bfloat16(core) and precision != "float32" else "f32",
            # A thread bound to a core waits for whatever else runs there, as decoding does, while another core is free.
            "ENABLE_CPU_PINNING": False,
        }
        try:
            self._queue = ov.AsyncInferQueue(core.compile_model(model, DEVICE, settings), together)
        except RuntimeError as error:
            raise ModelError(
                f"OpenVINO cannot compile the network ({error}); use the torch runtime"
            ) from None

    def __call__(self, images: np.ndarray) -> tuple[torch.Tensor, ...]:
        """The graph's outputs, each for all images: uint8 (B, H, W, 3)."""
        rows: list[list[torch.Tensor]] = [[] for _ in images]

        def keep(request: ov.InferRequest, row: int) -> None:
            # The request's memory is used again.
            rows[row] = [torch.from_numpy(tensor.data.copy()) for tensor in request.output_tensors]

        self._queue.set_callback(keep)
        for row in range(len(images)):
            self._queue.start_async([np.ascontiguousarray(images[row : row + 1])], row)
        self._queue.wait_all()
        return tuple(torch.cat(column) for column in zip(*rows, strict=True))


def has_bfloat16(core: ov.Core) -> bool:
    """Whether the CPU computes in bfloat16."""
    return "BF16" in core.get_property(DEVICE, "OPTIMIZATION_CAPABILITIES")
