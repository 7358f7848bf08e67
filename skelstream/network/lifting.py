"""Lifting network: the 2D joints of one person over several frames to its 3D joints in one of these frames.

VideoPose3D (Pavllo et al., "3D human pose estimation in video with temporal convolutions and semi-supervised
training", CVPR 2019, section 3): convolutions over time of width 3 in residual blocks, with dilations that
grow threefold. Since the output is a single frame, convolutions with stride 3 replace the dilated ones: they
give the same value for that frame at a fraction of the work. Modules are named as in the published weights.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skelstream.errors import SettingsError
from skelstream.skeleton import COCO17, H36M17

_WIDTH = 3
FRAMES = (27, 81, 243)
"""Possible numbers of input frames."""
NORMALISATIONS = ("window", "image")
"""Reference of the normalised joint positions: the person in the input frames, or the whole image."""


@dataclass(frozen=True)
class LiftingConfig:
    """Settings to build the network and to prepare its input, stored with the weights.

    Attributes:
        frames: number of input frames: 27, 81 or 243.
        channels: number of channels of each layer.
        causal: whether the output is the last input frame, for streams, rather than the middle one.
        normalisation: ``window`` or ``image``; see ``skelstream.processing.lifting.windows``.
        presence: whether each joint has a third input: 1 if it was detected, 0 if it is missing.
        rate: input frames per second.
        dropout: share of the features dropped in training.
    """

    frames: int = 27
    channels: int = 480
    causal: bool = False
    normalisation: str = "window"
    presence: bool = True
    rate: float = 30.0
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if self.frames not in FRAMES:
            raise SettingsError(f"frames is {self.frames}; it must be one of {', '.join(map(str, FRAMES))}")
        if self.normalisation not in NORMALISATIONS:
            raise SettingsError(
                f"normalisation {self.normalisation!r} is not one of {', '.join(NORMALISATIONS)}"
            )
        if self.channels < 1 or not self.rate > 0 or not 0 <= self.dropout < 1:
            raise SettingsError("channels and rate must be above 0, dropout in [0, 1)")

    @property
    def output_frame(self) -> int:
        """Index of the input frame whose 3D joints the network returns."""
        return self.frames - 1 if self.causal else self.frames // 2

    def to_dict(self) -> dict[str, object]:
        return asdict(self)


class LiftingNetwork(nn.Module):
    """Network from COCO's joints, float (B, frames, 17, 2 or 3), to Human3.6M's joints (B, 17, 3) in metres.

    The input is x, y and, with ``presence``, 1 or 0 per joint; x and y of missing joints are 0. The output is
    relative to the mid-hip, in the axes of a camera facing the person: x right, y down, z away from the
    camera.
    """

    source = COCO17
    skeleton = H36M17

    def __init__(self, config: LiftingConfig | None = None):
        super().__init__()
        self.config = config = config or LiftingConfig()
        channels = config.channels
        self.features = 3 if config.presence else 2
        self.expand_conv = nn.Conv1d(len(self.source) * self.features, channels, _WIDTH, bias=False)
        self.expand_bn = nn.BatchNorm1d(channels)
        self.layers_conv, self.layers_bn = nn.ModuleList(), nn.ModuleList()
        dilation = _WIDTH
        while dilation < config.frames:
            # The published weights belong to dilated convolutions, which are equivalent to these with stride
            # 3.
            for width in (_WIDTH, 1):
                self.layers_conv.append(nn.Conv1d(channels, channels, width, bias=False))
                self.layers_bn.append(nn.BatchNorm1d(channels))
            dilation *= _WIDTH
        self.shrink = nn.Conv1d(channels, len(self.skeleton) * 3, 1)
        self.drop = nn.Dropout(config.dropout)

    @property
    def normalisation(self) -> str:
        """Description of the input's normalisation."""
        if self.config.normalisation == "window":
            return "x and y less their mean over the frames, by their spread about each frame's own mean"
        return "x / w * 2 - 1, y / w * 2 - h / w"

    def forward(self, windows: Tensor) -> Tensor:
        x = windows.flatten(2).transpose(1, 2)
        kept = _WIDTH - 1 if self.config.causal else _WIDTH // 2
        x = self._layer(F.conv1d(x, self.expand_conv.weight, stride=_WIDTH), self.expand_bn)
        for i in range(0, len(self.layers_conv), 2):
            residual = x[..., kept::_WIDTH]
            x = self._layer(
                F.conv1d(x, self.layers_conv[i].weight, stride=_WIDTH),  # type: ignore[arg-type]
                self.layers_bn[i],
            )
            x = residual + self._layer(self.layers_conv[i + 1](x), self.layers_bn[i + 1])
        return self.shrink(x).view(len(windows), len(self.skeleton), 3)

    def _layer(self, x: Tensor, norm: nn.Module) -> Tensor:
        return self.drop(torch.relu(norm(x)))
