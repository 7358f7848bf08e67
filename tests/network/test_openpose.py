"""The original OpenPose network: the port's names and shapes, its channels in our order, errors of other
files."""

from __future__ import annotations

import collections
from pathlib import Path

import pytest
import torch
from torch import Tensor

from skelstream.errors import ModelError
from skelstream.network.openpose import OpenPoseConfig, OpenPoseNetwork, load_port
from skelstream.skeleton import OPENPOSE18

# The port's layers: name -> (outputs, inputs, kernel), as its model definition lists them.
LAYERS = {
    "model0.conv1_1": (64, 3, 3), "model0.conv1_2": (64, 64, 3),
    "model0.conv2_1": (128, 64, 3), "model0.conv2_2": (128, 128, 3),
    "model0.conv3_1": (256, 128, 3), "model0.conv3_2": (256, 256, 3), "model0.conv3_3": (256, 256, 3),
    "model0.conv3_4": (256, 256, 3), "model0.conv4_1": (512, 256, 3), "model0.conv4_2": (512, 512, 3),
    "model0.conv4_3_CPM": (256, 512, 3), "model0.conv4_4_CPM": (128, 256, 3),
    "model1_1.conv5_1_CPM_L1": (128, 128, 3), "model1_1.conv5_2_CPM_L1": (128, 128, 3),
    "model1_1.conv5_3_CPM_L1": (128, 128, 3), "model1_1.conv5_4_CPM_L1": (512, 128, 1),
    "model1_1.conv5_5_CPM_L1": (38, 512, 1),
    "model1_2.conv5_1_CPM_L2": (128, 128, 3), "model1_2.conv5_2_CPM_L2": (128, 128, 3),
    "model1_2.conv5_3_CPM_L2": (128, 128, 3), "model1_2.conv5_4_CPM_L2": (512, 128, 1),
    "model1_2.conv5_5_CPM_L2": (19, 512, 1),
}  # fmt: skip
for _stage in range(2, 7):
    for _branch, _maps in ((1, 38), (2, 19)):
        _prefix = f"model{_stage}_{_branch}.Mconv%d_stage{_stage}_L{_branch}"
        LAYERS[_prefix % 1] = (128, 185, 7)
        LAYERS |= {_prefix % i: (128, 128, 7) for i in (2, 3, 4, 5)}
        LAYERS |= {_prefix % 6: (128, 128, 1), _prefix % 7: (_maps, 128, 1)}

# The port's limbs (joints from 1) and the channels of their fields (from 19, behind the confidence maps).
PORT_LIMBS = [
    [2, 3], [2, 6], [3, 4], [4, 5], [6, 7], [7, 8], [2, 9], [9, 10], [10, 11], [2, 12], [12, 13], [13, 14], [2, 1],
    [1, 15], [15, 17], [1, 16], [16, 18], [3, 17], [6, 18],
]  # fmt: skip
PORT_CHANNELS = [
    [31, 32], [39, 40], [33, 34], [35, 36], [41, 42], [43, 44], [19, 20], [21, 22], [23, 24], [25, 26], [27, 28],
    [29, 30], [47, 48], [49, 50], [53, 54], [51, 52], [55, 56], [37, 38], [45, 46],
]  # fmt: skip


@pytest.fixture(scope="module")
def network() -> OpenPoseNetwork:
    """Names and shapes alone."""
    with torch.device("meta"):
        return OpenPoseNetwork().eval()


@pytest.fixture(scope="module")
def full(network: OpenPoseNetwork) -> dict[str, Tensor]:
    """A state dict of the right shapes, each tensor one repeated number: a small file."""
    shapes = {name: tensor.shape for name, tensor in network.state_dict().items()}
    return {name: torch.full((1,), float(i)).expand(shape) for i, (name, shape) in enumerate(shapes.items())}


