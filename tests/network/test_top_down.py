from __future__ import annotations

from pathlib import Path

import pytest
import torch

from skelstream.network.model_file import find_model, read_header
from skelstream.network.top_down import TopDownConfig, TopDownNetwork
from skelstream.network.weights import load_network
from skelstream.settings.models import REFINER
from skelstream.skeleton import COCO17

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("size", [(256, 192), (128, 96)])
def test_crops_to_heatmaps_at_a_quarter_of_their_size(size: tuple[int, int]) -> None:
    network = TopDownNetwork(TopDownConfig(*size)).eval()
    with torch.no_grad():
        heatmaps = network(torch.rand(2, 3, *size) * 255)
    assert heatmaps.shape == (2, len(COCO17), size[0] // 4, size[1] // 4)


def test_it_has_the_size_of_its_start() -> None:
    assert sum(p.numel() for p in TopDownNetwork().parameters()) == 1_300_177


def test_the_packaged_weights_fit_and_know_nobody_on_an_empty_crop() -> None:
    network = load_network(read_header(find_model(REFINER)))
    with torch.no_grad():
        assert float(network(torch.zeros(1, 3, 256, 192)).mean()) < 0.02


def test_onnx_gives_the_same_heatmaps(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    ov = pytest.importorskip("openvino")
    from skelstream.runtimes.onnx import export_onnx

    network = load_network(read_header(find_model(REFINER)))
    export_onnx(network, tmp_path / "second.onnx", {})
    core = ov.Core()
    model = core.compile_model(
        core.read_model(tmp_path / "second.onnx"), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    crops = torch.rand(2, 3, 256, 192, generator=torch.Generator().manual_seed(0)) * 255
    with torch.no_grad():
        want = network(crops)
    torch.testing.assert_close(
        torch.from_numpy(model([crops.numpy()])["heatmaps"].copy()), want, atol=1e-4, rtol=1e-3
    )
