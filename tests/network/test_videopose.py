"""VideoPose3D's file against the paper's network, frame by frame over a whole track."""

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from skelstream.cli import app
from skelstream.errors import ModelError
from skelstream.network.lifting import LiftingConfig, LiftingNetwork
from skelstream.network.videopose import load_videopose
from skelstream.processing.lifting.lifter import Lifter
from skelstream.skeleton import COCO17, H36M17

CHANNELS, FRAMES = 32, 27


def _published() -> dict[str, torch.Tensor]:
    torch.manual_seed(4)
    network = LiftingNetwork(LiftingConfig(FRAMES, CHANNELS, presence=False))
    state = network.state_dict()
    for name, tensor in state.items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 2)
        elif name.endswith(("running_mean", "bn.bias")):
            tensor.normal_()
    return state


def _slow(state, keypoints, size):
    """All frames of a track (T, 17, 2) in pixels, the ends repeated, by dilated convolutions in float64."""
    state = {name: tensor.double().numpy() for name, tensor in state.items()}
    height, width = size
    x = keypoints.astype(np.float64) / width * 2 - [1, height / width]
    x = np.pad(x.reshape(len(x), -1), ((FRAMES // 2, FRAMES // 2), (0, 0)), "edge").T

    def layer(x, conv, norm, dilation):
        weight = state[f"{conv}.weight"]
        length = x.shape[1] - (weight.shape[2] - 1) * dilation
        y = sum(weight[:, :, k] @ x[:, k * dilation : k * dilation + length] for k in range(weight.shape[2]))
        y = (y - state[f"{norm}.running_mean"][:, None]) / np.sqrt(
            state[f"{norm}.running_var"][:, None] + 1e-5
        )
        return np.maximum(y * state[f"{norm}.weight"][:, None] + state[f"{norm}.bias"][:, None], 0)

    x = layer(x, "expand_conv", "expand_bn", 1)
    for i, dilation in enumerate((3, 9)):
        y = layer(x, f"layers_conv.{2 * i}", f"layers_bn.{2 * i}", dilation)
        x = x[:, dilation:-dilation] + layer(y, f"layers_conv.{2 * i + 1}", f"layers_bn.{2 * i + 1}", 1)
    return (state["shrink.weight"][:, :, 0] @ x + state["shrink.bias"][:, None]).T.reshape(-1, 17, 3)


def test_an_imported_file_lifts_as_the_paper_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    state, size = _published(), (1002, 1000)
    rest = {"epoch": 80, "lr": 0.1, "random_state": np.random.RandomState(3), "optimizer": {}}
    # As in 2018: torch's format before zip archives.
    torch.save(
        rest | {"model_pos": state},
        "pretrained_h36m_detectron_coco.bin",
        _use_new_zipfile_serialization=False,
    )
    result = CliRunner().invoke(app, ["models", "import", "pretrained_h36m_detectron_coco.bin"])
    assert result.exit_code == 0 and "lift --weights videopose3d" in result.output, result.output
    assert "CC BY-NC" in result.output
    keypoints = np.random.default_rng(0).uniform(100, 900, (40, 17, 2)).astype(np.float32)
    times = np.arange(40) / 50
    once = Lifter("videopose3d", "cpu", mirrored=False).lift_track(times, keypoints, size)
    wanted = _slow(state, keypoints, size)
    np.testing.assert_allclose(once, wanted - wanted[:, :1], atol=1e-4)
    # Averaged with what becomes of the mirror image.
    mirrored = keypoints[:, list(COCO17.flip_order)] * np.float32([-1, 1]) + np.float32([size[1], 0])
    turned = _slow(state, mirrored, size)[:, list(H36M17.flip_order)] * [-1, 1, 1]
    both = (wanted + turned) / 2
    found = Lifter("videopose3d", "cpu").lift_track(times, keypoints, size)
    np.testing.assert_allclose(found, both - both[:, :1], atol=1e-4)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"expand_conv.weight": torch.zeros(CHANNELS, 32, 3)}, "for 16 joints in the image"),
        ({"layers_conv.3.weight": None}, "27, 81 or 243|missing"),
        ({"shrink.weight": torch.zeros(48, CHANNELS, 1)}, r"is \(48, 32, 1\)"),
        ({"shrink.bias": torch.full((51,), torch.nan)}, "not finite"),
    ],
)
def test_other_networks_are_refused(tmp_path, change, match):
    state = {k: v for k, v in (_published() | change).items() if v is not None}
    torch.save({"model_pos": state}, tmp_path / "other.bin")
    with pytest.raises(ModelError, match=match):
        load_videopose(tmp_path / "other.bin")
