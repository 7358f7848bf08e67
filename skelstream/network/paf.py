"""The part affinity field network: a light pretrained backbone and OpenPose's stages at stride 8, shuffled to stride 4.

The order is that of OpenPose (Cao et al., arXiv 1812.08008, section 3.2): first the part affinity fields, then the
confidence maps, which see the fields; each kind may be refined in further stages, every stage with its own loss.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skelstream.errors import SettingsError
from skelstream.network.backbones.registry import BACKBONES
from skelstream.network.ranged_conv import RangedConv
from skelstream.skeleton import COCO17, LIMB_SETS

STRIDE = 4
"""Network-input pixels per cell of the maps."""

_STRIDES = (4, 8, 16, 32)
# Beyond these a file asks for a network that no machine holds.
_MOST = {"width": 1024, "paf_stages": 8, "confidence_stages": 8, "layers": 16}


@dataclass(frozen=True)
class PafConfig:
    """What it takes to build the network; it is stored with the weights.

    Raises:
        SettingsError: a value that no network has.

    Attributes:
        backbone: a name in ``backbones.registry``: ``movenet`` (starts pose-aware), ``efficientnet`` (starts from ImageNet), ``hrnet-w32`` (starts
            from the published top-down network).
        width: channels of the stages.
        paf_stages, confidence_stages: how often each kind of map is estimated and refined.
        layers: 3 x 3 convolutions a stage.
        limbs: ``dense`` (29, ``skeleton.DENSE18``) or ``openpose`` (19).
    """

    backbone: str = "movenet"
    width: int = 128
    paf_stages: int = 1
    confidence_stages: int = 1
    layers: int = 3
    limbs: str = "dense"

    def __post_init__(self) -> None:
        if self.backbone not in BACKBONES:
            raise SettingsError(f"backbone {self.backbone!r} is not one of {', '.join(BACKBONES)}")
        if self.limbs not in LIMB_SETS:
            raise SettingsError(f"limbs {self.limbs!r} is not one of {', '.join(LIMB_SETS)}")
        for name in ("width", "paf_stages", "confidence_stages", "layers"):
            value = getattr(self, name)
            if not isinstance(value, int) or not 1 <= value <= _MOST[name]:
                raise SettingsError(f"{name} {value!r} is not a whole number from 1 to {_MOST[name]}")

    def to_dict(self) -> dict[str, object]:
        return asdict(self)


class _Tap(nn.Module):
    """Some of the backbone's features, brought to the stages' channels and to stride 8.

    They are normalised first: some backbones' channels differ a hundredfold in size.

    Args:
        channels: of the features.
        width: of the stages.
        stride: of the features; the four cells of stride 4 in a cell of stride 8 each have weights of their own.
    """

    def __init__(self, channels: int, width: int, stride: int):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        kernel = 2 if stride == 4 else 1
        self.conv = nn.Conv2d(channels, width, kernel, kernel, bias=False)
        self.up = stride // 8

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(self.norm(x))
        return x if self.up <= 1 else F.interpolate(x, scale_factor=self.up, mode="bilinear")


class _Features(nn.Module):
    """What the stages see, at stride 8: the backbone's features of all strides, added up."""

    def __init__(self, config: PafConfig):
        super().__init__()
        self.backbone = BACKBONES[config.backbone]()
        self.taps = nn.ModuleList(
            _Tap(count, config.width, stride)
            for stride, count in zip(_STRIDES, self.backbone.channels, strict=True)
        )
        self.mix = nn.Sequential(nn.BatchNorm2d(config.width), nn.ReLU(inplace=True))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor | None]:
        """Features (B, width, H / 8, W / 8) and, if the backbone has them, logits of 17 COCO keypoints (stride 4)."""
        features, logits = self.backbone.features(image)
        return self.mix(sum(tap(x) for tap, x in zip(self.taps, features, strict=True))), logits


def _conv(inputs: int, outputs: int, kernel: int, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        RangedConv(inputs, outputs, kernel, padding=dilation * (kernel // 2), dilation=dilation, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class _Stage(nn.Module):
    """A few convolutions of growing dilation with a residual, then maps at stride 4 by pixel-shuffle."""

    def __init__(self, inputs: int, config: PafConfig, maps: int):
        super().__init__()
        self.enter = _conv(inputs, config.width, 1) if inputs != config.width else nn.Identity()
        self.convs = nn.Sequential(
            *(_conv(config.width, config.width, 3, dilation=1 + i % 3) for i in range(config.layers))
        )
        self.out = RangedConv(config.width, maps * 4, 1)
        # Zero maps at first: the confidence maps then start as what a pose-aware backbone gives.
        for parameter in self.out.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The stage's maps at stride 4 and the same at stride 8 with the pixels of a cell in the channels."""
        x = self.enter(x)
        folded = self.out(x + self.convs(x))
        return F.pixel_shuffle(folded, 2), folded


class PafNetwork(nn.Module):
    """Image to confidence maps and part affinity fields of OpenPose's 18 joints and L limbs.

    Takes float (B, 3, H, W) RGB in [0, 255], H and W divisible by 32; maps are at stride 4.
    """

    _order: Tensor
    _known: Tensor
    stride = STRIDE
    size_divisor = 32
    example_size = (64, 64)

    def __init__(self, config: PafConfig | None = None):
        super().__init__()
        self.config = config = config or PafConfig()
        self.skeleton = LIMB_SETS[config.limbs]
        joints, limbs = len(self.skeleton), len(self.skeleton.limbs)
        self.features = _Features(config)
        self.paf_stages, self.confidence_stages = nn.ModuleList(), nn.ModuleList()
        for i in range(config.paf_stages):
            self.paf_stages.append(_Stage(config.width + bool(i) * 8 * limbs, config, 2 * limbs))
        for i in range(config.confidence_stages):
            inputs = config.width + 8 * limbs + bool(i) * 4 * joints
            self.confidence_stages.append(_Stage(inputs, config, joints))
        order = [COCO17.joints.index(j) if j in COCO17.joints else 0 for j in self.skeleton.joints]
        known = [[float(j in COCO17.joints)] for j in self.skeleton.joints]
        self.register_buffer("_order", torch.tensor(order), persistent=False)
        self.register_buffer("_known", torch.tensor(known)[..., None], persistent=False)

    @property
    def sizes(self) -> str:
        """The height and width that it takes, for people to read."""
        return f"H and W divisible by {self.size_divisor}"

    @property
    def normalisation(self) -> str:
        """What the backbone does to its input first, for people to read."""
        return self.features.backbone.normalisation

    def stages(self, image: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Every stage's part affinity fields (B, 2L, H / 4, W / 4) and confidence logits (B, 18, H / 4, W / 4)."""
        features, logits = self.features(image)
        # An empty map's logit; where the backbone knows a joint, its own map is what the stages correct.
        base = -5.0 if logits is None else self._known * logits[:, self._order] + (1 - self._known) * -5.0
        pafs: list[Tensor] = []
        seen = features
        for stage in self.paf_stages:
            maps, folded = stage(seen)
            pafs.append(maps)
            seen = torch.cat([features, folded], 1)
        context, confidence = seen, []
        for stage in self.confidence_stages:
            maps, folded = stage(seen)
            confidence.append(base + maps)
            seen = torch.cat([context, folded], 1)
        return pafs, confidence

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """The last stage's confidence maps (B, 18, H / 4, W / 4) in [0, 1] and fields (B, 2L, H / 4, W / 4)."""
        pafs, confidence = self.stages(image)
        return confidence[-1].sigmoid(), pafs[-1]
