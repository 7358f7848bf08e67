from __future__ import annotations

from pathlib import Path

import pytest
import torch

from skelstream.errors import ModelError
from skelstream.network.blending import blend
from skelstream.network.model_file import ModelFile, read_header
from skelstream.network.paf import PafConfig, PafNetwork
from skelstream.network.ranged_conv import ranged_convs
from skelstream.network.weights import save_weights


def saved(path: Path, seed: int, width: int = 8) -> ModelFile:
    torch.manual_seed(seed)
    network = PafNetwork(PafConfig("movenet", width=width, layers=1))
    for i, conv in enumerate(ranged_convs(network).values()):
        conv.range[0], conv.range[1] = -float(seed * 10 + i), float(20 - seed + i)
    save_weights(path, network.state_dict(), "paf", network.config.to_dict(), {})
    return read_header(path)


def test_weights_are_averaged_and_ranges_span_both(tmp_path: Path) -> None:
    import safetensors.torch

    files = saved(tmp_path / "a.safetensors", 0), saved(tmp_path / "b.safetensors", 1)
    a, b = (safetensors.torch.load_file(file.path) for file in files)
    blended = blend(*files, 0.25)
    assert blended.keys() == a.keys()
    for name, tensor in blended.items():
        if name.endswith("num_batches_tracked"):
            continue
        assert tensor.dtype == torch.float16
        if name.endswith(".range"):
            want = torch.stack([torch.minimum(a[name][0], b[name][0]), torch.maximum(a[name][1], b[name][1])])
        else:
            want = 0.75 * a[name] + 0.25 * b[name]
        torch.testing.assert_close(tensor.float(), want, rtol=1e-3, atol=1e-4)


def test_networks_that_differ_are_refused(tmp_path: Path) -> None:
    files = saved(tmp_path / "a.safetensors", 0), saved(tmp_path / "b.safetensors", 1, width=16)
    with pytest.raises(ModelError, match="b.safetensors: another network .*'width': 16"):
        blend(*files, 0.5)
    with pytest.raises(ModelError, match="a share of 2 is not between 0 and 1"):
        blend(files[0], files[0], 2)
