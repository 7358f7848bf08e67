"""HRNet: a high-resolution branch through the whole network, with branches of lower resolutions beside it.

Sun et al., "Deep High-Resolution Representation Learning for Human Pose Estimation", CVPR 2019, section 3:
residual blocks in each branch, an exchange of features between all branches after every four blocks, and a
new branch of half the lowest resolution with each stage. Modules have the names of the published weights.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skelstream.errors import ModelError
from skelstream.network.backbones.backbone import Backbone
from skelstream.network.backbones.branches import exchanged
from skelstream.network.torch_file import read_state_dict

# Mean and standard deviation of ImageNet, RGB from 0 to 255.
MEAN = (0.485 * 255, 0.456 * 255, 0.406 * 255)
DEVIATION = (0.229 * 255, 0.224 * 255, 0.225 * 255)

_STEM = 64
_FIRST = 4  # number of bottlenecks of the first stage
_WIDE = 256  # channels of the first stage's features
_BLOCKS = 4  # number of blocks of each branch before an exchange
# Number of exchanges between two, three and four branches.
_MODULES = (1, 4, 3)


def _conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)


def _entry(inputs: int, outputs: int, stride: int = 1, kernel: int = 3, relu: bool = True) -> nn.Sequential:
    layers: list[nn.Module] = [_conv(inputs, outputs, kernel, stride), nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([nn.ReLU()] if relu else []))


class _Bottleneck(nn.Module):
    """Residual block of 1 x 1, 3 x 3 and 1 x 1 convolutions (He et al. 2016)."""

    def __init__(self, inputs: int):
        super().__init__()
        self.conv1, self.bn1 = _conv(inputs, _STEM, 1), nn.BatchNorm2d(_STEM)
        self.conv2, self.bn2 = _conv(_STEM, _STEM), nn.BatchNorm2d(_STEM)
        self.conv3, self.bn3 = _conv(_STEM, _WIDE, 1), nn.BatchNorm2d(_WIDE)
        self.downsample = _entry(inputs, _WIDE, kernel=1, relu=False) if inputs != _WIDE else None

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(self.bn3(self.conv3(y)) + (x if self.downsample is None else self.downsample(x)))


class _BasicBlock(nn.Module):
    """Residual block of two 3 x 3 convolutions."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv1, self.bn1 = _conv(channels, channels), nn.BatchNorm2d(channels)
        self.conv2, self.bn2 = _conv(channels, channels), nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + x)


def _down(inputs: int, outputs: int, steps: int) -> nn.Sequential:
    """Build the layers to features at 1 / 2^steps of the resolution."""
    last = steps - 1
    return nn.Sequential(
        *(_entry(inputs, outputs if i == last else inputs, 2, relu=i != last) for i in range(steps))
    )


class _Module(nn.Module):
    """Residual blocks in each branch, then an exchange between all of them."""

    def __init__(self, channels: list[int], outputs: int):
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(*(_BasicBlock(c) for _ in range(_BLOCKS))) for c in channels
        )
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(
                nn.Identity() if source == to
                else _entry(inputs, channels[to], kernel=1, relu=False) if source > to
                else _down(inputs, channels[to], to - source)
                for source, inputs in enumerate(channels)
            )
            for to in range(outputs)
        )  # fmt: skip

    def forward(self, branches: list[Tensor]) -> list[Tensor]:
        deeper = [blocks(x) for blocks, x in zip(self.branches, branches, strict=True)]
        return exchanged(
            deeper,
            lambda source, to: self.fuse_layers[to][source],  # type: ignore[index]
            len(self.fuse_layers),
        )


