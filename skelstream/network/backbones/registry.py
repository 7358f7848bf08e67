"""Table of backbones."""

from __future__ import annotations

from skelstream.network.backbones.backbone import Backbone
from skelstream.network.backbones.hrnet import HRNetW32
from skelstream.network.backbones.movenet import MoveNetBackbone

BACKBONES: dict[str, type[Backbone]] = {
    "movenet": MoveNetBackbone,
    "hrnet-w32": HRNetW32,
}
"""Backbones by their name in network settings and weights files."""
