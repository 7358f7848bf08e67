"""Initial weights of a run: earlier ones of the same network, a pretrained backbone, or published ones."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import torch
from torch import Tensor

from skelstream.errors import ModelError
from skelstream.network.architectures import build_network, name_of
from skelstream.network.backbones.registry import BACKBONES
from skelstream.network.model_file import read_header
from skelstream.network.paf import PafConfig
from skelstream.network.tinypose import load_tinypose
from skelstream.network.top_down import TopDownConfig
from skelstream.network.weights import load_network

_WEIGHTS, _TINYPOSE = ".safetensors", ".xml"


@dataclass(frozen=True)
class InitialWeights:
    """Weights of a network before training.

    Attributes:
        state: tensors of the whole network by name.
        origin: where the weights come from, for the card of the trained weights.
    """

    state: dict[str, Tensor]
    origin: str


def load_initial_weights(path: Path | None, config: PafConfig | TopDownConfig, seed: int) -> InitialWeights:
    """Return a network's weights before training; tensors that the file lacks are random.

    Args:
        path: a weights file of the same network, of a top-down one for crops of any size; for the bottom-up network also ``movenet-multipose.json``
            (its ``.bin`` beside it) or HRNet's ``.pth``, for the top-down network
            PP-TinyPose's ``tinypose_256x192.xml`` (its ``.bin`` beside it); None for random weights.
        config: the network's settings.
        seed: seed of the random weights.

    Raises:
        ModelError: the file cannot be read or belongs to another network.
    """
    torch.manual_seed(seed)
    if path is None:
        return InitialWeights(_random(config), "random weights")
    if path.suffix == _WEIGHTS:
        earlier = load_network(read_header(path))
        resized = isinstance(earlier.config, TopDownConfig) and isinstance(config, TopDownConfig)
        if earlier.config != config and not resized:  # crops of any size have the same tensors
            raise ModelError(
                f"{path}: weights of another network ({earlier.config.to_dict()}) than the recipe's"
                f" ({config.to_dict()})"
            )
        state = earlier.state_dict()
    elif isinstance(config, TopDownConfig):
        if path.suffix != _TINYPOSE:
            raise ModelError(
                f"{path}: the top-down network starts from a {_WEIGHTS} file or PP-TinyPose's .xml"
            )
        state = load_tinypose(path)
    elif path.suffix == BACKBONES[config.backbone].start_suffix:
        state = _random(config)
        pretrained = BACKBONES[config.backbone].start(path)
        state.update({f"features.backbone.{name}": tensor for name, tensor in pretrained.items()})
    else:
        raise ModelError(
            f"{path}: the backbone {config.backbone} starts from a {_WEIGHTS} file or published weights in a"
            f" {BACKBONES[config.backbone].start_suffix} file"
        )
    return InitialWeights(state, f"{path.name} (sha256 {_sha256(path)[:12]})")


def _random(config: PafConfig | TopDownConfig) -> dict[str, Tensor]:
    return build_network(name_of(config), config.to_dict()).state_dict()


def _sha256(path: Path) -> str:
    """Return the digest of the file that holds the weights: PP-TinyPose's are in a file beside the graph."""
    held = path.with_suffix(".bin") if path.suffix == _TINYPOSE else path
    return sha256(held.read_bytes()).hexdigest()
