"""HRNet as a top-down network: a crop of one person to one heatmap per joint."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn

from skelstream.errors import ModelError, SettingsError
from skelstream.network.backbones.hrnet import DEVIATION, MEAN, HRNetBranches
from skelstream.network.torch_file import mismatches, read_state_dict
from skelstream.skeleton import COCO17, Skeleton

WIDTHS = (32, 48)
"""Channels of the highest-resolution branch, which name the two published networks."""
TRAINED_ON = "as published with HRNet: COCO train2017; not trained here"
LICENCE = "the published weights' own terms (their code: MIT); COCO's annotations: CC BY 4.0, its images: their Flickr licences"


@dataclass(frozen=True)
class HRNetConfig:
    """Settings to build the network and to cut crops for it, stored with the weights.

    Attributes:
        channels: channels of the highest-resolution branch, 32 or 48.
        height, width: size of a crop in pixels, divisible by 32.
        skeleton: joints of the heatmaps.
    """

    channels: int = 32
    height: int = 256
    width: int = 192
    skeleton: ClassVar[Skeleton] = COCO17

    def __post_init__(self) -> None:
        if self.channels not in WIDTHS:
            raise SettingsError(f"channels is {self.channels}; it must be {' or '.join(map(str, WIDTHS))}")
        if self.height < 32 or self.width < 32 or self.height % 32 or self.width % 32:
            raise SettingsError(f"a crop of {self.width}x{self.height} is invalid: use multiples of 32")

    @property
    def example_size(self) -> tuple[int, int]:
        """Height and width of an example input for tracing the network."""
        return self.height, self.width

    def to_dict(self) -> dict[str, object]:
        return asdict(self)


class HRNet(HRNetBranches):
    """HRNet from crops, float (B, 3, H, W) RGB in [0, 255], to heatmaps (B, 17, H / 4, W / 4), about 0 to 1.

    Cell i of a heatmap corresponds to pixel 4 i of the crop.
    """

    mean: Tensor
    deviation: Tensor
    stride = 4
    size_divisor = 32
    skeleton = HRNetConfig.skeleton
    normalisation = "RGB, (x / 255 - mean) / deviation of ImageNet"

    def __init__(self, config: HRNetConfig | None = None):
        self.config = config = config or HRNetConfig()
        super().__init__(config.channels)
        self.final_layer = nn.Conv2d(config.channels, len(self.skeleton), 1)
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION)[:, None, None], persistent=False)

    @property
    def example_size(self) -> tuple[int, int]:
        """Height and width of an example input for tracing the network."""
        return self.config.example_size

    @property
    def sizes(self) -> str:
        """Description of the input's height and width."""
        return f"H {self.config.height} and W {self.config.width}, a crop of one person"

    def forward(self, image: Tensor) -> Tensor:
        (highest,) = self.branches((image - self.mean) / self.deviation)
        return self.final_layer(highest)


def load_hrnet(path: Path, height: int = 256, width: int = 192) -> tuple[HRNetConfig, dict[str, Tensor]]:
    """Read the settings and the state dict of an HRNet from published weights such as
    ``pose_hrnet_w32_256x192.pth``.

    Args:
        path: the file; no code in it is run.
        height, width: size in pixels of the crops of its training, which the weights do not tell.

    Raises:
        ModelError: the file is missing, not a PyTorch file, or not of this network; the message says which.
    """
    stored = {name.removeprefix("module."): tensor for name, tensor in read_state_dict(path).items()}
    last = stored.get("final_layer.weight")
    channels = last.shape[1] if last is not None and last.ndim == 4 else 0
    if channels not in WIDTHS:
        raise ModelError(f"{path}: not HRNet's weights: no final_layer.weight of 32 or 48 channels")
    if last is not None and last.shape[0] != len(COCO17):
        raise ModelError(f"{path}: weights for {last.shape[0]} joints; give weights for COCO's 17 joints")
    config = HRNetConfig(channels, height, width)
    with torch.device("meta"):
        wanted = HRNet(config).state_dict()
    if problem := next(mismatches(stored, wanted), None):
        raise ModelError(f"{path}: not HRNet w{channels}: {problem}")
    return config, {
        name: stored[name].float() if tensor.is_floating_point() else stored[name]
        for name, tensor in wanted.items()
    }
