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
        checksum: SHA-256 of the tensors' bytes, or None in files of before there was one.
    """

    path: Path
    architecture: str
    config: dict[str, object]
    card: dict[str, object]
    checksum: str | None = None

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
        architecture = string(metadata["architecture"], "architecture")
        return ModelFile(path, architecture, config, card, metadata.get("checksum"))
    except KeyError as error:
        raise ModelError(
            f"{path}: not a skelstream weights file: safetensors without {error} in its metadata"
        ) from None
    except (OSError, safetensors.SafetensorError, ValueError, FormatError) as error:
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
    # The order of the tensors' bytes does not depend on the metadata.
    metadata["checksum"] = _checksum(safetensors.torch.save(tensors, metadata))
    with replacing(path) as temporary:
        temporary.write_bytes(safetensors.torch.save(tensors, metadata))


def _checksum(content: bytes) -> str:
    """SHA-256 of what follows the header in a safetensors file."""
    header = int.from_bytes(content[:8], "little")
    return hashlib.sha256(content[8 + header :]).hexdigest()


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
        content = file.path.read_bytes()
        if file.checksum not in (None, _checksum(content)):
            raise ModelError(f"{file.path}: damaged, as its checksum says; get it anew")
        network = build_network(file.architecture, file.config)
        network.load_state_dict({name: t.float() for name, t in safetensors.torch.load(content).items()})
    except (TypeError, ValueError, RuntimeError, OSError, safetensors.SafetensorError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{file.path}: its weights do not fit the network ({reason})") from None
    if not all(tensor.isfinite().all() for tensor in network.state_dict().values()):
        raise ModelError(f"{file.path}: damaged, as some of its weights are not numbers; get it anew")
    return network.eval()
