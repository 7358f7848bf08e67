"""Conversion of weights published by other projects, recognised by their tensor names, to skelstream's
weights files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from skelstream.errors import ModelError
from skelstream.network import hrnet, openpose, videopose
from skelstream.network.architectures import Config
from skelstream.network.hrnet import HRNet
from skelstream.network.lifting import LiftingNetwork
from skelstream.network.model_card import lifting_card, make_card
from skelstream.network.openpose import OpenPoseNetwork
from skelstream.network.torch_file import read_names


@dataclass(frozen=True)
class Imported:
    """Published weights, ready to be saved.

    Attributes:
        name: suggested file name, without an ending.
        architecture, config, state, card: arguments of ``save_weights``.
        option: command line option that uses the file.
    """

    name: str
    architecture: str
    config: Config
    state: dict[str, Tensor]
    card: dict[str, object]
    option: str


def import_weights(path: Path, height: int = 256, width: int = 192) -> Imported:
    """Read published weights of OpenPose, HRNet or VideoPose3D. No code in the file is run.

    Args:
        path: the file.
        height, width: size in pixels of the crops of HRNet's training, which its weights do not tell.

    Raises:
        ModelError: the file is missing or of none of these networks; the message says what is wrong.
    """
    names = read_names(path)
    for part, make in _KINDS.items():
        if any(f".{part}" in f".{name}" for name in names):
            return make(path, height, width)
    known = ", ".join(sorted(names)[:2]) or "none"
    raise ModelError(
        f"{path}: weights of neither OpenPose, HRNet nor VideoPose3D; its tensors are named {known}"
    )


def _openpose(path: Path, height: int, width: int) -> Imported:
    state, network = openpose.load_port(path), OpenPoseNetwork()
    card = make_card(network, data=openpose.TRAINED_ON, licence=openpose.LICENCE, figures={})
    return Imported(path.stem, "openpose", network.config, state, card, "--weights")


def _hrnet(path: Path, height: int, width: int) -> Imported:
    config, state = hrnet.load_hrnet(path, height, width)
    card = make_card(HRNet(config), data=hrnet.TRAINED_ON, licence=hrnet.LICENCE, figures={})
    return Imported(f"hrnet-w{config.channels}", "hrnet", config, state, card, "--refiner")


def _videopose(path: Path, height: int, width: int) -> Imported:
    config, state = videopose.load_videopose(path)
    card = lifting_card(
        LiftingNetwork(config), data=videopose.TRAINED_ON, licence=videopose.LICENCE, figures={}
    )
    return Imported("videopose3d", "lifting", config, state, card, "skelstream lift --weights")


# Keys: beginning of a tensor's name, or of a part of it after a dot, that only this network has.
_KINDS: dict[str, Callable[[Path, int, int], Imported]] = {
    "stage4.": _hrnet,
    "transition1.": _hrnet,
    videopose.STATE_KEY: _videopose,
    "conv1_1.": _openpose,
    "Mconv7_": _openpose,
}
