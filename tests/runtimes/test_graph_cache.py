"""Graphs in the cache: the same numbers as without it, and never those of another network, version or code."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

if importlib.util.find_spec("openvino") is None:
    pytest.skip("OpenVINO is not installed", allow_module_level=True)

from skelstream.files.cache import OFF, VARIABLE, Cache  # noqa: E402
from skelstream.network import source_code  # noqa: E402
from skelstream.network.lazy_network import LazyNetwork, lazy, lazy_network  # noqa: E402
from skelstream.network.model_file import find_model, read_header  # noqa: E402
from skelstream.network.ranged_conv import RangedConv  # noqa: E402
from skelstream.runtimes import graph_cache  # noqa: E402
from skelstream.runtimes.openvino import OpenVinoRuntime  # noqa: E402
from skelstream.runtimes.registry import choose_runtime  # noqa: E402
from skelstream.settings.models import DETECTOR, REFINER  # noqa: E402
from skelstream.skeleton import OPENPOSE18  # noqa: E402

SHA256 = "5" * 64


class Tiny(nn.Module):
    """A network of a single convolution, which can be rounded to eight bits."""

    skeleton, stride, size_divisor, example_size = OPENPOSE18, 1, 1, (8, 8)

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.conv = RangedConv(3, 18, 1)
        self.conv.range[1] = 255

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        maps = (self.conv(image) / 255).sigmoid()
        return maps, maps * 2


class Unloaded:
    """A tiny network that counts how often it is loaded."""

    def __init__(self, seed: int = 0, sha256: str | None = SHA256, ranges: bool = False) -> None:
        self.loads, self._seed, self._ranges, self.sha256 = 0, seed, ranges, sha256

    def __call__(self) -> LazyNetwork:
        size = Tiny.example_size
        return LazyNetwork(OPENPOSE18, 1, 1, size, False, self.sha256, self._load, lambda: self._ranges)

    def _load(self) -> Tiny:
        self.loads += 1
        return Tiny(self._seed)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    return Cache(tmp_path / "cache" / "graphs")


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, 16, 24, 3), np.uint8)


def confidence(network: LazyNetwork, images: np.ndarray) -> Tensor:
    return OpenVinoRuntime(network, "float32").maps(images).confidence


def test_a_kept_graph_gives_the_same_numbers_without_the_network(images: np.ndarray, cache: Cache) -> None:
    tiny = Unloaded()
    first, second = (OpenVinoRuntime(tiny(), "float32") for _ in range(2))
    assert tiny.loads == 1 and len(cache.entries()) == 1
    assert torch.equal(first.maps(images).confidence, second.maps(images).confidence)
    assert first.name == second.name and vars(first).keys() == vars(second).keys()
    assert (second.skeleton, second.stride, second.size_divisor) == (OPENPOSE18, 1, 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "precision"), [(DETECTOR, "int8"), (DETECTOR, "float32"), (REFINER, "auto")]
)
def test_the_packaged_networks_give_the_same_bits_with_and_without_a_cache(
    name: str, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = lazy_network(read_header(find_model(name)))
    height, width = network.example_size if network.takes_crops else (256, 320)
    pictures = np.random.default_rng(1).integers(0, 256, (3, height, width, 3), np.uint8)
    cold, warm = (choose_runtime(network, "cpu", "openvino", precision).outputs(pictures) for _ in range(2))
    monkeypatch.setenv(VARIABLE, OFF)
    without = choose_runtime(network, "cpu", "openvino", precision).outputs(pictures)
    assert len(cold) == len(warm) == len(without) > 0
    for one, other, plain in zip(cold, warm, without, strict=True):
        assert torch.equal(one, plain) and torch.equal(other, plain)


def test_without_a_cache_nothing_is_kept(monkeypatch: pytest.MonkeyPatch, cache: Cache) -> None:
    tiny, given = Unloaded(), Unloaded(sha256=None)
    for network in (given(), given(), lazy(Tiny())):  # pyright: ignore[reportArgumentType]
        OpenVinoRuntime(network, "float32")
    monkeypatch.setenv(VARIABLE, OFF)
    for _ in range(2):
        OpenVinoRuntime(tiny(), "float32")
    assert tiny.loads == given.loads == 2 and not cache.folder.exists()


def _truncated(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _flipped(data: bytes) -> bytes:
    return data[:-9] + bytes([data[-9] ^ 4]) + data[-8:]


@pytest.mark.parametrize("damage", [_truncated, _flipped])
def test_a_damaged_graph_is_made_anew(
    damage: Callable[[bytes], bytes], images: np.ndarray, cache: Cache
) -> None:
    tiny = Unloaded()
    expected = confidence(tiny(), images)
    (path,) = cache.entries()
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert torch.equal(confidence(tiny(), images), expected)
    assert tiny.loads == 2 and len(path.read_bytes()) == len(whole)
    assert torch.equal(confidence(tiny(), images), expected) and tiny.loads == 2


def test_a_graph_that_openvino_cannot_read_is_made_anew(images: np.ndarray, cache: Cache) -> None:
    tiny = Unloaded()
    expected = confidence(tiny(), images)
    (path,) = cache.entries()
    cache.write(path.stem, b"whole, and no graph")
    assert torch.equal(confidence(tiny(), images), expected)
    assert tiny.loads == 2


def test_a_cache_that_cannot_be_written_is_done_without(
    images: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tiny = Unloaded()
    expected = confidence(tiny(), images)
    (tmp_path / "file").touch()
    monkeypatch.setenv(VARIABLE, str(tmp_path / "file"))
    with caplog.at_level(logging.INFO, "skelstream"):
        assert torch.equal(confidence(tiny(), images), expected)
    assert [r.message for r in caplog.records if "is not kept" in r.message]


def test_other_weights_have_another_graph(images: np.ndarray) -> None:
    one, other = Unloaded(), Unloaded(seed=1, sha256="6" * 64)
    found, others = confidence(one(), images), confidence(other(), images)
    assert one.loads == other.loads == 1 and not torch.equal(found, others)
    assert torch.equal(confidence(other(), images), others)


@pytest.mark.parametrize(
    "change",
    [
        lambda patch: patch.setattr(graph_cache, "__version__", "9.9"),
        lambda patch: patch.setattr(torch, "__version__", "9.9"),
        lambda patch: patch.setattr(graph_cache.ov, "__version__", "9.9"),
        lambda patch: patch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "another"),
        lambda patch: patch.setattr(graph_cache, "_instructions", lambda: "avx1024"),
        lambda patch: patch.setattr(graph_cache, "available_cores", lambda: 99),
    ],
    ids=["skelstream", "torch", "openvino", "kernels", "instructions", "cores"],
)
def test_another_version_or_machine_has_another_graph(
    change: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = Unloaded()
    OpenVinoRuntime(tiny(), "float32")
    change(monkeypatch)
    for _ in range(2):
        OpenVinoRuntime(tiny(), "float32")
    assert tiny.loads == 2


def test_eight_bits_have_another_graph(images: np.ndarray) -> None:
    plain, rounded = Unloaded(), Unloaded(ranges=True)
    one, other = (OpenVinoRuntime(network()) for network in (plain, rounded))
    assert "int8" not in one.name and "int8" in other.name
    assert plain.loads == rounded.loads == 1
    assert not torch.equal(one.maps(images).confidence, other.maps(images).confidence)


def test_other_settings_have_another_graph() -> None:
    core, network = graph_cache.ov.Core(), {"weights": SHA256}
    settings = ({"PERFORMANCE_HINT": "LATENCY"}, {"NUM_STREAMS": 2}, {"NUM_STREAMS": 3})
    assert len({graph_cache._key(core, "code", {"network": network, "settings": s}) for s in settings}) == 3


def test_changed_code_has_another_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = Unloaded()
    OpenVinoRuntime(tiny(), "float32")
    monkeypatch.setattr(source_code, "LOADED", "of a later start")
    monkeypatch.setattr(source_code, "source_code_sha256", lambda: "of a later start")
    for _ in range(2):
        OpenVinoRuntime(tiny(), "float32")
    assert tiny.loads == 2


def test_code_that_changed_while_it_runs_keeps_nothing(monkeypatch: pytest.MonkeyPatch, cache: Cache) -> None:
    tiny = Unloaded()
    for now in ("edited", ""):
        monkeypatch.setattr(source_code, "source_code_sha256", lambda now=now: now)
        OpenVinoRuntime(tiny(), "float32")
    assert tiny.loads == 2 and not cache.folder.exists()


def test_the_checksum_of_the_code_is_of_every_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert source_code.source_code_sha256() == source_code.LOADED != ""
    for name in ("skeleton/body.py", "network/paf.py", "network/backbones/hrnet.py", "runtimes/openvino.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a = 1\n")
    monkeypatch.setattr(source_code, "_PACKAGE", tmp_path)
    before = source_code.source_code_sha256()
    for path in tmp_path.rglob("*.py"):
        path.write_text("a = 2\n")
        after = source_code.source_code_sha256()
        assert after != before
        before = after
    (tmp_path / "skeleton" / "body.py").unlink()  # an installation without source code
    assert source_code.source_code_sha256() == ""
