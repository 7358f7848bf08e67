"""Naive Lite-HRNet: HRNet's branches of decreasing resolution, built of ShuffleNet's units.

HRNet (Sun et al., "Deep High-Resolution Representation Learning for Human Pose Estimation", CVPR 2019,
section 3) keeps a high-resolution branch through the whole network and repeatedly exchanges features between
branches; Lite-HRNet (Yu et al., CVPR 2021, section 3.1) replaces its residual blocks by shuffle units (Ma et
al., ShuffleNetV2, ECCV 2018). Batch norms are folded into the convolutions, as in the initial weights.

Modules are defined in the order in which PP-TinyPose numbers its batch norms, by which its weights are read.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from skelstream.network.backbones.branches import exchanged
from skelstream.network.ranged_conv import RangedConv

STEM = 32
CHANNELS = (40, 80, 160, 320)
"""Channels of the branches at strides 4, 8, 16 and 32."""
# Number of exchanges between two, three and four branches; number of shuffle units per branch before an
# exchange.
_EXCHANGES = (2, 4, 2)
_UNITS = 2


def pointwise(inputs: int, outputs: int, relu: bool = True) -> nn.Sequential:
    """Build a 1 x 1 convolution, with a ReLU if requested."""
    return nn.Sequential(RangedConv(inputs, outputs, 1), *([nn.ReLU()] if relu else []))


def depthwise(channels: int, stride: int = 1) -> nn.Conv2d:
    """Build a depthwise 3 x 3 convolution."""
    return nn.Conv2d(channels, channels, 3, stride, 1, groups=channels)


def _shuffled(x: Tensor, y: Tensor) -> Tensor:
    """Interleave the channels of two tensors (B, C, H, W)."""
    return torch.stack([x, y], 2).flatten(1, 2)


class _Stem(nn.Module):
    """First layers, from the image to features at stride 4."""

    def __init__(self) -> None:
        super().__init__()
        half = STEM // 2
        self.enter = nn.Sequential(nn.Conv2d(3, STEM, 3, 2, 1), nn.ReLU())
        self.near = nn.Sequential(depthwise(half, 2), pointwise(half, half))
        self.far = nn.Sequential(pointwise(half, STEM), depthwise(STEM, 2), pointwise(STEM, half))

    def forward(self, image: Tensor) -> Tensor:
        near, far = self.enter(image).chunk(2, 1)
        return _shuffled(self.near(near), self.far(far))


class _ShuffleUnit(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        half = channels // 2
        self.convs = nn.Sequential(pointwise(half, half), depthwise(half), pointwise(half, half))

    def forward(self, x: Tensor) -> Tensor:
        kept, changed = x.chunk(2, 1)
        return _shuffled(kept, self.convs(changed))


def _down(inputs: int, outputs: int, steps: int) -> nn.Sequential:
    """Build the layers to features at 1 / 2^steps of the resolution."""
    layers: list[nn.Module] = []
    for i in range(steps):
        last = i == steps - 1
        layers += [depthwise(inputs, 2), pointwise(inputs, outputs if last else inputs, relu=not last)]
    return nn.Sequential(*layers)


class _Exchange(nn.Module):
    """Shuffle units in each branch, followed by an exchange of features between all branches."""

    def __init__(self, branches: int):
        super().__init__()
        channels = CHANNELS[:branches]
        self.units = nn.ModuleList(nn.Sequential(*(_ShuffleUnit(c) for _ in range(_UNITS))) for c in channels)
        self.paths = nn.ModuleDict()
        for to, outputs in enumerate(channels):
            for source, inputs in enumerate(channels):
                if source > to:
                    self.paths[f"{source}_{to}"] = pointwise(inputs, outputs, relu=False)
                elif source < to:
                    self.paths[f"{source}_{to}"] = _down(inputs, outputs, to - source)

    def forward(self, branches: list[Tensor]) -> list[Tensor]:
        deeper = [units(x) for units, x in zip(self.units, branches, strict=True)]
        return exchanged(deeper, lambda source, to: self.paths[f"{source}_{to}"], first_twice=True)


class _Stage(nn.Module):
    """New branch at half the lowest resolution, followed by exchanges between all branches."""

    def __init__(self, branches: int, exchanges: int, inputs: int):
        super().__init__()
        self.begin = nn.Sequential(depthwise(inputs, 2), pointwise(inputs, CHANNELS[branches - 1]))
        self.exchanges = nn.Sequential(*(_Exchange(branches) for _ in range(exchanges)))

    def forward(self, branches: list[Tensor], lowest: Tensor) -> list[Tensor]:
        return self.exchanges([*branches, self.begin(lowest)])


class LiteHRNet(nn.Module):
    """Network from normalised float (B, 3, H, W) to four branches, (B, ``CHANNELS[i]``, H / 4 / 2^i, W / 4 /
    2^i).

    H and W must be divisible by 32.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = _Stem()
        self.begin = nn.Sequential(depthwise(STEM), pointwise(STEM, CHANNELS[0]))
        # The second branch begins at the stem, later ones at the lowest branch so far.
        self.stages = nn.ModuleList(
            _Stage(i + 2, exchanges, CHANNELS[i] if i else STEM) for i, exchanges in enumerate(_EXCHANGES)
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        x = self.stem(image)
        branches, lowest = [self.begin(x)], x
        for stage in self.stages:
            branches = stage(branches, lowest)
            lowest = branches[-1]
        return branches
