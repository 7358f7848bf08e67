"""OpenVINO runtime, the fastest on x86 CPUs. Needs the extra ``openvino``.

This module is imported only when OpenVINO is used, by ``runtimes.registry``.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterable

import numpy as np
import torch

from skelstream.errors import ModelError, SettingsError
from skelstream.network.architectures import CropNetwork, Network
from skelstream.network.lazy_network import LazyNetwork, lazy
from skelstream.network.part_maps import PartMaps
from skelstream.network.quantised import quantised
from skelstream.runtimes.graph_cache import cached_graph
from skelstream.runtimes.openvino_import import ov
from skelstream.runtimes.openvino_queue import ImageQueue, compile_settings, compiled, has_bfloat16
from skelstream.runtimes.signal_stack import kept_signal_stack

# torch.jit.trace and the filters of warnings keep their state in a module, so one thread at a time may trace.
_TRACING = threading.Lock()


class OpenVinoRuntime:
    """Network compiled by OpenVINO.

    Whole images of any height and width run one after the other, each on all cores. Crops, which are little work, run in parallel, each
    on one core. In both cases the result of an image does not depend on the rest of the batch.

    Args:
        network: network on the CPU in float32, which stays unchanged, or one that is loaded only if the user's cache
            does not hold its graph.
        precision: ``float32``; ``bfloat16``; ``int8``: eight-bit integers where they cost almost no accuracy
            (``network.quantised``) and the CPU's fastest floating-point numbers elsewhere; or ``auto``: int8
            if the weights contain channel ranges, else the fastest floating-point numbers. Crops gain nothing by int8 where
            the CPU has bfloat16, which ``auto`` then takes.

    Raises:
        ModelError: the precision is not available here, or OpenVINO cannot read or compile the network.
    """

    batch = 1
    # Torch only finds peaks: a second torch thread slows the network by more than it gains.
    torch_threads: int | None = 1

    @kept_signal_stack()
    def __init__(self, network: Network | CropNetwork | LazyNetwork, precision: str = "auto"):
        unloaded = network if isinstance(network, LazyNetwork) else lazy(network)
        core = ov.Core()
        native = has_bfloat16(core)
        fastest = "bfloat16" if native else "float32"
        if precision == "auto":
            gains = unloaded.has_ranges() and not (unloaded.takes_crops and native)
            precision = "int8" if gains else fastest
        if precision == "bfloat16" and not native:
            raise SettingsError(
                "this CPU does not support bfloat16; use float32 or int8", setting="precision"
            )
        eight_bit = precision == "int8"
        settings = compile_settings(core, precision, unloaded.takes_crops)
        weights = unloaded.sha256
        graph = cached_graph(
            core,
            {"weights": weights, "eight_bit": eight_bit} if weights else None,
            settings,
            lambda: compiled(core, _graph(unloaded, eight_bit), settings),
        )
        self._queue = ImageQueue(graph, unloaded.takes_crops)
        self.name = f"OpenVINO, cpu, {precision}"
        self.skeleton, self.stride = unloaded.skeleton, unloaded.stride
        self.size_divisor = unloaded.size_divisor

    def outputs(self, images: np.ndarray) -> tuple[torch.Tensor, ...]:
        """Return the network's outputs (float32) for uint8 RGB images (B, H, W, 3)."""
        return self._queue(images)

    def crops(self, crops: Iterable[np.ndarray]) -> list[tuple[torch.Tensor, ...]]:
        """Return the network's outputs (float32) of each crop, uint8 RGB (H, W, 3)."""
        return self._queue.each(crops)

    def maps(self, images: np.ndarray) -> PartMaps:
        """Return the maps (float32) of uint8 RGB images (B, H, W, 3)."""
        confidence, pafs = self.outputs(images)
        return PartMaps(confidence, pafs, self.stride)


def _graph(unloaded: LazyNetwork, eight_bit: bool) -> ov.Model:
    """Return the graph of a network: for one crop of its size, or for an image of any size."""
    network = unloaded.load()
    try:
        graph = convert(quantised(network) if eight_bit else network)
        if unloaded.takes_crops:
            graph.reshape([1, *unloaded.example_size, 3])
    except RuntimeError as error:
        raise ModelError(f"OpenVINO cannot read the network ({error}); use the torch runtime") from None
    return graph


def convert(network: Network | CropNetwork) -> ov.Model:
    """Convert a network to an OpenVINO model from uint8 RGB (B, H, W, 3) to its outputs in float32.

    ``openvino.convert_model`` is not used, since it reports each use over the internet.
    """
    # Imported here, so that a missing OpenVINO is reported by the message of openvino_import.
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    example = torch.zeros(1, 3, *network.example_size)
    with _TRACING, torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of torch.jit, which OpenVINO needs
        traced = torch.jit.trace(network.eval(), example, check_trace=False)
        frontend = FrontEndManager().load_by_framework("pytorch")
        # Weights are copied, so that the model does not keep torch's memory.
        decoder = TorchScriptPythonDecoder(traced, shared_memory=False)
        model = frontend.convert(frontend.load(decoder))
    steps = ov.preprocess.PrePostProcessor(model)
    steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    steps.input().model().set_layout(ov.Layout("NCHW"))
    return steps.build()
