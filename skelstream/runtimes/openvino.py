"""OpenVINO runtime, the fastest on x86 CPUs. Needs the extra ``openvino``.

This module is imported only when OpenVINO is used, by ``runtimes.registry``.
"""

from __future__ import annotations

import warnings

import numpy as np
import torch

from skelstream.errors import ModelError, SettingsError
from skelstream.network.architectures import CropNetwork, Network
from skelstream.network.part_maps import PartMaps
from skelstream.network.quantised import has_ranges, quantised
from skelstream.runtimes.openvino_import import ov
from skelstream.runtimes.openvino_queue import ImageQueue, has_bfloat16
from skelstream.runtimes.signal_stack import kept_signal_stack


class OpenVinoRuntime:
    """Network compiled by OpenVINO.

    Whole images of any height and width run one after the other, each on all cores. Crops, which have one
    size and are little work, run in parallel, each on one core. In both cases the result of an image does not
    depend on the rest of the batch.

    Args:
        network: network on the CPU in float32, which stays unchanged.
        precision: ``float32``; ``bfloat16``; ``int8``: eight-bit integers where they cost almost no accuracy
            (``network.quantised``) and the CPU's fastest floating-point numbers elsewhere; or ``auto``: int8
            if the weights contain channel ranges, else the fastest floating-point numbers.

    Raises:
        ModelError: the precision is not available here, or OpenVINO cannot read or compile the network.
    """

    batch = 1
    # Torch only finds peaks: a second torch thread slows the network by more than it gains.
    torch_threads: int | None = 1

    @kept_signal_stack()
    def __init__(self, network: Network | CropNetwork, precision: str = "auto"):
        core = ov.Core()
        native = has_bfloat16(core)
        fastest = "bfloat16" if native else "float32"
        if precision == "auto":
            precision = "int8" if has_ranges(network) else fastest
        if precision == "bfloat16" and not native:
            raise SettingsError(
                "this CPU does not support bfloat16; use float32 or int8", setting="precision"
            )
        if precision == "int8":
            network = quantised(network)
        crops = isinstance(network, CropNetwork)
        try:
            model = convert(network)
            if crops:
                model.reshape([1, *network.example_size, 3])
        except RuntimeError as error:
            raise ModelError(f"OpenVINO cannot read the network ({error}); use the torch runtime") from None
        self._queue = ImageQueue(core, model, precision, crops)
        self.name = f"OpenVINO, cpu, {precision}"
        self.skeleton, self.size_divisor, self.stride = network.skeleton, network.size_divisor, network.stride

    def outputs(self, images: np.ndarray) -> tuple[torch.Tensor, ...]:
        """Return the network's outputs (float32) for uint8 RGB images (B, H, W, 3)."""
        return self._queue(images)

    def maps(self, images: np.ndarray) -> PartMaps:
        """Return the maps (float32) of uint8 RGB images (B, H, W, 3)."""
        confidence, pafs = self.outputs(images)
        return PartMaps(confidence, pafs, self.stride)


def convert(network: Network | CropNetwork) -> ov.Model:
    """Convert a network to an OpenVINO model from uint8 RGB (B, H, W, 3) to its outputs in float32.

    ``openvino.convert_model`` is not used, since it reports each use over the internet.
    """
    # Imported here, so that a missing OpenVINO is reported by the message of openvino_import.
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    example = torch.zeros(1, 3, *network.example_size)
    with torch.no_grad(), warnings.catch_warnings():
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
