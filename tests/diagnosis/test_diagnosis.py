"""Each check finds what is there, and says so when it is broken."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from skelstream.diagnosis import Check, State
from skelstream.diagnosis.accelerators import devices
from skelstream.diagnosis.cache import cache
from skelstream.diagnosis.check import checked
from skelstream.diagnosis.codecs import codecs
from skelstream.diagnosis.runtimes import runtimes
from skelstream.diagnosis.versions import versions
from skelstream.diagnosis.weights import weights
from skelstream.errors import ModelError
from skelstream.files.cache import OFF, VARIABLE, Cache
from skelstream.network import model_file
from skelstream.settings.models import DETECTOR, REFINER

pytestmark = pytest.mark.slow


def module(name):
    # The package has functions of its modules' names.
    return importlib.import_module(f"skelstream.diagnosis.{name}")


def by_name(checks):
    return {check.name: check for check in checks}


@pytest.mark.parametrize(
    ("error", "detail"),
    [(ModelError("a.pt: no"), "a.pt: no"), (RuntimeError("two\n lines"), "RuntimeError: two lines")],
)
def test_an_exception_of_a_check_is_a_result(error, detail):
    def fails():
        raise error

    assert checked("weights", "a", fails) == Check("weights", "a", State.BROKEN, detail)


def test_versions():
    found = by_name(versions())
    assert found["torch"].state is State.FINE and found["torch"].detail[0].isdigit()
    assert found["skelstream"].detail.count(".") == 2
    assert not [check for check in found.values() if check.state is State.BROKEN]


def test_a_package_that_cannot_be_imported_is_broken(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    assert by_name(versions())["scipy"].state is State.BROKEN


def test_an_extra_that_is_not_installed_is_unavailable(monkeypatch):
    monkeypatch.setitem(module("versions")._OPTIONAL, "no-such-package", ("nothing", "formats"))
    check = by_name(versions())["no-such-package"]
    assert check.state is State.UNAVAILABLE and "skelstream[formats]" in check.detail


def test_the_cache_is_found_and_left_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    kept = Cache(tmp_path / "graphs")
    kept.write("a", bytes(2_000_000))
    (check,) = cache()
    assert check.state is State.FINE and check.detail == f"{kept.folder}, 2 MB in 1 files"
    assert [path.stem for path in kept.entries()] == ["a"]


def test_a_cache_that_is_off_or_cannot_be_written_is_unavailable(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, OFF)
    (check,) = cache()
    assert check.state is State.UNAVAILABLE and "SKELSTREAM_CACHE is off" in check.detail
    (tmp_path / "file").touch()
    monkeypatch.setenv(VARIABLE, str(tmp_path / "file"))
    (check,) = cache()
    assert check.state is State.UNAVAILABLE and check.detail.startswith(f"cannot write {tmp_path}")


def test_a_cache_without_room_for_the_networks_is_unavailable(tmp_path, monkeypatch):
    resource = pytest.importorskip("resource")  # Unix
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))  # bytes of a file
    try:
        (check,) = cache()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert check.state is State.UNAVAILABLE and "converted at each start" in check.detail
    assert not list(tmp_path.glob("graphs/*"))


def test_a_cache_that_gives_something_else_is_broken(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    monkeypatch.setattr(Cache, "read", lambda self, key: None)
    (check,) = cache()
    assert check.state is State.BROKEN


def test_devices():
    found = by_name(devices())
    assert found["cpu"].state is State.FINE and "threads" in found["cpu"].detail
    assert {found["cuda"].state, found["mps"].state} <= {State.FINE, State.UNAVAILABLE}


def test_weights(tmp_path, monkeypatch):
    monkeypatch.setenv("SKELSTREAM_MODELS", str(tmp_path))
    (tmp_path / "mediapipe-hand.tflite").write_bytes(b"damaged")
    found = by_name(weights())
    assert {found.pop("mediapipe-hand").state} == {State.BROKEN}
    for name in ("mediapipe-face", "mediapipe-palm"):
        check = found.pop(name)
        assert check.state is State.UNAVAILABLE and "skelstream models fetch whole-body" in check.detail
    assert {check.state for check in found.values()} == {State.FINE}


def test_damaged_and_missing_weights_are_broken(tmp_path, monkeypatch):
    content = bytearray(model_file.find_model(REFINER).read_bytes())
    content[-100] ^= 1
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(content)
    monkeypatch.setattr(model_file, "packaged_models", lambda: {REFINER: damaged})
    found = by_name(weights())
    assert found[REFINER].state is State.BROKEN and "checksum" in found[REFINER].detail
    assert found[DETECTOR].state is State.BROKEN


def test_codecs():
    found = by_name(codecs())
    assert set(found) == {"H.264", "HEVC", "VP9", "AV1"}
    assert {check.state for check in found.values()} == {State.FINE}


def test_codecs_that_fail(monkeypatch):
    codecs_module = module("codecs")
    h264 = codecs_module._CODECS[0]
    changed = (
        replace(h264, name="none", decoder="no_such"),
        replace(h264, name="untried", encoder="no_such"),
    )
    monkeypatch.setattr(codecs_module, "_CODECS", changed)
    found = by_name(codecs())
    assert found["none"].state is State.BROKEN
    assert found["untried"].state is State.FINE and "not tried" in found["untried"].detail
    monkeypatch.setattr(codecs_module, "_CODECS", (h264,))
    monkeypatch.setattr(codecs_module, "_TOLERANCE", -1)
    assert "grey levels off" in by_name(codecs())["H.264"].detail


def test_runtimes_are_timed_and_agree():
    found = by_name(runtimes())
    assert found["torch"].state is State.FINE and found["torch"].milliseconds > 0
    assert found["openvino"].state in (State.FINE, State.UNAVAILABLE)
    assert ": " in found["chosen"].detail


def test_a_runtime_is_timed_after_it_has_warmed_up(monkeypatch):
    runtimes_module, clock = module("runtimes"), [0.0]
    monkeypatch.setattr(runtimes_module.time, "perf_counter", lambda: clock[0])
    for costs, median in (([0.9, 0.5, *[0.02, 0.03, 0.04] * 3], 0.03), ([2.0, 2.0, 2.0, 9.0], 2.0)):
        rest = iter(costs)

        def work(rest=rest):
            clock[0] += next(rest)

        assert runtimes_module._median_seconds(work) == pytest.approx(median)


def test_a_runtime_with_other_maps_is_broken(monkeypatch):
    runtimes_module = module("runtimes")
    right = runtimes_module._maps
    results = iter([lambda maps: maps.flip(-1), lambda maps: maps])
    monkeypatch.setattr(runtimes_module, "_maps", lambda *given: next(results)(right(*given)))
    check = checked("runtimes", "torch", lambda: runtimes_module._timed("torch"))
    assert check.state is State.BROKEN and "correlation" in check.detail


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_terminal():
    import pty

    program = "from skelstream.diagnosis.terminal import terminal; print(next(terminal()).to_dict())"
    keyboard, screen = pty.openpty()
    try:
        done = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=screen,
            stdout=screen,
            env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
        )
        assert done.wait(30) == 0
        said = os.read(keyboard, 10_000).decode()
    finally:
        os.close(keyboard)
        os.close(screen)
    assert "xterm-256color" in said and "preview would draw with blocks'" in said
    piped = subprocess.run([sys.executable, "-c", program], stdin=subprocess.DEVNULL, capture_output=True)
    assert b"not a terminal" in piped.stdout
