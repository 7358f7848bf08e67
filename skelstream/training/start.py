"""What a run starts from: weights of its own kind, or a pretrained backbone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import torch
from torch import Tensor

from skelstream.errors import ModelError
from skelstream.network.efficientnet import load_efficientnet
from skelstream.network.movenet import load_movenet
from skelstream.network.paf import PafConfig, PafNetwork
from skelstream.network.weights import load_network, read_header
from skelstream.skeleton import LIMB_SETS

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
            file of the same network, or of one that has only the first of its limbs; None for random weights.
        config: the network.
        seed: of the random weights.

    Raises:
        ModelError: the file cannot be read or is of another network.
    """
    torch.manual_seed(seed)
    network = PafNetwork(config)
    if path is None:
        return Start(network.state_dict(), "random weights")
    if path.suffix == _WEIGHTS:
        earlier = load_network(read_header(path))
        if not isinstance(earlier, PafNetwork) or not _begins(earlier.config, config):
            raise ModelError(
                f"{path}: weights of another network ({earlier.config.to_dict()}) than the recipe's ({config.to_dict()})"
            )
        state = _with_more_limbs(earlier, network)
    elif path.suffix in _BACKBONES:
        backbone, load = _BACKBONES[path.suffix]
        if config.backbone != backbone:
            raise ModelError(f"{path}: a start of {backbone}, but the recipe's backbone is {config.backbone}")
        state = network.state_dict()
        state.update({f"features.backbone.{name}": tensor for name, tensor in load(path).items()})
    else:
        raise ModelError(f"{path}: a start is a {_WEIGHTS} file, MoveNet's .json or EfficientNet's .pth")
    return Start(state, f"{path.name} (sha256 {sha256(path.read_bytes()).hexdigest()[:12]})")


def _begins(earlier: PafConfig, config: PafConfig) -> bool:
    """Whether only further limbs tell the second network from the first."""
    old, new = LIMB_SETS[earlier.limbs].limbs, LIMB_SETS[config.limbs].limbs
    return replace(earlier, limbs=config.limbs) == config and new[: len(old)] == old


def _with_more_limbs(earlier: PafNetwork, network: PafNetwork) -> dict[str, Tensor]:
    """The earlier network's state in the shapes of ``network``: new limbs have empty fields that nothing looks at."""
    state = earlier.state_dict()
    old, new = (4 * 2 * len(n.skeleton.limbs) for n in (earlier, network))
    seen = network.config.width + old
    for name, tensor in state.items():
        if name.startswith("paf_stages") and ".out." in name:
            state[name] = torch.cat([tensor, tensor.new_zeros(new - old, *tensor.shape[1:])])
        elif name.endswith("enter.0.weight"):
            blank = tensor.new_zeros(len(tensor), new - old, 1, 1)
            state[name] = torch.cat([tensor[:, :seen], blank, tensor[:, seen:]], 1)
    return state
