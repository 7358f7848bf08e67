"""Original OpenPose network: VGG-19's first ten layers and six stages of two branches, at stride 8.

Cao et al., "Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields" (arXiv 1611.08050, section
2.1), the COCO model. Layers have the names of the Caffe model and of its PyTorch port
(github.com/Hzzone/pytorch-openpose), so that the port's ``body_pose_model.pth`` can be read.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn

from skelstream.errors import ModelError
from skelstream.network.torch_file import mismatches, read_state_dict
from skelstream.skeleton import OPENPOSE18, Skeleton

_FRONT = [
    ("conv1_1", 3, 64), ("conv1_2", 64, 64), ("pool1_stage1", 0, 0),
    ("conv2_1", 64, 128), ("conv2_2", 128, 128), ("pool2_stage1", 0, 0),
    ("conv3_1", 128, 256), ("conv3_2", 256, 256), ("conv3_3", 256, 256), ("conv3_4", 256, 256), ("pool3_stage1", 0, 0),
    ("conv4_1", 256, 512), ("conv4_2", 512, 512), ("conv4_3_CPM", 512, 256), ("conv4_4_CPM", 256, 128),
]  # fmt: skip
_FEATURES = 128
_BRANCHES = {1: 2 * len(OPENPOSE18.limbs), 2: len(OPENPOSE18) + 1}

# The x channel of each limb's field in the network's output, in the order of OPENPOSE18.limbs; y follows x.
# The numbers are those of POSE_COCO_MAP_IDX (OpenPose, poseParameters.cpp) minus 19, for the confidence maps
# before the fields.
PAF_X_CHANNELS = (12, 20, 14, 16, 22, 24, 0, 2, 4, 6, 8, 10, 28, 30, 34, 32, 36, 18, 26)

TRAINED_ON = "COCO 2016 keypoints, by OpenPose's authors; VGG-19 from ImageNet"
LICENCE = "OpenPose's own: academic or non-profit organization noncommercial research use only"
"""Licence of the published weights, which this package neither contains nor downloads by itself."""


@dataclass(frozen=True)
class OpenPoseConfig:
    """Settings to build the network, stored with the weights.

    Attributes:
        stages: number of stages; 6 in the published model, whose weights do not fit fewer (faster) stages.
        skeleton: joints and limbs of the maps.
        example_size: height and width of an example input for tracing the network.
    """

    stages: int = 6
    skeleton: ClassVar[Skeleton] = OPENPOSE18
    example_size: ClassVar[tuple[int, int]] = (16, 16)

    def to_dict(self) -> dict[str, object]:
        return asdict(self)


class OpenPoseNetwork(nn.Module):
    """Network from an image to confidence maps and part affinity fields of OpenPose's 18 joints and 19 limbs.

    The input is float (B, 3, H, W) RGB in [0, 255], H and W divisible by 8; maps have stride 8. The published
    weights expect BGR in [-0.5, 0.5) and have their own order of limbs and a background map; `forward`
    converts both.
    """

    _paf_channels: Tensor
    skeleton = OpenPoseConfig.skeleton
    stride = 8
    size_divisor = 8
    example_size = OpenPoseConfig.example_size
    sizes = "H and W divisible by 8"
    normalisation = "BGR, x / 256 - 0.5"

    def __init__(self, config: OpenPoseConfig | None = None):
        super().__init__()
        self.config = config = config or OpenPoseConfig()
        self.model0 = _front()
        for stage in range(1, config.stages + 1):
            for branch in _BRANCHES:
                self.add_module(f"model{stage}_{branch}", _branch(stage, branch))
        channels = [channel for x in PAF_X_CHANNELS for channel in (x, x + 1)]
        self.register_buffer("_paf_channels", torch.tensor(channels), persistent=False)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return confidence maps (B, 18, H / 8, W / 8), about 0 to 1, and fields (B, 38, H / 8, W / 8) in our
        limb order."""
        features = self.model0(image.flip(1) / 256 - 0.5)
        pafs, confidence = self._stage(1, features)
        for stage in range(2, self.config.stages + 1):
            pafs, confidence = self._stage(stage, torch.cat([pafs, confidence, features], 1))
        return confidence[:, :-1], pafs[:, self._paf_channels]

    def _stage(self, stage: int, inputs: Tensor) -> tuple[Tensor, Tensor]:
        pafs, confidence = (self.get_submodule(f"model{stage}_{branch}")(inputs) for branch in _BRANCHES)
        return pafs, confidence


def _front() -> nn.Sequential:
    layers = nn.Sequential()
    for name, inputs, outputs in _FRONT:
        if name.startswith("pool"):
            layers.add_module(name, nn.MaxPool2d(2, 2))
        else:
            layers.add_module(name, nn.Conv2d(inputs, outputs, 3, padding=1))
            layers.add_module(f"relu_{name}", nn.ReLU(inplace=True))
    return layers


def _branch(stage: int, branch: int) -> nn.Sequential:
    """Build a stage's branch for fields (1) or confidence maps (2); its last layer is linear."""
    maps = _BRANCHES[branch]
    if stage == 1:
        names = [f"conv5_{i}_CPM_L{branch}" for i in range(1, 6)]
        kernels, widths = [3, 3, 3, 1, 1], [_FEATURES, 128, 128, 128, 512, maps]
    else:
        names = [f"Mconv{i}_stage{stage}_L{branch}" for i in range(1, 8)]
        kernels, widths = [7, 7, 7, 7, 7, 1, 1], [_FEATURES + sum(_BRANCHES.values()), *[128] * 6, maps]
    layers = nn.Sequential()
    for name, kernel, inputs, outputs in zip(names, kernels, widths[:-1], widths[1:], strict=True):
        layers.add_module(name, nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2))
        if name != names[-1]:
            layers.add_module(f"relu_{name}", nn.ReLU(inplace=True))
    return layers


def load_port(path: Path) -> dict[str, Tensor]:
    """Read the state dict of an OpenPoseNetwork from the PyTorch port's ``body_pose_model.pth``.

    The port's file names tensors by layer only (``conv1_1.weight``), its network by module and layer
    (``model0.conv1_1.weight``); both names are accepted. No code in the file is run.

    Raises:
        ModelError: the file is missing, not a PyTorch file, or not of this network; the message says which.
    """
    stored = read_state_dict(path)
    with torch.device("meta"):
        wanted = OpenPoseNetwork().state_dict()
    layers = {name.partition(".")[2]: name for name in wanted}
    state = {layers.get(name, name): tensor.float() for name, tensor in stored.items()}
    if "Mconv7_stage6.weight" in state:
        raise ModelError(f"{path}: this is the hand model; give body_pose_model.pth")
    if problem := next(mismatches(state, wanted), None):
        raise ModelError(f"{path}: not OpenPose's body model of 18 joints: {problem}")
    return {name: state[name] for name in wanted}
