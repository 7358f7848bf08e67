"""Networks of detection, refinement and 3D lifting, and their weights files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skelstream.lazy import lazy_exports
from skelstream.network import source_code  # before any network is imported, see LOADED there

if TYPE_CHECKING:
    from skelstream.network.architectures import build_network
    from skelstream.network.model_file import ModelFile, find_model, packaged_models, read_header
    from skelstream.network.part_maps import PartMaps
    from skelstream.network.weights import load_image_network, load_network, save_weights

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "architectures": ["build_network"],
        "model_file": ["ModelFile", "find_model", "packaged_models", "read_header"],
        "part_maps": ["PartMaps"],
        "weights": ["load_image_network", "load_network", "save_weights"],
    },
)
