"""Headers of weights files, read without torch, and the packaged models."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import safetensors

from skelstream.errors import FormatError, ModelError, SettingsError
from skelstream.files.json import parse_json
from skelstream.files.values import mapping, string
from skelstream.network.fetched import fetchable_models, find_fetched
from skelstream.settings.models import DETECTOR


@dataclass(frozen=True)
class ModelFile:
    """Header of a weights file.

    Attributes:
        path: path of the file.
        architecture: name in ``architectures.ARCHITECTURES``.
        config: settings of the network.
        card: model card: data, protocol, figures, licences.
        checksum: SHA-256 of the tensors' bytes; None if the file has none.
    """

    path: Path
    architecture: str
    config: dict[str, object]
    card: dict[str, object]
    checksum: str | None = None

    def sha256(self) -> str:
        """Return the SHA-256 of the whole file in hexadecimal digits."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def read(self) -> bytes:
        """Return the content of the file.

        Raises:
            ModelError: the file cannot be read, or its tensors are damaged.
        """
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise ModelError(f"{self.path}: {error.strerror}") from None
        if self.checksum not in (None, checksum(content)):
            raise ModelError(f"{self.path}: damaged: its checksum is wrong; get the file again")
        return content


def packaged_models() -> dict[str, Path]:
    """Return the paths of the weights in the package, by name."""
    folder = Path(str(resources.files("skelstream.network"))) / "weights"
    return {path.stem: path for path in sorted(folder.glob("*.safetensors"))}


def find_model(name: str | None, setting: str = "weights") -> Path:
    """Return the file of a packaged or fetched model's name or of a path, with or without ``.safetensors``.

    Args:
        name: the name or path; None stands for the default model.
        setting: setting that the name comes from, for messages.

    Raises:
        SettingsError: there is neither such a file nor such a model.
        ModelError: the model has not been fetched yet; the message tells how.
    """
    packaged = packaged_models()
    name = name or DETECTOR
    if name in packaged:
        return packaged[name]
    imported = Path(f"{name}.safetensors")
    if not Path(name).is_file() and imported.is_file():
        return imported  # file written by skelstream models import
    if not Path(name).is_file():
        if name in fetchable_models():
            return find_fetched(name)
        raise SettingsError(
            f"{name}: no such weights file or packaged model; packaged models: {', '.join(packaged)}",
            setting=setting,
        )
    return Path(name)


def read_header(path: Path) -> ModelFile:
    """Read the header of a weights file, without the weights.

    Raises:
        ModelError: the file is not a safetensors file written by ``save_weights``.
    """
    if path.suffix in (".onnx", ".xml", ".tflite", ".toml"):
        raise ModelError(
            f"{path}: not a skelstream weights file (.safetensors); a graph (.onnx, .xml, .tflite) can only be the refiner"
        )
    try:
        with safetensors.safe_open(path, "np") as file:
            metadata = file.metadata() or {}
        config, card = (mapping(parse_json(metadata[key], key), key) for key in ("config", "card"))
        architecture = string(metadata["architecture"], "architecture")
        return ModelFile(path, architecture, config, card, metadata.get("checksum"))
    except KeyError as error:
        raise ModelError(
            f"{path}: not a skelstream weights file: its safetensors metadata lacks {error}"
        ) from None
    except (OSError, safetensors.SafetensorError, ValueError, FormatError) as error:
        raise ModelError(f"{path}: not a skelstream weights file ({error})") from None


def checksum(content: bytes) -> str:
    """Return the SHA-256 of the bytes after the header of a safetensors file."""
    header = int.from_bytes(content[:8], "little")
    return hashlib.sha256(content[8 + header :]).hexdigest()
