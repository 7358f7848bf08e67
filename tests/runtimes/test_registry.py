"""Runtimes: the same maps in every runtime and whatever else is in the batch."""

from __future__ import annotations

import importlib.util
import platform

import numpy as np
import pytest
import torch

from skelstream.errors import MissingExtraError, SettingsError
from skelstream.network.architectures import Network
from skelstream.network.paf import PafNetwork
from skelstream.runtimes.device import choose_device
from skelstream.runtimes.registry import choose_runtime, faster_runtime
from skelstream.runtimes.torch import TorchRuntime


def pictures(count: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, height, width, 3), np.uint8)


def test_torch_maps_are_the_networks(network: Network) -> None:
    images = pictures(1, 64, 96)
    runtime = TorchRuntime(network, torch.device("cpu"))
    maps = runtime.maps(images)
    with torch.inference_mode():
        confidence, pafs = network(torch.from_numpy(images).permute(0, 3, 1, 2).float())
    assert torch.equal(maps.confidence, confidence) and torch.equal(maps.pafs, pafs)
    assert maps.stride == network.stride
    assert maps.confidence.shape == (1, 18, 64 // maps.stride, 96 // maps.stride)
    assert maps.pafs.shape == (1, 2 * len(network.skeleton.limbs), 64 // maps.stride, 96 // maps.stride)
    assert runtime.skeleton == network.skeleton and runtime.size_divisor == network.size_divisor
    assert runtime.name == "torch, cpu, float32"


def test_an_images_maps_do_not_depend_on_its_batch(movenet: PafNetwork) -> None:
    images = pictures(3, 64, 96)
    runtime = TorchRuntime(movenet, torch.device("cpu"))
    together = runtime.maps(images)
    for i in range(3):
        alone = runtime.maps(images[i : i + 1])
        assert torch.equal(alone.confidence[0], together.confidence[i])
        assert torch.equal(alone.pafs[0], together.pafs[i])


def test_images_may_be_views(movenet: PafNetwork) -> None:
    mirrored = pictures(1, 64, 96)[:, :, ::-1]
    runtime = TorchRuntime(movenet, torch.device("cpu"))
    assert torch.equal(runtime.maps(mirrored).pafs, runtime.maps(mirrored.copy()).pafs)


def test_choice_by_default(movenet: PafNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    x86 = platform.machine() in ("x86_64", "AMD64")
    expected = "OpenVINO" if x86 and importlib.util.find_spec("openvino") else "torch"
    assert choose_runtime(movenet, "cpu").name.startswith(expected)
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    assert choose_runtime(movenet, "cpu").name == "torch, cpu, float32"


def test_without_openvino(movenet: PafNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "openvino" else found(name))
    assert choose_runtime(movenet, "cpu").name.startswith("torch")
    monkeypatch.setitem(__import__("sys").modules, "openvino", None)
    for name in ("openvino", "openvino_queue", "openvino_import"):
        monkeypatch.delitem(__import__("sys").modules, f"skelstream.runtimes.{name}", raising=False)
    with pytest.raises(MissingExtraError, match=r"pip install 'skelstream\[openvino\]'"):
        choose_runtime(movenet, "cpu", "openvino")


def test_what_cannot_be_used_is_named(movenet: PafNetwork) -> None:
    with pytest.raises(SettingsError, match="unknown runtime 'tensorrt'"):
        choose_runtime(movenet, runtime="tensorrt")
    with pytest.raises(SettingsError, match="unknown precision 'int4'"):
        choose_runtime(movenet, precision="int4")
    with pytest.raises(SettingsError, match="'gpu' cannot be used here"):
        choose_device("gpu")
    if not torch.cuda.is_available():
        with pytest.raises(SettingsError, match="'cuda' cannot be used here"):
            choose_device("cuda")


def test_openvino_is_recommended_where_it_would_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    line = faster_runtime("cpu")
    assert "three times as fast" in line and "pip install 'skelstream[openvino]'" in line
    assert faster_runtime("cpu", "torch") == faster_runtime("cpu", precision="float16") == ""
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    assert faster_runtime("cpu") == ""
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    assert faster_runtime("cpu") == ""
