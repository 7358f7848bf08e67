"""The second look: a small network that sees one person at a time, at one size, and says where the joints are.

OpenPose refined its people by a single-person network on crops (Cao et al., CVPR 2017, section 3.1); here the network is
a light HRNet (``network.topdown``), unless another is asked for. Which boxes it sees, and what becomes of what it says, is ``refiner.looks``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from skelstream.errors import ModelError, SettingsError
from skelstream.network.architectures import CropNetwork
from skelstream.network.model_file import SECOND, find_model, read_header
from skelstream.network.top_down import TopDownNetwork
from skelstream.network.unshuffled import unshuffled
from skelstream.network.weights import load_image_network
from skelstream.refinement.crop_refiner import CropRefiner
from skelstream.refinement.decoding import Heatmaps
from skelstream.runtimes.registry import choose_runtime
from skelstream.skeleton import Skeleton


@dataclass(frozen=True)
class RefinerSettings:
    """How people are looked at again.

    Attributes:
        weights: name of a packaged model or path of a weights file.
        looks: most people a frame, those first who have most to gain; None for everybody.
        keep_up: from a live source fewer people rather than fewer frames.
        min_first_score: least score of people by the first look; it may be low, as a second look can refuse them.
        min_person_score: least mean of the joints' scores; below it nobody is there.
        min_joint_score: a joint of a lower score is missing.
        flip: average in the mirror image's heatmaps.
        duplicate_oks: a person at least this similar to a better one is the same person again, in (0, 1].
    """

    weights: str = SECOND
    looks: int | None = None
    keep_up: bool = True
    min_first_score: float = 0.02
    min_person_score: float = 0.15
    min_joint_score: float = 0.1
    duplicate_oks: float = 0.7
    flip: bool = False

    def __post_init__(self) -> None:
        if self.looks is not None and self.looks < 0:
            raise SettingsError(f"looks is {self.looks}; it must not be negative")
        for name in ("min_first_score", "min_person_score", "min_joint_score"):
            if not 0 <= getattr(self, name) < 1:
                raise SettingsError(f"{name} is {getattr(self, name)}; it must be in [0, 1)")
        if not 0 < self.duplicate_oks <= 1:
            raise SettingsError(f"duplicate_oks is {self.duplicate_oks}; it must be in (0, 1]")


class Refiner(Protocol):
    """Anything that finds one person's joints in a box.

    Attributes:
        name: what it is and where it runs, for people to read.
        skeleton: its V joints.
        weights_sha256: of its weights.
    """

    name: str
    skeleton: Skeleton
    weights_sha256: str

    def joints(
        self, image: np.ndarray, boxes: Sequence[np.ndarray] | np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The joints of the person in each box.

        Args:
            image: uint8 RGB (H, W, 3).
            boxes: P times x0, y0, x1, y1 in its pixels.

        Returns:
            float32 (P, V, 2) image pixels and float32 (P, V) scores in [0, 1].
        """
        ...


class TopDownRefiner(CropRefiner):
    """A ``Refiner`` with weights of a top-down network, the light one or HRNet.

    Args:
        settings: of the second look.
        device, runtime, precision: as in ``EstimatorSettings``.

    Raises:
        ModelError: the weights are not of such a network, or the device, runtime or precision cannot be used.
        MissingExtraError: OpenVINO was asked for and is not installed.
    """

    def __init__(
        self,
        settings: RefinerSettings,
        device: str = "auto",
        runtime: str = "auto",
        precision: str = "auto",
    ):
        model = read_header(find_model(settings.weights))
        network = load_image_network(model)
        if not isinstance(network, CropNetwork):
            raise ModelError(
                f"{model.path}: weights of a {model.architecture} network, not of a top-down one"
            )
        if precision == "int8":  # the first look's; these weights have no ranges
            precision = "auto"
        if isinstance(network, TopDownNetwork):
            network = unshuffled(network)
        self.runtime = choose_runtime(network, device, runtime, precision)
        super().__init__(
            self.runtime.outputs,
            Heatmaps(network.stride),
            name=f"{model.path.stem} ({self.runtime.name})",
            skeleton=network.skeleton,
            weights_sha256=model.sha256(),
            size=network.example_size,
            flip=settings.flip,
        )
