"""What a run starts from: weights of its own kind, or a pretrained backbone."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import torch
from torch import Tensor

from skelstream.errors import ModelError
from skelstream.network.backbones.efficientnet import load_efficientnet
from skelstream.network.backbones.movenet import load_movenet
from skelstream.network.paf import PafConfig, PafNetwork
from skelstream.network.weights import load_network, read_header

_BACKBONES = {".json": ("movenet", load_movenet), ".pth": ("efficientnet", load_efficientnet)}
_WEIGHTS = ".safetensors"


@dataclass(frozen=True)
class Start:
    """Initial weights.

    Attributes:
        state: of a whole PafNetwork.
        origin: where they come from, for the card of the weights that are made of them.
    """

    state: dict[str, Tensor]
    origin: str


def start_weights(path: Path | None, config: PafConfig, seed: int) -> Start:
    """A network's weights before training; what the file lacks is random.

    Args:
        path: ``movenet-multipose.json`` (its ``.bin`` beside it), ``efficientnet-lite0-57934424.pth``, or a weights
            file of the same network; None for random weights.
        config: the network.
        seed: of the random weights.

    Raises:
        ModelError: the file cannot be read or is of another network.
    """
    torch.manual_seed(seed)
    if path is None:
        return Start(PafNetwork(config).state_dict(), "random weights")
    if path.suffix == _WEIGHTS:
        earlier = load_network(read_header(path))
        if earlier.config != config:
            raise ModelError(
                f"{path}: weights of another network ({earlier.config.to_dict()}) than the recipe's ({config.to_dict()})"
            )
        state = earlier.state_dict()
    elif path.suffix in _BACKBONES:
        backbone, load = _BACKBONES[path.suffix]
        if config.backbone != backbone:
            raise ModelError(f"{path}: a start of {backbone}, but the recipe's backbone is {config.backbone}")
        state = PafNetwork(config).state_dict()
        state.update({f"features.backbone.{name}": tensor for name, tensor in load(path).items()})
    else:
        raise ModelError(f"{path}: a start is a {_WEIGHTS} file, MoveNet's .json or EfficientNet's .pth")
    return Start(state, f"{path.name} (sha256 {sha256(path.read_bytes()).hexdigest()[:12]})")
