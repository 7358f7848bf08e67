"""OpenVINO gives torch's maps: closely in float32, and with the same peaks in bfloat16."""

from __future__ import annotations

import gc
import importlib.util

import numpy as np
import pytest
import torch

if importlib.util.find_spec("openvino") is None:
    pytest.skip("OpenVINO is not installed", allow_module_level=True)

from skelstream.errors import SettingsError  # noqa: E402
from skelstream.network.architectures import Network  # noqa: E402
from skelstream.network.lazy_network import lazy_network  # noqa: E402
from skelstream.network.model_file import find_model, read_header  # noqa: E402
from skelstream.network.openpose import OpenPoseConfig, OpenPoseNetwork  # noqa: E402
from skelstream.network.paf import PafNetwork  # noqa: E402
from skelstream.network.quantised import quantised  # noqa: E402
from skelstream.network.ranged_conv import measure_ranges  # noqa: E402
from skelstream.network.top_down import TopDownConfig, TopDownNetwork  # noqa: E402
from skelstream.runtimes import openvino as runtime_module  # noqa: E402
from skelstream.runtimes.openvino import OpenVinoRuntime, convert  # noqa: E402
from skelstream.runtimes.openvino_import import ov  # noqa: E402
from skelstream.runtimes.registry import choose_runtime  # noqa: E402
from skelstream.runtimes.torch import TorchRuntime  # noqa: E402
from skelstream.settings.models import REFINER  # noqa: E402

pytestmark = pytest.mark.slow


def pictures(count: int, height: int, width: int) -> np.ndarray:
    """uint8 (count, height, width, 3) of smooth random colours."""
    coarse = torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 255
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear", align_corners=False)
    return smooth.permute(0, 2, 3, 1).to(torch.uint8).numpy()


@pytest.fixture(scope="module")
def compiled(movenet: PafNetwork) -> OpenVinoRuntime:
    return OpenVinoRuntime(movenet, "float32")


