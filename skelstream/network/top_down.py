"""Top-down network: a crop of one person to one heatmap per joint.

Lite-HRNet's branches are merged from the lowest resolution upwards, as in PP-TinyPose, to heatmaps of COCO's
17 joints at stride 4.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skelstream.network.backbones.hrnet import DEVIATION, MEAN
from skelstream.network.backbones.lite_hrnet import CHANNELS, LiteHRNet, depthwise
from skelstream.skeleton import COCO17, Skeleton


@dataclass(frozen=True)
class TopDownConfig:
    """Settings to build the network and to cut crops for it, stored with the weights.

    Attributes:
        height, width: size of a crop in pixels.
        skeleton: joints of the heatmaps.
    """

    height: int = 256
    width: int = 192
    skeleton: ClassVar[Skeleton] = COCO17

    @property
    def example_size(self) -> tuple[int, int]:
        """Height and width of an example input for tracing the network."""
        return self.height, self.width

    def to_dict(self) -> dict[str, object]:
        return asdict(self)


class TopDownNetwork(nn.Module):
    """Network from crops, float (B, 3, H, W) RGB in [0, 255], to heatmaps (B, 17, H / 4, W / 4), about 0 to
    1.

    Cell i of a heatmap corresponds to pixel 4 i of the crop.
    """

    mean: Tensor
    deviation: Tensor
    stride = 4
    size_divisor = 32
    skeleton = TopDownConfig.skeleton

    def __init__(self, config: TopDownConfig | None = None):
        super().__init__()
        self.config = config or TopDownConfig()
        self.backbone = LiteHRNet()
        inputs = CHANNELS[::-1]
        outputs = (*inputs[1:], inputs[-1])
        self.merges = nn.ModuleList(
            nn.Sequential(depthwise(i), nn.Sequential(nn.Conv2d(i, o, 1), nn.ReLU()))
            for i, o in zip(inputs, outputs, strict=True)
        )
        self.out = nn.Conv2d(CHANNELS[0], len(self.skeleton), 1)
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION)[:, None, None], persistent=False)

    @property
    def example_size(self) -> tuple[int, int]:
        """Height and width of an example input for tracing the network."""
        return self.config.example_size

    @property
    def normalisation(self) -> str:
        """Description of the input's normalisation."""
        return "RGB, (x / 255 - mean) / deviation of ImageNet"

    @property
    def sizes(self) -> str:
        """Description of the input's height and width."""
        return f"H {self.config.height} and W {self.config.width}, a crop of one person"

    def forward(self, crops: Tensor) -> Tensor:
        branches = self.backbone((crops - self.mean) / self.deviation)
        x = None
        for branch, merge in zip(reversed(branches), self.merges, strict=True):
            if x is not None:
                branch = branch + F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=True)
            x = merge(branch)
        return self.out(x)
