"""Part affinity field network: a light pretrained backbone and OpenPose's stages at stride 8, shuffled to
stride 4.

The stages have OpenPose's order (Cao et al., arXiv 1812.08008, section 3.2): first the part affinity fields,
then the confidence maps, which take the fields as input. Each kind may have further stages; every stage has
its own loss.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skelstream.errors import SettingsError
from skelstream.network.backbones.registry import BACKBONES
from skelstream.network.ranged_conv import RangedConv
from skelstream.skeleton import COCO17, LIMB_SETS, Skeleton

STRIDE = 4
"""Network-input pixels per cell of the maps."""

_STRIDES = (4, 8, 16, 32)
# Upper bounds, so that a damaged file cannot request a network that exceeds a machine's memory.
_MOST = {"width": 1024, "paf_stages": 8, "confidence_stages": 8, "layers": 16}


@dataclass(frozen=True)
class PafConfig:
    """Settings to build the network, stored with the weights.

    Attributes:
        backbone: name in ``backbones.registry``: ``movenet`` (pretrained on poses) or ``hrnet-w32``
            (pretrained as a top-down network).
        width: number of channels of the stages, 1 to 1024.
        paf_stages, confidence_stages: number of stages for each kind of map, 1 to 8.
        layers: number of 3 x 3 convolutions per stage, 1 to 16.
        limbs: limb set, ``dense`` (29 limbs, ``skeleton.DENSE18``) or ``openpose`` (19).
        example_size: height and width of an example input for tracing the network.

    Raises:
        SettingsError: a value is out of range or unknown.
    """

    backbone: str = "movenet"
    width: int = 128
    paf_stages: int = 1
    confidence_stages: int = 1
    layers: int = 3
    limbs: str = "dense"
    example_size: ClassVar[tuple[int, int]] = (64, 64)

    def __post_init__(self) -> None:
        if self.backbone not in BACKBONES:
            raise SettingsError(f"backbone {self.backbone!r} is not one of {', '.join(BACKBONES)}")
        if self.limbs not in LIMB_SETS:
            raise SettingsError(f"limbs {self.limbs!r} is not one of {', '.join(LIMB_SETS)}")
        for name in ("width", "paf_stages", "confidence_stages", "layers"):
            value = getattr(self, name)
            if not isinstance(value, int) or not 1 <= value <= _MOST[name]:
                raise SettingsError(f"{name} {value!r} is not a whole number from 1 to {_MOST[name]}")

    @property
    def skeleton(self) -> Skeleton:
        """Joints and limbs of the maps."""
        return LIMB_SETS[self.limbs]

    def to_dict(self) -> dict[str, object]:
        return asdict(self)


class _Tap(nn.Module):
    """Conversion of the backbone's features of one stride to the stages' channels and stride 8.

    The features are normalised first, since channels of some backbones differ a hundredfold in magnitude.

    Args:
        channels: number of channels of the features.
        width: number of channels of the stages.
        stride: stride of the features; the four cells of stride 4 in a cell of stride 8 have separate
            weights.
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
    """Input of the stages at stride 8: the sum of the backbone's features of all strides."""

    def __init__(self, config: PafConfig):
        super().__init__()
        self.backbone = BACKBONES[config.backbone]()
        self.taps = nn.ModuleList(
            _Tap(count, config.width, stride)
            for stride, count in zip(_STRIDES, self.backbone.channels, strict=True)
        )
        self.mix = nn.Sequential(nn.BatchNorm2d(config.width), nn.ReLU(inplace=True))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return features (B, width, H / 8, W / 8) and logits of 17 COCO keypoints (stride 4), None without
        them."""
        features, logits = self.backbone.features(image)
        return self.mix(sum(tap(x) for tap, x in zip(self.taps, features, strict=True))), logits


def _conv(inputs: int, outputs: int, kernel: int, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        RangedConv(inputs, outputs, kernel, padding=dilation * (kernel // 2), dilation=dilation, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class _Stage(nn.Module):
    """Stage of convolutions of dilations 1, 2, 3 with a residual, and maps at stride 4 by pixel shuffle."""

    def __init__(self, inputs: int, config: PafConfig, maps: int):
        super().__init__()
        self.enter = _conv(inputs, config.width, 1) if inputs != config.width else nn.Identity()
        self.convs = nn.Sequential(
            *(_conv(config.width, config.width, 3, dilation=1 + i % 3) for i in range(config.layers))
        )
        self.out = RangedConv(config.width, maps * 4, 1)
        # Maps are zero at first, so that the confidence maps start from those of a backbone trained on poses.
        for parameter in self.out.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the stage's maps at stride 4, and the same at stride 8 with the pixels of a cell as
        channels."""
        x = self.enter(x)
        folded = self.out(x + self.convs(x))
        return F.pixel_shuffle(folded, 2), folded


class PafNetwork(nn.Module):
    """Network from an image to confidence maps and part affinity fields of OpenPose's 18 joints and L limbs.

    The input is float (B, 3, H, W) RGB in [0, 255], H and W divisible by 32; maps have stride 4.
    """

    _order: Tensor
    _known: Tensor
    stride = STRIDE
    size_divisor = 32
    example_size = PafConfig.example_size

    def __init__(self, config: PafConfig | None = None):
        super().__init__()
        self.config = config = config or PafConfig()
        self.skeleton = config.skeleton
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
        """Description of the input's height and width."""
        return f"H and W divisible by {self.size_divisor}"

    @property
    def normalisation(self) -> str:
        """Description of the backbone's normalisation of its input."""
        return self.features.backbone.normalisation

    def stages(self, image: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Return every stage's fields (B, 2L, H / 4, W / 4) and confidence logits (B, 18, H / 4, W / 4)."""
        features, logits = self.features(image)
        # -5 is the logit of an empty map; for a joint that the backbone knows, the stages correct the
        # backbone's map.
        base = -5.0 if logits is None else self._known * logits[:, self._order] + (1 - self._known) * -5.0
        pafs: list[Tensor] = []
        inputs = features
        for stage in self.paf_stages:
            maps, folded = stage(inputs)
            pafs.append(maps)
            inputs = torch.cat([features, folded], 1)
        context, confidence = inputs, []
        for stage in self.confidence_stages:
            maps, folded = stage(inputs)
            confidence.append(base + maps)
            inputs = torch.cat([context, folded], 1)
        return pafs, confidence

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return the last stage's confidence maps (B, 18, H / 4, W / 4) in [0, 1] and fields (B, 2L, H / 4, W
        / 4)."""
        pafs, confidence = self.stages(image)
        return confidence[-1].sigmoid(), pafs[-1]
