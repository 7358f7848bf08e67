"""Writing and loading of weights in safetensors files whose header describes the network."""

from __future__ import annotations

import json
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from skelstream.errors import ModelError
from skelstream.files.atomic import replacing
from skelstream.network.architectures import ARCHITECTURES, AnyNetwork, CropNetwork, Network, build_network
from skelstream.network.lifting import LiftingNetwork
from skelstream.network.model_file import ModelFile, checksum


def save_weights(
    path: Path,
    state: dict[str, Tensor],
    architecture: str,
    config: dict[str, object],
    card: dict[str, object],
) -> None:
    """Write weights with their header, atomically.

    Raises:
        OutputError: the file cannot be written.
    """
    metadata = {"architecture": architecture, "config": json.dumps(config), "card": json.dumps(card)}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    # The order of the tensors' bytes does not depend on the metadata, so the checksum holds for the final
    # file.
    metadata["checksum"] = checksum(safetensors.torch.save(tensors, metadata))
    with replacing(path) as temporary:
        temporary.write_bytes(safetensors.torch.save(tensors, metadata))


def load_network(file: ModelFile, content: bytes | None = None) -> AnyNetwork:
    """Load the network of a weights file for inference, on the CPU in float32.

    Args:
        file: header of the file.
        content: the file's content if it has been read; None reads it.

    Raises:
        ModelError: the weights are damaged or of another network.
    """
    if file.architecture not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise ModelError(
            f"{file.path}: unknown network {file.architecture!r}; this version of skelstream knows {known}"
        )
    content = file.read() if content is None else content
    try:
        network = build_network(file.architecture, file.config)
        network.load_state_dict({name: t.float() for name, t in safetensors.torch.load(content).items()})
    except (TypeError, ValueError, RuntimeError, OSError, safetensors.SafetensorError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{file.path}: its weights do not fit the network ({reason})") from None
    if not all(tensor.isfinite().all() for tensor in network.state_dict().values()):
        raise ModelError(f"{file.path}: damaged: some of its weights are not numbers; get the file again")
    return network.eval()


def load_image_network(file: ModelFile, content: bytes | None = None) -> Network | CropNetwork:
    """Load the network of a weights file, as ``load_network`` does, if it takes images.

    Raises:
        ModelError: it is a lifting network, or as for ``load_network``.
    """
    network = load_network(file, content)
    if isinstance(network, LiftingNetwork):
        raise ModelError(
            f"{file.path}: weights of a lifting network, which takes joints; give a network that takes images"
        )
    return network
