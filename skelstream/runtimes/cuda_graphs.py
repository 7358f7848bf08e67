"""A network's kernels launched all at once: CUDA graphs for inputs of a shape that comes again and again.

A small network has hundreds of kernels of a few microseconds each, and a GPU waits for their launches rather than for
their arithmetic. A graph is recorded once for a shape and replayed after that (docs.pytorch.org, CUDA semantics).
"""

from __future__ import annotations

from collections import Counter, OrderedDict

import torch
from torch import Tensor, nn

# A recording costs as much as some dozens of plain runs, and memory: it is made for a shape that came a few times, and
# a video has one or two of them.
_COMES_AGAIN = 3
_MOST = 4


class ReplayedNetwork:
    """A network on CUDA, to infer.

    Args:
        network: on the device; its output is a tensor or a tuple of them.
        dtype: what its input is converted to.
    """

    def __init__(self, network: nn.Module, dtype: torch.dtype):
        self._network, self._dtype = network, dtype
        self._seen: Counter[torch.Size] = Counter()
        self._graphs: OrderedDict[torch.Size, tuple[torch.cuda.CUDAGraph, Tensor, tuple[Tensor, ...]]] = (
            OrderedDict()
        )

    def __call__(self, batch: Tensor) -> tuple[Tensor, ...]:
        """The outputs for a batch (B, 3, H, W) on the device; they are the caller's to keep."""
        shape = batch.shape
        self._seen[shape] += 1
        if shape not in self._graphs:
            if self._seen[shape] < _COMES_AGAIN:
                return self._run(batch)
            self._graphs[shape] = self._record(batch)
            if len(self._graphs) > _MOST:
                self._graphs.popitem(last=False)
        self._graphs.move_to_end(shape)
        graph, given, outputs = self._graphs[shape]
        given.copy_(batch)
        graph.replay()
        return tuple(output.clone() for output in outputs)

    def _record(self, batch: Tensor) -> tuple[torch.cuda.CUDAGraph, Tensor, tuple[Tensor, ...]]:
        given = batch.clone(memory_format=torch.preserve_format)
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        # What libraries set up at a first call must not be recorded.
        with torch.cuda.stream(aside):
            for _ in range(2):
                self._run(given)
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        # Other threads go on using the GPU meanwhile: those of the second look, of other videos.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            outputs = self._run(given)
        return graph, given, outputs

    def _run(self, batch: Tensor) -> tuple[Tensor, ...]:
        outputs = self._network(batch.to(self._dtype))
        return (outputs,) if isinstance(outputs, Tensor) else outputs
