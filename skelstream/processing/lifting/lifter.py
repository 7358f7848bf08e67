"""Lifting of tracks to 3D with a lifting network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from skelstream.errors import ModelError
from skelstream.network.lifting import LiftingNetwork
from skelstream.network.model_file import find_model, read_header
from skelstream.network.weights import load_network
from skelstream.processing.lifting.sampling import sample_windows
from skelstream.processing.lifting.windows import relative_to_image, relative_to_window
from skelstream.runtimes.device import choose_device
from skelstream.settings.models import LIFTER

# Windows per batch of the network.
_BATCH = 256


class Lifter:
    """A lifting network with its weights, on one device.

    Args:
        weights: name of a model, or path of a weights file.
        device: ``device`` of ``EstimatorSettings``.
        mirrored: whether to average with the lifted mirror image.

    Attributes:
        name: name of the weights.
        weights_sha256: SHA-256 of the weights file.
        network: the network.

    Raises:
        ModelError: the weights are not of a lifting network.
        SettingsError: there are no such weights, or the device cannot be used.
    """

    def __init__(self, weights: str | Path = LIFTER, device: str = "auto", mirrored: bool = True):
        model = read_header(find_model(str(weights)))
        network = load_network(model)
        if not isinstance(network, LiftingNetwork):
            raise ModelError(
                f"{model.path}: holds a {model.architecture} network; give weights of a lifting network"
            )
        self.name, self.weights_sha256 = model.path.stem, model.sha256()
        self._device = choose_device(device)
        self.network = network.to(self._device)
        self._mirrored = mirrored

    def lift_track(
        self,
        times: np.ndarray,
        keypoints: np.ndarray,
        size: tuple[int, int] | None,
        rows: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return a track's 3D joints: float32 (R, 17, 3), Human3.6M's joints in metres from the mid-hip.

        Args:
            times: float64 (n,), times of the rows in seconds, never decreasing.
            keypoints: float (n, 17, 2), COCO's joints in pixels, NaN where missing.
            size: height and width of the image in pixels; None if unknown.
            rows: int (R,), numbers of the rows to lift; None for all.

        Raises:
            ModelError: the network needs the image's size, which is unknown.
        """
        config = self.network.config
        rows = np.arange(len(times)) if rows is None else rows
        parts = [np.empty((0, len(self.network.skeleton), 3), np.float32)]
        for first in range(0, len(rows), _BATCH):
            part = rows[first : first + _BATCH]
            window = sample_windows(times, keypoints, config.frames, config.output_frame, config.rate, part)
            parts.append(self._poses(torch.from_numpy(window).to(self._device), size))
        return np.concatenate(parts)

    def _poses(self, windows: Tensor, size: tuple[int, int] | None) -> np.ndarray:
        if self.network.config.normalisation == "window":
            inputs = relative_to_window(windows)
        elif size is None:
            raise ModelError(
                f"{self.name} needs the image's size, which is unknown; choose other lifting weights"
            )
        else:
            inputs = relative_to_image(windows, size)
        with torch.inference_mode():
            poses = self.network(inputs)
            if self._mirrored:
                poses = (poses + self._unmirrored(self.network(self._mirror(inputs)))) / 2
            return (poses - poses[:, :1]).float().cpu().numpy()

    def _mirror(self, inputs: Tensor) -> Tensor:
        mirrored = inputs[:, :, list(self.network.source.flip_order)].clone()
        mirrored[..., 0] *= -1
        return mirrored

    def _unmirrored(self, poses: Tensor) -> Tensor:
        unmirrored = poses[:, list(self.network.skeleton.flip_order)].clone()
        unmirrored[..., 0] *= -1
        return unmirrored
