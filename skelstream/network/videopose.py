"""Reading of VideoPose3D's published weights, such as ``pretrained_h36m_detectron_coco.bin``, for the lifting
network."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from skelstream.errors import ModelError
from skelstream.network.lifting import FRAMES, LiftingConfig, LiftingNetwork
from skelstream.network.torch_file import mismatches, read_state_dict

TRAINED_ON = "as published with VideoPose3D: Human3.6M, with 2D joints by another network; not trained here"
LICENCE = "the published weights: CC BY-NC 4.0, no commercial use; Human3.6M's own terms"
STATE_KEY = "model_pos"
"""Name of the entry with the network's tensors in the file."""
# Frame rate of Human3.6M's cameras, on whose videos the network was trained.
_RATE = 50.0


def load_videopose(path: Path) -> tuple[LiftingConfig, dict[str, Tensor]]:
    """Read the settings and the state dict of a LiftingNetwork from VideoPose3D's file for COCO's joints.

    The file does not tell whether the network is causal; the published ones for COCO's joints are not.

    Raises:
        ModelError: the file is missing, not a PyTorch file, or not of this network; the message says which.
    """
    stored = read_state_dict(path, STATE_KEY)
    first = stored.get("expand_conv.weight")
    blocks = (
        len([name for name in stored if name.startswith("layers_conv.") and name.endswith(".weight")]) // 2
    )
    frames = 3 ** (blocks + 1)
    if first is None or first.ndim != 3 or frames not in FRAMES:
        raise ModelError(f"{path}: not VideoPose3D's weights of 27, 81 or 243 frames")
    if first.shape[1] != 2 * len(LiftingNetwork.source):
        raise ModelError(
            f"{path}: weights for {first.shape[1] // 2} joints in the image; give those for COCO's 17 joints"
        )
    config = LiftingConfig(
        frames, first.shape[0], normalisation="image", presence=False, rate=_RATE, dropout=0.25
    )
    with torch.device("meta"):
        wanted = LiftingNetwork(config).state_dict()
    if problem := next(mismatches(stored, wanted), None):
        raise ModelError(f"{path}: not VideoPose3D's weights: {problem}")
    return config, {
        name: stored[name].float() if tensor.is_floating_point() else stored[name]
        for name, tensor in wanted.items()
    }
