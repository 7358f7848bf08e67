"""Table of runtimes, and the choice of one for a device and a precision."""

from __future__ import annotations

import importlib.util
import logging
import platform

import torch

from skelstream.errors import SettingsError
from skelstream.network.architectures import CropNetwork, Network
from skelstream.network.lazy_network import LazyNetwork, lazy
from skelstream.plugins import plugins
from skelstream.runtimes.device import choose_device
from skelstream.runtimes.runtime import Runtime, RuntimeEntry
from skelstream.runtimes.torch import TorchRuntime

_log = logging.getLogger(__name__)


def _openvino(network: LazyNetwork, device: torch.device, precision: str) -> Runtime:
    # Imported here: it is an extra, and its import takes a third of a second.
    from skelstream.runtimes.openvino import OpenVinoRuntime

    return OpenVinoRuntime(network, precision)


def _openvino_is_fastest() -> bool:
    return _is_x86() and importlib.util.find_spec("openvino") is not None


def _is_x86() -> bool:
    return platform.machine() in ("x86_64", "AMD64")


_LISTED = (
    RuntimeEntry(
        "openvino",
        _openvino,
        precisions=("float32", "bfloat16", "int8"),
        devices=("cpu",),
        preferred=_openvino_is_fastest,
        install="pip install 'skelstream[openvino]'",
        lazy=True,
    ),
    RuntimeEntry(
        "torch", TorchRuntime, precisions=("float32", "bfloat16", "float16"), preferred=lambda: True
    ),
)
RUNTIMES: dict[str, RuntimeEntry] = plugins("skelstream.runtimes", RuntimeEntry, _LISTED)
"""Runtimes by name: skelstream's own, then those of other packages. ``auto`` takes the first preferred
one."""


def choose_runtime(
    network: Network | CropNetwork | LazyNetwork,
    device: str = "auto",
    runtime: str = "auto",
    precision: str = "auto",
) -> Runtime:
    """Build the runtime of a network: by default OpenVINO on an x86 CPU if it is installed, torch elsewhere.

    Args:
        network: network on the CPU in float32, which the torch runtime changes, or one that is loaded only if it is needed.
        device: device name, as for ``choose_device``.
        runtime: ``auto`` or a name in ``RUNTIMES``.
        precision: ``auto`` or one of the runtime's precisions.

    Raises:
        SettingsError: the device, runtime or precision is unknown or cannot be used here.
        MissingExtraError: OpenVINO was requested and is not installed.
    """
    entry, place = _choose(device, runtime, precision)
    unloaded = network if isinstance(network, LazyNetwork) else lazy(network)
    chosen = entry.make(unloaded if entry.lazy else unloaded.load(), place, precision)
    _log.info("runtime: %s", chosen.name)
    return chosen


def faster_runtime(device: str = "auto", runtime: str = "auto", precision: str = "auto") -> str:
    """Return a line about OpenVINO if ``choose_runtime`` would choose it, were it installed; empty otherwise."""
    openvino = RUNTIMES["openvino"]
    if runtime != "auto" or precision not in ("auto", *openvino.precisions) or not _is_x86():
        return ""
    if importlib.util.find_spec("openvino") is not None or choose_device(device).type != "cpu":
        return ""
    return f"with OpenVINO the networks run about three times as fast on this CPU: {openvino.install}"


def _choose(device: str, runtime: str, precision: str) -> tuple[RuntimeEntry, torch.device]:
    precisions = dict.fromkeys(name for entry in RUNTIMES.values() for name in entry.precisions)
    if runtime not in ("auto", *RUNTIMES):
        raise SettingsError(
            f"unknown runtime {runtime!r}; known: auto, {', '.join(RUNTIMES)}", setting="runtime"
        )
    if precision not in ("auto", *precisions):
        raise SettingsError(
            f"unknown precision {precision!r}; known: auto, {', '.join(precisions)}", setting="precision"
        )
    if runtime != "auto":
        entry = RUNTIMES[runtime]
        place = choose_device(entry.devices[0] if entry.devices and device == "auto" else device)
        if entry.devices and place.type not in entry.devices:
            raise SettingsError(
                f"the {runtime} runtime runs on {' and '.join(entry.devices)}, not on {device}",
                setting="device",
            )
        if precision not in ("auto", *entry.precisions):
            raise SettingsError(
                f"the {runtime} runtime does not support {precision}; use {', '.join(entry.precisions)}"
                f"{_runtime_hint(precision)}",
                setting="precision",
            )
        return entry, place
    place = choose_device(device)
    for entry in RUNTIMES.values():
        suits = (entry.devices is None or place.type in entry.devices) and entry.preferred()
        if suits and precision in ("auto", *entry.precisions):
            return entry, place
    raise SettingsError(
        f"no runtime here supports {precision} on {place}{_runtime_hint(precision)}", setting="precision"
    )


def _runtime_hint(precision: str) -> str:
    """Return the end of an error message that names a runtime which supports a precision."""
    for entry in RUNTIMES.values():
        if precision in entry.precisions:
            where = f" on {' and '.join(entry.devices)}" if entry.devices else ""
            install = f" ({entry.install})" if entry.install else ""
            return f"; the {entry.name} runtime{where} supports {precision}{install}"
    return ""
