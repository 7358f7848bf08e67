"""EfficientNet-Lite0's published file into our backbone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from skelstream.errors import ModelError
from skelstream.network.backbones.efficientnet import EfficientNetLite0, load_efficientnet


def test_tensors_are_taken_in_order_without_the_classifier(tmp_path: Path) -> None:
    torch.manual_seed(0)
    original = EfficientNetLite0()
    stored = {f"_other.{i}": tensor for i, tensor in enumerate(original.state_dict().values())}
    stored |= {"_conv_head.weight": torch.zeros(1280, 320, 1, 1), "_fc.weight": torch.zeros(1000, 1280)}
    torch.save(stored, tmp_path / "lite0.pth")
    backbone = EfficientNetLite0()
    backbone.load_state_dict(load_efficientnet(tmp_path / "lite0.pth"))
    image = torch.rand(1, 3, 64, 64) * 255
    with torch.inference_mode():
        expected, taps = original.eval()(image), backbone.eval()(image)
    assert {name: tuple(tap.shape[1:]) for name, tap in taps.items()} == {
        "s4": (24, 16, 16),
        "s8": (40, 8, 8),
        "s16": (112, 4, 4),
        "s32": (320, 2, 2),
    }
    assert all(torch.equal(taps[name], expected[name]) for name in taps)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "lite0.pth"
    with pytest.raises(ModelError, match="no such file"):
        load_efficientnet(path)
    torch.save({"conv.weight": torch.zeros(3)}, path)
    with pytest.raises(ModelError, match="not those of EfficientNet-Lite0"):
        load_efficientnet(path)