@pytest.fixture(scope="module")
def port(full: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same as the port's file has it: layers without their modules' names."""
    return {name.split(".", 1)[1]: tensor for name, tensor in full.items()}


def test_names_and_shapes_are_the_ports(network: OpenPoseNetwork) -> None:
    expected = {}
    for name, (outputs, inputs, kernel) in LAYERS.items():
        expected[f"{name}.weight"] = (outputs, inputs, kernel, kernel)
        expected[f"{name}.bias"] = (outputs,)
    assert {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()} == expected
    assert sum(p.numel() for p in network.parameters()) == 52_311_446


def _silence(network: OpenPoseNetwork, biases: dict[str, Tensor]) -> None:
    """Make the last stage's outputs constant: what it gives is then its biases, whatever it sees."""
    for branch in (1, 2):
        last = network.get_submodule(f"model{network.config.stages}_{branch}")[-1]
        torch.nn.init.zeros_(last.weight)
        last.bias.data.copy_(biases[str(branch)])


def test_each_limbs_field_comes_from_the_ports_channels() -> None:
    network = OpenPoseNetwork(OpenPoseConfig(stages=1)).eval()
    _silence(network, {"1": torch.arange(38.0), "2": torch.arange(19.0)})
    with torch.inference_mode():
        confidence, pafs = network(torch.zeros(1, 3, 16, 24))
    assert confidence.shape == (1, 18, 2, 3)
    assert confidence[0, :, 1, 1].tolist() == list(range(18))  # joints in order, the background left out
    assert pafs.shape == (1, 38, 2, 3)
    for limb, (first, second) in enumerate(OPENPOSE18.limbs):
        channels = PORT_CHANNELS[PORT_LIMBS.index([first + 1, second + 1])]
        assert pafs[0, 2 * limb : 2 * limb + 2, 0, 0].tolist() == [channel - 19 for channel in channels]


def test_input_is_scaled_and_turned_to_bgr() -> None:
    network = OpenPoseNetwork(OpenPoseConfig(stages=1)).eval()
    seen = []
    network.model0.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    red = torch.tensor([255.0, 128.0, 0.0]).view(1, 3, 1, 1).expand(1, 3, 8, 8)
    with torch.inference_mode():
        network(red)
    assert seen[0][0, :, 0, 0].tolist() == [-0.5, 0.0, 255 / 256 - 0.5]


def test_stages_see_fields_then_confidence_then_features() -> None:
    network = OpenPoseNetwork(OpenPoseConfig(stages=2)).eval()
    seen = {}
    for name in ("model0", "model1_1", "model1_2"):
        network.get_submodule(name).register_forward_hook(
            lambda m, i, output, name=name: seen.update({name: output})
        )
    network.model2_1.register_forward_pre_hook(lambda m, inputs: seen.update(stage2=inputs[0]))
    with torch.inference_mode():
        network(torch.rand(1, 3, 16, 16) * 255)
    assert torch.equal(seen["stage2"], torch.cat([seen["model1_1"], seen["model1_2"], seen["model0"]], 1))


def test_last_layers_are_linear(network: OpenPoseNetwork) -> None:
    for stage in range(1, 7):
        for branch in (1, 2):
            assert isinstance(network.get_submodule(f"model{stage}_{branch}")[-1], torch.nn.Conv2d)


def test_the_ports_file_is_read_by_layer_and_by_full_name(
    full: dict[str, Tensor], port: dict[str, Tensor], tmp_path: Path
) -> None:
    for state in (port, full):
        torch.save(collections.OrderedDict(state), tmp_path / "body_pose_model.pth")
        read = load_port(tmp_path / "body_pose_model.pth")
        assert list(read) == list(full)
        assert all(torch.equal(read[name], full[name]) for name in full)


def test_files_of_other_networks_are_told_apart(port: dict[str, Tensor], tmp_path: Path) -> None:
    path = tmp_path / "body_pose_model.pth"
    tiny = {name: tensor.flatten()[:1] for name, tensor in port.items()}
    holes = port | {"Mconv7_stage6_L2.bias": torch.full((19,), torch.nan)}
    cases = {
        "hand model": {"conv1_1.weight": torch.zeros(1), "Mconv7_stage6.weight": torch.zeros(1)},
        "184 of 184 tensors are missing": {"fc.weight": torch.zeros(1)},
        "lacks model6_2.Mconv7_stage6_L2.bias": {
            n: t for n, t in tiny.items() if n != "Mconv7_stage6_L2.bias"
        },
        "1 are unknown (it has extra.bias)": tiny | {"extra.bias": torch.zeros(1)},
        "model0.conv1_1.weight is (1,), not (64, 3, 3, 3)": tiny,
        "Mconv7_stage6_L2.bias contains numbers that are not finite": holes,
    }
    for words, content in cases.items():
        torch.save(content, path)
        with pytest.raises(ModelError) as error:
            load_port(path)
        message = str(error.value)
        assert words in message and str(path) in message and "\n" not in message
