"""Networks that are built only where they are needed, with what is known of them before."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import safetensors
import safetensors.torch

from skelstream.network.architectures import CropNetwork, Network, described
from skelstream.network.model_file import ModelFile
from skelstream.network.quantised import has_ranges
from skelstream.network.top_down import TopDownNetwork
from skelstream.network.unshuffled import unshuffled
from skelstream.network.weights import load_image_network
from skelstream.skeleton import Skeleton


@dataclass(frozen=True)
class LazyNetwork:
    """Network for inference, and what is known of it before it is built, which takes seconds.

    Attributes:
        skeleton: joints and limbs of its maps.
        stride: input pixels per cell of the maps.
        size_divisor: divisor of the input's height and width.
        example_size: height and width of an example input; of every crop for a refinement network.
        takes_crops: whether it is a refinement network.
        sha256: SHA-256 of its weights file, hexadecimal; None for a network that does not come from a file.
        load: function that returns the network, on the CPU in float32. It may raise ModelError.
        has_ranges: function that returns whether the network can be quantised, see ``quantised.has_ranges``.
    """

    skeleton: Skeleton
    stride: int
    size_divisor: int
    example_size: tuple[int, int]
    takes_crops: bool
    sha256: str | None
    load: Callable[[], Network | CropNetwork]
    has_ranges: Callable[[], bool]


def lazy_network(file: ModelFile) -> LazyNetwork:
    """Return the network of a weights file, which is read once: later changes of the file have no effect.

    Raises:
        ModelError: the file cannot be read, or holds weights of a network that does not take images.
    """
    content = file.read()

    def load() -> Network | CropNetwork:
        network = load_image_network(file, content)
        return unshuffled(network) if isinstance(network, TopDownNetwork) else network

    try:
        kind, config = described(file.architecture, file.config)
    except (TypeError, ValueError):
        return lazy(load())  # raises an error that says what is wrong with the file
    if not issubclass(kind, Network | CropNetwork):
        return lazy(load())  # likewise
    return LazyNetwork(
        config.skeleton,
        kind.stride,
        kind.size_divisor,
        config.example_size,
        issubclass(kind, CropNetwork),
        hashlib.sha256(content).hexdigest(),
        load,
        lambda: _contains_ranges(content),
    )


def lazy(network: Network | CropNetwork) -> LazyNetwork:
    """Return a network that is built already in the form of one that is not."""
    return LazyNetwork(
        network.skeleton,
        network.stride,
        network.size_divisor,
        network.example_size,
        isinstance(network, CropNetwork),
        None,
        lambda: network,
        lambda: has_ranges(network),
    )


def _contains_ranges(content: bytes) -> bool:
    """Return what ``has_ranges`` says of the network of a weights file."""
    try:
        tensors = safetensors.torch.load(content)
    except safetensors.SafetensorError:
        return False
    ranges = [tensor for name, tensor in tensors.items() if name.endswith(".range")]
    return bool(ranges) and all(bool(tensor.any()) for tensor in ranges)
