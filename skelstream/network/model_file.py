"""What a weights file says of itself, read without the network or torch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import safetensors

from skelstream.errors import FormatError, ModelError
from skelstream.files.json import parse_json
from skelstream.files.values import mapping, string
from skelstream.settings.models import DETECTOR


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

    def read(self) -> bytes:
        """The whole file.

        Raises:
            ModelError: its tensors are damaged, or it cannot be read.
        """
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise ModelError(f"{self.path}: {error.strerror}") from None
        if self.checksum not in (None, checksum(content)):
            raise ModelError(f"{self.path}: damaged, as its checksum says; get it anew")
        return content


def packaged_models() -> dict[str, Path]:
    """The weights that come with the package, by name."""
    folder = Path(str(resources.files("skelstream.network"))) / "weights"
    return {path.stem: path for path in sorted(folder.glob("*.safetensors"))}


def find_model(name: str | None) -> Path:
    """The file of a packaged model's name, a path, or a path without ``.safetensors``; the default model for None.

    Raises:
        ModelError: neither is there.
    """
    packaged = packaged_models()
    name = name or DETECTOR
    if name in packaged:
        return packaged[name]
    imported = Path(f"{name}.safetensors")
    if not Path(name).is_file() and imported.is_file():
        return imported  # as skelstream models import leaves it here
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
        with safetensors.safe_open(path, "np") as file:
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


def checksum(content: bytes) -> str:
    """SHA-256 of what follows the header in a safetensors file."""
    header = int.from_bytes(content[:8], "little")
    return hashlib.sha256(content[8 + header :]).hexdigest()
