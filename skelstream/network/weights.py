"""Weights in safetensors files that say what network they are of."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from skelstream.atomic import replacing
from skelstream.errors import FormatError, ModelError
from skelstream.fields import mapping, string
from skelstream.json_files import parse_json
from skelstream.network.architectures import ARCHITECTURES, Network, build_network

DEFAULT = "skelstream-movenet"
"""The weights that are used when none are named."""
SECOND = "skelstream-second"
"""Those of the second look."""


@dataclass(frozen=True)
class ModelFile:
    """A weights file's header.

    Attributes:
        path: the file.
        architecture: ``paf`` or ``openpose``.
        config: the network's settings.
        card: what a user should know: data, protocol, figures, licences.
    """

    path: Path
    architecture: str
    config: dict[str, object]
    card: dict[str, object]

    def sha256(self) -> str:
        """Of the whole file, in hexadecimal digits."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()


def packaged_models() -> dict[str, Path]:
    """The weights that come with the package, by name."""
    folder = Path(str(resources.files("skelstream.network"))) / "weights"
    return {path.stem: path for path in sorted(folder.glob("*.safetensors"))}


def find_model(name: str | None) -> Path:
    """The file of a packaged model's name or a path; the default model for None.

    Raises:
        ModelError: neither is there.
    """
    packaged = packaged_models()
    name = name or DEFAULT
    if name in packaged:
        return packaged[name]
    if not Path(name).is_file():
        raise ModelError(
            f"{name}: no such weights file, nor a packaged model (those are: {', '.join(packaged)})"
        )
    return Path(name)


def read_header(path: Path) -> ModelFile:
    """What a weights file says of itself, without reading the weights.

    Raises:
        ModelError: not a safetensors file written by ``save_weights``.
    """
    try:
        with safetensors.safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
        config, card = (mapping(parse_json(metadata[key], key), key) for key in ("config", "card"))
        return ModelFile(path, string(metadata["architecture"], "architecture"), config, card)
    except (OSError, safetensors.SafetensorError, KeyError, ValueError, FormatError) as error:
        raise ModelError(f"{path}: not a skelstream weights file ({error})") from None


def save_weights(
    path: Path,
    state: dict[str, Tensor],
    architecture: str,
    config: dict[str, object],
    card: dict[str, object],
) -> None:
    """Writes weights with their header, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    metadata = {"architecture": architecture, "config": json.dumps(config), "card": json.dumps(card)}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    with replacing(path) as temporary:
        temporary.write_bytes(safetensors.torch.save(tensors, metadata))


def load_network(file: ModelFile) -> Network:
    """The network of a weights file, ready to infer, on the CPU in float32.

    Raises:
        ModelError: the weights are damaged or of another network.
    """
    if file.architecture not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise ModelError(
            f"{file.path}: of a network called {file.architecture!r}, which this version lacks ({known})"
        )
    try:
        network = build_network(file.architecture, file.config)
        network.load_state_dict(
            {name: t.float() for name, t in safetensors.torch.load_file(file.path).items()}
        )
    except (TypeError, ValueError, RuntimeError, OSError, safetensors.SafetensorError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{file.path}: its weights do not fit the network ({reason})") from None
    return network.eval()