class HRNetBranches(nn.Module):
    """HRNet without its last layer, from normalised float (B, 3, H, W) to the branches of highest resolution.

    H and W must be divisible by 32; branch i is (B, channels · 2^i, H / 4 / 2^i, W / 4 / 2^i).

    Args:
        channels: channels of the highest-resolution branch, 32 or 48; each lower branch has twice as many.
        outputs: number of branches to return; 1 in the published top-down network.
    """

    def __init__(self, channels: int, outputs: int = 1):
        super().__init__()
        widths = [channels * 2**i for i in range(4)]
        self.conv1, self.bn1 = _conv(3, _STEM, stride=2), nn.BatchNorm2d(_STEM)
        self.conv2, self.bn2 = _conv(_STEM, _STEM, stride=2), nn.BatchNorm2d(_STEM)
        self.layer1 = nn.Sequential(*(_Bottleneck(_WIDE if i else _STEM) for i in range(_FIRST)))
        # A new branch begins at the lowest resolution so far; the first two begin at the first stage's
        # features.
        self.transition1 = nn.ModuleList(
            [_entry(_WIDE, widths[0]), nn.Sequential(_entry(_WIDE, widths[1], 2))]
        )
        self.stage2 = _stage(widths[:2], _MODULES[0], 2)
        self.transition2 = _new_branch(widths, 2)
        self.stage3 = _stage(widths[:3], _MODULES[1], 3)
        self.transition3 = _new_branch(widths, 3)
        self.stage4 = _stage(widths, _MODULES[2], outputs)

    def branches(self, image: Tensor) -> list[Tensor]:
        x = F.relu(self.bn1(self.conv1(image)))
        x = self.layer1(F.relu(self.bn2(self.conv2(x))))
        branches = self.stage2([begin(x) for begin in self.transition1])
        branches = self.stage3([*branches, self.transition2[-1](branches[-1])])
        return self.stage4([*branches, self.transition3[-1](branches[-1])])


class HRNetW32(HRNetBranches, Backbone):
    """HRNet w32 as a backbone, with all four branches of 32, 64, 128 and 256 channels.

    The input is float (B, 3, H, W) RGB in [0, 255], H and W divisible by 32.
    """

    channels = (32, 64, 128, 256)
    normalisation = "RGB, (x / 255 - mean) / deviation of ImageNet"
    start_suffix = ".pth"
    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__(self.channels[0], len(self.channels))
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION)[:, None, None], persistent=False)

    @property
    def stem(self) -> nn.Module:  # type: ignore[override]
        return nn.ModuleList([self.conv1, self.bn1, self.conv2, self.bn2])

    @property
    def blocks(self) -> nn.ModuleList:  # type: ignore[override]
        return nn.ModuleList(
            [self.layer1, self.transition1, self.stage2, self.transition2, self.stage3, self.transition3]
        )

    def features(self, image: Tensor) -> tuple[tuple[Tensor, ...], Tensor | None]:
        return tuple(self.branches((image - self.mean) / self.deviation)), None

    @classmethod
    def start(cls, path: Path) -> dict[str, Tensor]:
        """Read the published top-down network's tensors except its last layer.

        Its last exchange has tensors of the first branch only.
        """
        stored = {name.removeprefix("module."): tensor for name, tensor in read_state_dict(path).items()}
        wanted = cls().state_dict()
        state = {name: stored[name] for name in wanted if name in stored}
        lacking = [
            name for name in wanted if name not in state and not name.startswith("stage4.2.fuse_layers.")
        ]
        if lacking or any(tensor.shape != wanted[name].shape for name, tensor in state.items()):
            raise ModelError(f"{path}: its tensors are not those of HRNet w32")
        return state


def _stage(channels: list[int], modules: int, outputs: int) -> nn.Sequential:
    """Build a sequence of modules whose last one returns ``outputs`` branches."""
    return nn.Sequential(
        *(_Module(channels, outputs if i == modules - 1 else len(channels)) for i in range(modules))
    )


def _new_branch(widths: list[int], count: int) -> nn.ModuleList:
    """Build the layers that add one branch to ``count`` branches, which pass unchanged."""
    begin = nn.Sequential(_entry(widths[count - 1], widths[count], 2))
    return nn.ModuleList([*(nn.Identity() for _ in range(count)), begin])
