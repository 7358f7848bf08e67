"""Base class of the PAF network's backbones."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from torch import Tensor, nn


class Backbone(nn.Module, ABC):
    """Extractor of image features at four strides.

    Attributes:
        channels: number of channels of the features at strides 4, 8, 16 and 32.
        normalisation: description of the normalisation of the input.
        start_suffix: file ending of the published weights with which training starts.
        stem, blocks: first layers, in order; training may freeze the first ones.
    """

    channels: tuple[int, int, int, int]
    normalisation: str
    start_suffix: str
    stem: nn.Module
    blocks: nn.ModuleList

    @abstractmethod
    def features(self, image: Tensor) -> tuple[tuple[Tensor, ...], Tensor | None]:
        """Return features at strides 4, 8, 16 and 32, and logits of COCO's 17 keypoints if the backbone has
        them.

        Args:
            image: float (B, 3, H, W) RGB in [0, 255], H and W divisible by 32.

        Returns:
            four features, float (B, C, H / stride, W / stride); logits, float (B, 17, H / 4, W / 4), or None.
        """

    @classmethod
    @abstractmethod
    def start(cls, path: Path) -> dict[str, Tensor]:
        """Read the state dict from a file of published weights.

        Raises:
            ModelError: the file is missing or contains something else.
        """
