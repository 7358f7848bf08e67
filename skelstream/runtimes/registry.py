"""The table of runtimes, and which of them runs a network where."""

from __future__ import annotations

import importlib.util
import logging
import platform

import torch

from skelstream.errors import ModelError
from skelstream.network.architectures import CropNetwork, Network
from skelstream.plugins import plugins
from skelstream.runtimes.device import choose_device
from skelstream.runtimes.runtime import Runtime, RuntimeEntry
from skelstream.runtimes.torch import TorchRuntime

_log = logging.getLogger(__name__)


def _openvino(network: Network | CropNetwork, device: torch.device, precision: str) -> Runtime:
    # An extra, and it takes a third of a second to import.
    from skelstream.runtimes.openvino import OpenVinoRuntime

    return OpenVinoRuntime(network, precision)


def _openvino_is_fastest() -> bool:
    return platform.machine() in ("x86_64", "AMD64") and importlib.util.find_spec("openvino") is not None


_LISTED = (
    RuntimeEntry(
        "openvino",
        _openvino,
        precisions=("float32", "bfloat16", "int8"),
        devices=("cpu",),
        preferred=_openvino_is_fastest,
        install="pip install 'skelstream[openvino]'",
    ),
    RuntimeEntry(
        "torch", TorchRuntime, precisions=("float32", "bfloat16", "float16"), preferred=lambda: True
    ),
)
RUNTIMES: dict[str, RuntimeEntry] = plugins("skelstream.runtimes", RuntimeEntry, _LISTED)
"""Every runtime by name: skelstream's own, then those of other packages. ``auto`` takes the first that is preferred."""


def choose_runtime(
    network: Network | CropNetwork, device: str = "auto", runtime: str = "auto", precision: str = "auto"
) -> Runtime:
    """The runtime for a network: OpenVINO on an x86 CPU where it is installed, torch elsewhere.

    Args:
        network: on the CPU in float32; torch's runtime takes it over.
        device: as in ``choose_device``.
        runtime: ``auto`` or a name in ``RUNTIMES``.
        precision: ``auto`` or one of the runtime's precisions.

    Raises:
        ModelError: the device, runtime or precision cannot be used here.
        MissingExtraError: OpenVINO was asked for and is not installed.
    """
    entry, place = _choose(device, runtime, precision)
    made = entry.make(network, place, precision)
    _log.info("runtime: %s", made.name)
    return made


def _choose(device: str, runtime: str, precision: str) -> tuple[RuntimeEntry, torch.device]:
    precisions = dict.fromkeys(name for entry in RUNTIMES.values() for name in entry.precisions)
    if runtime not in ("auto", *RUNTIMES):
        raise ModelError(f"no runtime {runtime!r}; there are auto, {', '.join(RUNTIMES)}")
    if precision not in ("auto", *precisions):
        raise ModelError(f"no precision {precision!r}; there are auto, {', '.join(precisions)}")
    if runtime != "auto":
        entry = RUNTIMES[runtime]
        place = choose_device(entry.devices[0] if entry.devices and device == "auto" else device)
        if entry.devices and place.type not in entry.devices:
            raise ModelError(f"the {runtime} runtime runs on {' and '.join(entry.devices)}, not on {device}")
        if precision not in ("auto", *entry.precisions):
            raise ModelError(
                f"the {runtime} runtime does not run in {precision}; use {', '.join(entry.precisions)}"
                f"{_who_runs_in(precision)}"
            )
        return entry, place
    place = choose_device(device)
    for entry in RUNTIMES.values():
        suits = (entry.devices is None or place.type in entry.devices) and entry.preferred()
        if suits and precision in ("auto", *entry.precisions):
            return entry, place
    raise ModelError(f"nothing here runs in {precision} on {place}{_who_runs_in(precision)}")


def _who_runs_in(precision: str) -> str:
    """The end of a message that says where a precision is to be had."""
    for entry in RUNTIMES.values():
        if precision in entry.precisions:
            where = f" on {' and '.join(entry.devices)}" if entry.devices else ""
            install = f" ({entry.install})" if entry.install else ""
            return f"; {precision} is for the {entry.name} runtime{where}{install}"
    return ""
