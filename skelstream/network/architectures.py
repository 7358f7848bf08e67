"""The networks that there are, by the name that weights files have for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from skelstream.errors import SettingsError
from skelstream.network.hrnet import HRNet, HRNetConfig
from skelstream.network.lifting import LiftingConfig, LiftingNetwork
from skelstream.network.openpose import OpenPoseConfig, OpenPoseNetwork
from skelstream.network.paf import PafConfig, PafNetwork
from skelstream.network.top_down import TopDownConfig, TopDownNetwork

Network = PafNetwork | OpenPoseNetwork
"""Float (B, 3, H, W) RGB in [0, 255] to confidence maps (B, V, h, w) and part affinity fields (B, 2L, h, w).

Height and width are divisible by ``size_divisor``; ``stride``, ``skeleton`` and the channels' order are those of
``PartMaps``; ``normalisation`` says for people what the network does to its input first.
"""

Config = PafConfig | OpenPoseConfig | TopDownConfig | HRNetConfig | LiftingConfig
CropNetwork = TopDownNetwork | HRNet
"""Crops of one person to heatmaps of its joints."""
AnyNetwork = Network | CropNetwork | LiftingNetwork

ARCHITECTURES: dict[str, tuple[Callable[..., AnyNetwork], type[Config]]] = {
    "paf": (PafNetwork, PafConfig),
    "openpose": (OpenPoseNetwork, OpenPoseConfig),
    "topdown": (TopDownNetwork, TopDownConfig),
    "hrnet": (HRNet, HRNetConfig),
    "lifting": (LiftingNetwork, LiftingConfig),
}


def name_of(config: Config) -> str:
    """The architecture that the settings are of."""
    return next(name for name, (_, kind) in ARCHITECTURES.items() if kind is type(config))


def build_network(architecture: str, config: Mapping[str, Any]) -> AnyNetwork:
    """A network with initial weights.

    Raises:
        SettingsError: no such architecture, a setting that it does not have, or a value that no network has.
    """
    if architecture not in ARCHITECTURES:
        raise SettingsError(f"no network {architecture!r}; there are {', '.join(ARCHITECTURES)}")
    network, settings = ARCHITECTURES[architecture]
    if unknown := set(config) - {field.name for field in fields(settings)}:
        raise SettingsError(f"a {architecture} network has no setting {', '.join(sorted(unknown))}")
    return network(settings(**config))