def test_float32_is_torchs_at_any_size(network: Network) -> None:
    runtime = OpenVinoRuntime(network, "float32")
    torchs = TorchRuntime(network, torch.device("cpu"))
    for height, width in ((64, 96), (96, 64), (32, 32), (64, 96)):
        maps, expected = runtime.maps(pictures(1, height, width)), torchs.maps(pictures(1, height, width))
        assert maps.stride == expected.stride
        assert maps.confidence.dtype == maps.pafs.dtype == torch.float32
        torch.testing.assert_close(maps.confidence, expected.confidence, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(maps.pafs, expected.pafs, atol=2e-4, rtol=2e-4)
    assert runtime.name == "OpenVINO, cpu, float32"


def test_images_of_many_sizes_share_the_memory_of_one_request(compiled: OpenVinoRuntime, monkeypatch) -> None:
    made, create = [], ov.CompiledModel.create_infer_request
    monkeypatch.setattr(
        ov.CompiledModel, "create_infer_request", lambda graph: made.append(1) or create(graph)
    )
    for height in (32, 64, 96):
        compiled.maps(pictures(1, height, 64))
    assert len(made) <= 1


def test_crops_are_torchs_in_their_order() -> None:
    torch.manual_seed(0)
    network = TopDownNetwork(TopDownConfig(64, 96)).eval()
    crops = pictures(5, 64, 96)
    found = OpenVinoRuntime(network, "float32").crops(iter(crops))
    expected = TorchRuntime(network, torch.device("cpu")).crops(iter(crops))
    for (maps,), (wanted,) in zip(found, expected, strict=True):
        torch.testing.assert_close(maps, wanted, atol=1e-4, rtol=1e-4)


def test_int8_of_crops_is_taken_where_the_cpu_lacks_bfloat16(monkeypatch) -> None:
    network = TopDownNetwork(TopDownConfig(64, 96)).eval()
    measure_ranges(network, [torch.rand(1, 3, 64, 96) * 255])
    for native, expected in ((True, "bfloat16"), (False, "int8")):
        monkeypatch.setattr(runtime_module, "has_bfloat16", lambda _, native=native: native)
        assert OpenVinoRuntime(network).name == f"OpenVINO, cpu, {expected}"


def test_bfloat16_keeps_the_peaks(network: Network) -> None:
    try:
        runtime = OpenVinoRuntime(network, "bfloat16")
    except SettingsError as error:
        pytest.skip(str(error))
    images = pictures(1, 96, 128)
    maps, expected = runtime.maps(images), TorchRuntime(network, torch.device("cpu")).maps(images)
    highest, at = expected.confidence.flatten(2).max(-1)
    there = maps.confidence.flatten(2).gather(2, at[..., None])[..., 0]
    close = 0.05 * float(highest.max())
    assert float(expected.confidence.std()) > close / 2  # the maps are not flat
    torch.testing.assert_close(there, highest, atol=close, rtol=0)
    torch.testing.assert_close(maps.confidence.flatten(2).amax(-1), highest, atol=close, rtol=0)


def test_int8_is_what_torch_gives_of_the_rounded_network(movenet: PafNetwork) -> None:
    images = pictures(1, 96, 128)
    runtime = OpenVinoRuntime(movenet, "int8")
    assert runtime.name == "OpenVINO, cpu, int8"
    maps = runtime.maps(images)
    expected = TorchRuntime(quantised(movenet), torch.device("cpu")).maps(images)
    for got, wanted in ((maps.confidence, expected.confidence), (maps.pafs, expected.pafs)):
        assert (got - wanted).abs().mean() < 0.05 * wanted.std()


def test_int8_of_crops_is_what_torch_gives_of_the_rounded_network() -> None:
    """The shuffle units have convolutions of signed values, which a wrong range of integers would spoil."""
    network = lazy_network(read_header(find_model(REFINER))).load()
    crops = list(pictures(4, 256, 192))
    found = OpenVinoRuntime(network, "int8").crops(crops)
    expected = TorchRuntime(quantised(network), torch.device("cpu")).crops(crops)
    for (maps,), (wanted,) in zip(found, expected, strict=True):
        assert (maps - wanted).abs().mean() < 0.2 * wanted.std()


def test_int8_computes_in_integers(movenet: PafNetwork) -> None:
    core = ov.Core()
    compiled = core.compile_model(convert(quantised(movenet)), "CPU")
    kinds = [
        op.get_rt_info()["runtimePrecision"].astype(str) for op in compiled.get_runtime_model().get_ops()
    ]
    assert kinds.count("u8") + kinds.count("i8") > 30


def test_auto_is_int8_if_the_weights_contain_ranges(movenet: PafNetwork) -> None:
    assert OpenVinoRuntime(movenet).name == "OpenVINO, cpu, int8"
    assert "int8" not in OpenVinoRuntime(OpenPoseNetwork(OpenPoseConfig(stages=1))).name


def test_an_images_maps_do_not_depend_on_its_batch(compiled: OpenVinoRuntime) -> None:
    images = pictures(3, 64, 96)
    together = compiled.maps(images)
    assert together.confidence.shape == (3, 18, 16, 24)
    for i in range(3):
        alone = compiled.maps(images[i : i + 1])
        assert torch.equal(alone.confidence[0], together.confidence[i])
        assert torch.equal(alone.pafs[0], together.pafs[i])


def test_earlier_maps_stay_as_they_were(compiled: OpenVinoRuntime) -> None:
    first = compiled.maps(pictures(1, 64, 96))
    copy = first.pafs.clone()
    compiled.maps(255 - pictures(1, 64, 96))
    assert torch.equal(first.pafs, copy)


def test_images_may_be_views(compiled: OpenVinoRuntime) -> None:
    mirrored = pictures(1, 64, 96)[:, :, ::-1]
    assert torch.equal(compiled.maps(mirrored).pafs, compiled.maps(mirrored.copy()).pafs)


def test_the_torch_network_may_be_deleted() -> None:
    torch.manual_seed(0)
    network = PafNetwork().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.01)
    runtime, images = OpenVinoRuntime(network, "float32"), pictures(1, 64, 64)
    expected = runtime.maps(images).confidence
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(7)
    del network
    gc.collect()
    assert torch.equal(runtime.maps(images).confidence, expected)


def test_unsupported_precisions(movenet: PafNetwork) -> None:
    with pytest.raises(SettingsError, match="float16"):
        choose_runtime(movenet, "cpu", "openvino", "float16")
    with pytest.raises(SettingsError, match="the openvino runtime on cpu supports int8"):
        choose_runtime(movenet, "cpu", "torch", "int8")
    with pytest.raises(SettingsError, match="not on meta"):
        choose_runtime(movenet, "meta", "openvino")


def test_network_is_left_as_it_was(movenet: PafNetwork) -> None:
    before = {name: tensor.clone() for name, tensor in movenet.state_dict().items()}
    convert(movenet)
    assert all(torch.equal(tensor, before[name]) for name, tensor in movenet.state_dict().items())
    assert not movenet.training
