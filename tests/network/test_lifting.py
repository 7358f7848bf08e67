"""The lifting network against the paper's formulas, written out slowly."""

import numpy as np
import pytest
import torch

from skelstream.errors import SettingsError
from skelstream.network.lifting import LiftingConfig, LiftingNetwork


def _random(config: LiftingConfig) -> LiftingNetwork:
    torch.manual_seed(3)
    network = LiftingNetwork(config)
    with torch.no_grad():
        for norm in [network.expand_bn, *network.layers_bn]:
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.normal_()
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2)
    return network.eval()


def _dilated(x: np.ndarray, weight: np.ndarray, dilation: int) -> np.ndarray:
    """A valid convolution of (channels, T) with (out, channels, k), tap by tap."""
    taps = weight.shape[2]
    length = x.shape[1] - (taps - 1) * dilation
    return sum(weight[:, :, k] @ x[:, k * dilation : k * dilation + length] for k in range(taps))


def _slow(state: dict[str, np.ndarray], window: np.ndarray, causal: bool) -> np.ndarray:
    """All of a window's frames by dilated convolutions, as the paper draws them; one frame is left."""

    def normed(x, name):
        mean, var = state[f"{name}.running_mean"], state[f"{name}.running_var"]
        x = (x - mean[:, None]) / np.sqrt(var + 1e-5)[:, None]
        return np.maximum(x * state[f"{name}.weight"][:, None] + state[f"{name}.bias"][:, None], 0)

    x = window.reshape(len(window), -1).T.astype(np.float64)
    x = normed(_dilated(x, state["expand_conv.weight"], 1), "expand_bn")
    dilation, i = 3, 0
    while f"layers_conv.{2 * i}.weight" in state:
        cut = dilation
        residual = x[:, 2 * cut :] if causal else x[:, cut:-cut]
        y = normed(_dilated(x, state[f"layers_conv.{2 * i}.weight"], dilation), f"layers_bn.{2 * i}")
        y = normed(_dilated(y, state[f"layers_conv.{2 * i + 1}.weight"], 1), f"layers_bn.{2 * i + 1}")
        x, dilation, i = residual + y, dilation * 3, i + 1
    assert x.shape[1] == 1
    return (state["shrink.weight"][:, :, 0] @ x[:, 0] + state["shrink.bias"]).reshape(17, 3)


@pytest.mark.parametrize(
    ("frames", "causal", "presence"),
    [(27, False, True), (27, True, True), (81, False, False), (243, True, False)],
)
def test_one_frame_is_that_of_dilated_convolutions(frames, causal, presence):
    network = _random(LiftingConfig(frames, 24, causal, presence=presence))
    state = {name: tensor.double().numpy() for name, tensor in network.state_dict().items()}
    windows = np.random.default_rng(1).normal(size=(2, frames, 17, 3 if presence else 2)).astype(np.float32)
    with torch.inference_mode():
        found = network(torch.from_numpy(windows)).numpy()
    for one, window in zip(found, windows, strict=True):
        np.testing.assert_allclose(one, _slow(state, window, causal), atol=1e-4)


def test_the_packaged_size_is_small():
    assert sum(p.numel() for p in LiftingNetwork().parameters()) <= 2_000_000


@pytest.mark.parametrize("wrong", [{"frames": 9}, {"normalisation": "none"}, {"rate": 0.0}, {"channels": 0}])
def test_settings_of_no_network_are_refused(wrong):
    with pytest.raises(SettingsError):
        LiftingConfig(**wrong)
