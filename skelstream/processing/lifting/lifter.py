"""A lifting network at work: tracks in, joints in space out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from skelstream.errors import ModelError
from skelstream.network.lifting import LiftingNetwork
from skelstream.network.model_file import find_model, read_header
from skelstream.network.weights import load_network
from skelstream.processing.lifting.sampling import windows_of
from skelstream.processing.lifting.windows import relative_to_image, relative_to_window
from skelstream.runtimes.device import choose_device
from skelstream.settings.models import LIFTER

# Windows that go through the network at once.
_BATCH = 256


class Lifter:
    """Lifts tracks with the weights of a lifting network.

    Attributes:
        name: of the weights.
        weights_sha256: of their file.
        network: the network.

    Args:
        weights: name of a packaged model, or a weights file.
        device: as in ``EstimatorSettings``.
        mirrored: average with what becomes of the mirror image.

    Raises:
        ModelError: the weights are not of such a network, or the device cannot be used.
    """

    def __init__(self, weights: str | Path = LIFTER, device: str = "auto", mirrored: bool = True):
        model = read_header(find_model(str(weights)))
        network = load_network(model)
        if not isinstance(network, LiftingNetwork):
            raise ModelError(f"{model.path}: weights of a {model.architecture} network, not of a lifting one")
        self.name, self.weights_sha256 = model.path.stem, model.sha256()
        self._device = choose_device(device)
        self.network = network.to(self._device)
        self._mirrored = mirrored

    def track(
        self,
        times: np.ndarray,
        keypoints: np.ndarray,
        size: tuple[int, int] | None,
        rows: np.ndarray | None = None,
    ) -> np.ndarray:
        """A person's joints in space.

        Args:
            times: float64 (n,) seconds, never decreasing.
            keypoints: float (n, 17, 2), COCO's joints in pixels, NaN where missing.
            size: height and width of the image, or None where unknown.
            rows: int (R,) of those to lift; None for all.

        Returns:
            float32 (R, 17, 3), Human3.6M's joints; metres from the mid-hip.

        Raises:
            ModelError: the network takes places in the image, whose size is not known.
        """
        config = self.network.config
        rows = np.arange(len(times)) if rows is None else rows
        parts = [np.empty((0, len(self.network.skeleton), 3), np.float32)]
        for first in range(0, len(rows), _BATCH):
            part = rows[first : first + _BATCH]
            window = windows_of(times, keypoints, config.frames, config.output_frame, config.rate, part)
            parts.append(self._poses(torch.from_numpy(window).to(self._device), size))
        return np.concatenate(parts)

    def _poses(self, windows: Tensor, size: tuple[int, int] | None) -> np.ndarray:
        if self.network.config.normalisation == "window":
            inputs = relative_to_window(windows)
        elif size is None:
            raise ModelError(
                f"{self.name} takes places in the image, and the file does not say how large that is"
            )
        else:
            inputs = relative_to_image(windows, size)
        with torch.inference_mode():
            found = self.network(inputs)
            if self._mirrored:
                found = (found + self._unmirrored(self.network(self._mirror(inputs)))) / 2
            return (found - found[:, :1]).float().cpu().numpy()

    def _mirror(self, inputs: Tensor) -> Tensor:
        turned = inputs[:, :, list(self.network.source.flip_order)].clone()
        turned[..., 0] *= -1
        return turned

    def _unmirrored(self, found: Tensor) -> Tensor:
        turned = found[:, list(self.network.skeleton.flip_order)].clone()
        turned[..., 0] *= -1
        return turned
