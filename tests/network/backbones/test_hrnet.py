"""HRNet against the paper's figure, written out slowly with plain arrays."""

import numpy as np
import pytest
import torch
from scipy.signal import correlate

from skelstream.errors import ModelError
from skelstream.network.hrnet import HRNet, HRNetConfig, load_hrnet

COUNTS = {
    "conv1": 1, "bn1": 5, "conv2": 1, "bn2": 5, "layer1": 78, "transition1": 12, "stage2": 108, "transition2": 6,
    "stage3": 744, "transition3": 6, "stage4": 786, "final_layer": 2,
}  # fmt: skip


def _random(config=HRNetConfig(32, 64, 32)) -> HRNet:  # noqa: B008 - frozen
    torch.manual_seed(5)
    network = HRNet(config)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.0)
                module.bias.normal_(0, 0.1)
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 2)
    return network.eval()


class _Slow:
    """The network from its tensors' names alone, in float64 and without torch."""

    def __init__(self, state):
        self.state = {name: tensor.double().numpy() for name, tensor in state.items()}

    def conv(self, x, name, stride=1):
        weight = self.state[f"{name}.weight"]
        pad = weight.shape[2] // 2
        x = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
        if weight.shape[2] == 1:
            return np.tensordot(weight[:, :, 0, 0], x, 1)[:, ::stride, ::stride]
        out = np.stack([correlate(x, kernel, "valid", "direct")[0] for kernel in weight])
        return out[:, ::stride, ::stride]

    def norm(self, x, name):
        weight, bias, mean, var = (
            self.state[f"{name}.{part}"][:, None, None]
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        return (x - mean) / np.sqrt(var + 1e-5) * weight + bias

    def entry(self, x, name, stride=1):
        return self.norm(self.conv(x, f"{name}.0", stride), f"{name}.1")

    def residual(self, x, name, convs):
        y = x
        for i in range(1, convs + 1):
            y = self.norm(self.conv(y, f"{name}.conv{i}"), f"{name}.bn{i}")
            y = y if i == convs else np.maximum(y, 0)
        around = self.entry(x, f"{name}.downsample") if f"{name}.downsample.0.weight" in self.state else x
        return np.maximum(y + around, 0)

    def stage(self, branches, name, modules, last_outputs):
        for m in range(modules):
            deeper = []
            for b, x in enumerate(branches):
                for block in range(4):
                    x = self.residual(x, f"{name}.{m}.branches.{b}.{block}", 2)
                deeper.append(x)
            outputs = last_outputs if m == modules - 1 else len(deeper)
            branches = []
            for i in range(outputs):
                total = deeper[i].copy()
                for j, x in enumerate(deeper):
                    path = f"{name}.{m}.fuse_layers.{i}.{j}"
                    if j > i:
                        total += np.kron(self.entry(x, path), np.ones((1, 2 ** (j - i), 2 ** (j - i))))
                    for k in range(i - j):
                        x = self.entry(x, f"{path}.{k}", 2)
                        x = x if k == i - j - 1 else np.maximum(x, 0)
                    if j < i:
                        total += x
                branches.append(np.maximum(total, 0))
        return branches

    def __call__(self, x):
        for i in (1, 2):
            x = np.maximum(self.norm(self.conv(x, f"conv{i}", 2), f"bn{i}"), 0)
        for block in range(4):
            x = self.residual(x, f"layer1.{block}", 3)
        first = np.maximum(self.entry(x, "transition1.0"), 0)
        branches = [first, np.maximum(self.entry(x, "transition1.1.0", 2), 0)]
        branches = self.stage(branches, "stage2", 1, 2)
        branches.append(np.maximum(self.entry(branches[-1], "transition2.2.0", 2), 0))
        branches = self.stage(branches, "stage3", 4, 3)
        branches.append(np.maximum(self.entry(branches[-1], "transition3.3.0", 2), 0))
        (x,) = self.stage(branches, "stage4", 3, 1)
        return self.conv(x, "final_layer") + self.state["final_layer.bias"][:, None, None]


@pytest.mark.parametrize(("channels", "millions"), [(32, 28.536), (48, 63.596)])
def test_tensors_are_those_of_the_published_weights(channels, millions):
    with torch.device("meta"):
        network = HRNet(HRNetConfig(channels))
    names = [name.partition(".")[0] for name in network.state_dict()]
    assert {prefix: names.count(prefix) for prefix in COUNTS} == COUNTS and len(names) == 1754
    assert round(sum(p.numel() for p in network.parameters()) / 1e6, 3) == millions
    assert network.final_layer.weight.shape == (17, channels, 1, 1)


@pytest.mark.slow
def test_heatmaps_are_those_of_the_slow_network():
    network = _random()
    image = np.random.default_rng(0).uniform(0, 255, (3, 64, 32))
    with torch.inference_mode():
        found = network(torch.from_numpy(image[None]).float())[0].numpy()
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    wanted = _Slow(network.state_dict())((image / 255 - mean[:, None, None]) / std[:, None, None])
    assert found.shape == (17, 16, 8)
    np.testing.assert_allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())


def test_published_files_are_checked_by_name_and_shape(tmp_path):
    with torch.device("meta"):
        wanted = HRNet().state_dict()
    state = {name: torch.zeros(tensor.shape, dtype=tensor.dtype) for name, tensor in wanted.items()}
    torch.save({f"module.{name}": tensor for name, tensor in state.items()}, tmp_path / "good.pth")
    config, found = load_hrnet(tmp_path / "good.pth", 384, 288)
    assert (config.channels, config.height, config.width, len(found)) == (32, 384, 288, 1754)
    for change, match in (
        ({"stage4.2.branches.3.3.bn2.bias": None}, "1 of 1754 tensors are missing"),
        ({"stage4.2.branches.3.3.bn2.bias": torch.zeros(3)}, r"is \(3,\), not \(256,\)"),
        ({"final_layer.weight": torch.zeros(16, 32, 1, 1)}, "for 16 joints"),
        ({"final_layer.weight": torch.zeros(17, 40, 1, 1)}, "32 or 48"),
    ):
        changed = {name: tensor for name, tensor in (state | change).items() if tensor is not None}
        torch.save(changed, tmp_path / "bad.pth")
        with pytest.raises(ModelError, match=match):
            load_hrnet(tmp_path / "bad.pth")
