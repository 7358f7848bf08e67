"""Table of the network architectures, by their name in weights files."""

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
"""Detection network: float (B, 3, H, W) RGB in [0, 255] to confidence maps (B, V, h, w) and part affinity
fields (B, 2L, h, w).

H and W must be divisible by ``size_divisor``; ``stride``, ``skeleton`` and the order of channels are those of
``PartMaps``; ``normalisation`` describes in words how the network normalises its input.
"""

Config = PafConfig | OpenPoseConfig | TopDownConfig | HRNetConfig | LiftingConfig
CropNetwork = TopDownNetwork | HRNet
"""Refinement network: crops of one person to heatmaps of its joints."""
AnyNetwork = Network | CropNetwork | LiftingNetwork

ARCHITECTURES: dict[str, tuple[Callable[..., AnyNetwork], type[Config]]] = {
    "paf": (PafNetwork, PafConfig),
    "openpose": (OpenPoseNetwork, OpenPoseConfig),
    "topdown": (TopDownNetwork, TopDownConfig),
    "hrnet": (HRNet, HRNetConfig),
    "lifting": (LiftingNetwork, LiftingConfig),
}


def name_of(config: Config) -> str:
    """Return the name of the architecture that the settings belong to."""
    return next(name for name, (_, kind) in ARCHITECTURES.items() if kind is type(config))


def build_network(architecture: str, config: Mapping[str, Any]) -> AnyNetwork:
    """Build a network with initial weights.

    Raises:
        SettingsError: the architecture or a setting is unknown, or a value is invalid.
    """
    network, settings = described(architecture, config)
    return network(settings)


def described(architecture: str, config: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return the class and the settings of a network without building it, which takes a second.

    Raises:
        SettingsError: see ``build_network``.
    """
    if architecture not in ARCHITECTURES:
        raise SettingsError(f"unknown network {architecture!r}; known: {', '.join(ARCHITECTURES)}")
    network, settings = ARCHITECTURES[architecture]
    if unknown := set(config) - {field.name for field in fields(settings)}:
        raise SettingsError(f"a {architecture} network has no setting {', '.join(sorted(unknown))}")
    return network, settings(**config)
