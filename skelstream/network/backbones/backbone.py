"""What a backbone has to offer to the network of part affinity fields."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from torch import Tensor, nn


class Backbone(nn.Module, ABC):
    """Features of an image at four strides.

    Attributes:
        channels: of the features at strides 4, 8, 16 and 32.
        normalisation: what it does to its input first, for people to read.
        start_suffix: ending of the file of published weights that it starts from.
        stem, blocks: its first layers, of which training may keep the first as they start.
    """

    channels: tuple[int, int, int, int]
    normalisation: str
    start_suffix: str
    stem: nn.Module
    blocks: nn.ModuleList

    @abstractmethod
    def features(self, image: Tensor) -> tuple[tuple[Tensor, ...], Tensor | None]:
        """Features at strides 4, 8, 16 and 32, and logits of COCO's 17 keypoints where the backbone knows them.

        Args:
            image: float (B, 3, H, W) RGB in [0, 255], H and W divisible by 32.

        Returns:
            Four float (B, C, H / stride, W / stride); float (B, 17, H / 4, W / 4) or None.
        """

    @classmethod
    @abstractmethod
    def start(cls, path: Path) -> dict[str, Tensor]:
        """The state dict in a file of published weights.

        Raises:
            ModelError: the file is missing or holds something else.
        """
