"""The ONNX file: valid, free in its sizes, and the network itself when another runtime reads it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

onnx = pytest.importorskip("onnx")
ov = pytest.importorskip("openvino")

from skelstream.errors import OutputError  # noqa: E402
from skelstream.network.architectures import Network  # noqa: E402
from skelstream.runtimes.onnx import export_onnx  # noqa: E402
from skelstream.skeleton import DENSE18  # noqa: E402

pytestmark = pytest.mark.slow


def test_openvino_reads_from_it_what_torch_computes(network: Network, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    export_onnx(network, path, {"licence": "Apache-2.0"})
    assert [p.name for p in tmp_path.iterdir()] == ["model.onnx"]
    core = ov.Core()
    compiled = core.compile_model(core.read_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    for batch, height, width in ((1, 64, 96), (2, 96, 32)):
        image = torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(0)) * 255
        outputs = compiled([image.numpy()])
        with torch.inference_mode():
            expected = dict(zip(("confidence", "pafs"), network(image), strict=True))
        for name, maps in expected.items():
            torch.testing.assert_close(torch.from_numpy(outputs[name].copy()), maps, atol=2e-4, rtol=2e-4)


def test_metadata_says_what_the_maps_are(movenet: Network, tmp_path: Path) -> None:
    export_onnx(movenet, tmp_path / "model.onnx", {"licence": "Apache-2.0"})
    properties = onnx.load(str(tmp_path / "model.onnx")).metadata_props
    metadata = {entry.key: json.loads(entry.value) for entry in properties}
    assert metadata == {
        "joints": list(DENSE18.joints),
        "limbs": [list(limb) for limb in DENSE18.limbs],
        "stride": 4,
        "size_divisor": 32,
        "card": {"licence": "Apache-2.0"},
    }


def test_a_file_that_cannot_be_written(movenet: Network, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write"):
        export_onnx(movenet, tmp_path / "missing" / "model.onnx", {})
