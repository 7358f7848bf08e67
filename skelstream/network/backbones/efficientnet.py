"""EfficientNet-Lite0 as a backbone pretrained on ImageNet only, without poses (Tan and Le, 2019; Liu,
2020)."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from skelstream.errors import ModelError
from skelstream.network.backbones.backbone import Backbone
from skelstream.network.torch_file import read_state_dict

# (kernel, stride, expansion, output channels, repeats) of the seven groups of inverted residuals.
_GROUPS = [
    (3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3), (5, 1, 6, 112, 3), (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
]  # fmt: skip
_TAPS = {2: "s4", 4: "s8", 10: "s16", 15: "s32"}


def _conv_norm(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01)]


class _InvertedResidual(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        hidden = inputs * expansion
        expand = [*_conv_norm(inputs, hidden, 1), nn.ReLU6(inplace=True)] if expansion > 1 else []
        depthwise = [*_conv_norm(hidden, hidden, kernel, stride, groups=hidden), nn.ReLU6(inplace=True)]
        self.layers = nn.Sequential(*expand, *depthwise, *_conv_norm(hidden, outputs, 1))
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = self.layers(x)
        return x + y if self.residual else y


class EfficientNetLite0(Backbone):
    """Backbone with features ``s4`` (24 channels), ``s8`` (40), ``s16`` (112) and ``s32`` (320).

    The input is float (B, 3, H, W) RGB in [0, 255], H and W divisible by 32.
    """

    channels = (24, 40, 112, 320)
    normalisation = "RGB, (x - 127) / 128"
    start_suffix = ".pth"

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(*_conv_norm(3, 32, 3, 2), nn.ReLU6(inplace=True))
        blocks, inputs = [], 32
        for kernel, stride, expansion, outputs, repeats in _GROUPS:
            for i in range(repeats):
                blocks.append(_InvertedResidual(inputs, outputs, kernel, stride if i == 0 else 1, expansion))
                inputs = outputs
        self.blocks = nn.ModuleList(blocks)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        x = self.stem((image - 127) / 128)
        taps = {}
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in _TAPS:
                taps[_TAPS[i]] = x
        return taps

    def features(self, image: Tensor) -> tuple[tuple[Tensor, ...], Tensor | None]:
        return tuple(self(image).values()), None

    @classmethod
    def start(cls, path: Path) -> dict[str, Tensor]:
        return load_efficientnet(path)


def load_efficientnet(path: Path) -> dict[str, Tensor]:
    """Read the state dict of an EfficientNetLite0 from ``efficientnet-lite0-57934424.pth``.

    The file's tensors have the network's order; its last ones, the classifier, are left out.

    Raises:
        ModelError: the file is missing or its tensors do not fit.
    """
    stored = read_state_dict(path)
    wanted = EfficientNetLite0().state_dict()
    state = dict(zip(wanted, stored.values(), strict=False))
    if len(state) < len(wanted) or any(state[name].shape != wanted[name].shape for name in wanted):
        raise ModelError(f"{path}: its tensors are not those of EfficientNet-Lite0")
    return state
