"""A refiner with packaged or imported weights of a top-down network."""

from __future__ import annotations

from skelstream.errors import ModelError
from skelstream.network.lazy_network import lazy_network
from skelstream.network.model_file import find_model, read_header
from skelstream.refinement.crop_refiner import CropRefiner
from skelstream.refinement.decoding import Heatmaps
from skelstream.runtimes.registry import choose_runtime
from skelstream.settings.refinement import RefinementSettings


class TopDownRefiner(CropRefiner):
    """A ``Refiner`` with weights of the light HRNet or of HRNet.

    Args:
        settings: weights, and whether crops are mirrored too.
        device, runtime, precision: see ``EstimatorSettings``.

    Raises:
        ModelError: the weights belong to another kind of network, or the device, runtime or precision cannot be used.
        MissingExtraError: OpenVINO was asked for and is not installed.
    """

    def __init__(
        self,
        settings: RefinementSettings,
        device: str = "auto",
        runtime: str = "auto",
        precision: str = "auto",
    ):
        model = read_header(find_model(settings.weights, "refiner"))
        network = lazy_network(model)
        if not network.takes_crops:
            raise ModelError(
                f"{model.path}: weights of a {model.architecture} network, which cannot refine; name a top-down one"
            )
        if precision == "int8" and not network.has_ranges():  # for detection only
            precision = "auto"
        self.runtime = choose_runtime(network, device, runtime, precision)
        super().__init__(
            self.runtime.crops,
            Heatmaps(network.stride),
            network.example_size,
            name=f"{model.path.stem} ({self.runtime.name})",
            skeleton=network.skeleton,
            weights_sha256=network.sha256 or "",
            flip=settings.flip,
        )
