"""CUDA graphs, which launch all kernels of a network at once for inputs of recurring shapes.

A small network has hundreds of kernels of a few microseconds each, so that a GPU waits for their launches
rather than their arithmetic. A graph is recorded once per shape and replayed after that (docs.pytorch.org,
CUDA semantics).
"""

from __future__ import annotations

from collections import Counter, OrderedDict

import torch
from torch import Tensor, nn

# A recording costs as much as some dozens of plain runs, and memory: it is made when a shape occurs for the
# third time, for at most four shapes; a video has one or two.
_RECORD_AT = 3
_MAX_GRAPHS = 4


class ReplayedNetwork:
    """Network for inference on CUDA, replayed from graphs.

    Args:
        network: network on the device, whose output is a tensor or a tuple of tensors.
        dtype: type to which its input is converted.
    """

    def __init__(self, network: nn.Module, dtype: torch.dtype):
        self._network, self._dtype = network, dtype
        self._counts: Counter[torch.Size] = Counter()
        self._graphs: OrderedDict[torch.Size, tuple[torch.cuda.CUDAGraph, Tensor, tuple[Tensor, ...]]] = (
            OrderedDict()
        )

    def __call__(self, batch: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs for a batch (B, 3, H, W) on the device; the caller owns them."""
        shape = batch.shape
        self._counts[shape] += 1
        if shape not in self._graphs:
            if self._counts[shape] < _RECORD_AT:
                return self._run(batch)
            self._graphs[shape] = self._record(batch)
            if len(self._graphs) > _MAX_GRAPHS:
                self._graphs.popitem(last=False)
        self._graphs.move_to_end(shape)
        graph, inputs, outputs = self._graphs[shape]
        inputs.copy_(batch)
        graph.replay()
        return tuple(output.clone() for output in outputs)

    def _record(self, batch: Tensor) -> tuple[torch.cuda.CUDAGraph, Tensor, tuple[Tensor, ...]]:
        inputs = batch.clone(memory_format=torch.preserve_format)
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        # Warm up: the initialisation of libraries at their first call must not be recorded.
        with torch.cuda.stream(stream):
            for _ in range(2):
                self._run(inputs)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        # thread_local: other threads use the GPU meanwhile, for refinement and other videos.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            outputs = self._run(inputs)
        return graph, inputs, outputs

    def _run(self, batch: Tensor) -> tuple[Tensor, ...]:
        outputs = self._network(batch.to(self._dtype))
        return (outputs,) if isinstance(outputs, Tensor) else outputs
