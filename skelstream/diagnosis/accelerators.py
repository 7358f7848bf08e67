"""Checks of the devices on which networks can run."""

from __future__ import annotations

import platform
from collections.abc import Iterator

from skelstream.diagnosis.check import Check, State, checked
from skelstream.runtimes.cores import available_cores


def devices() -> Iterator[Check]:
    """Yield a check for the CPU, for CUDA and for MPS."""
    yield checked("devices", "cpu", _cpu)
    yield checked("devices", "cuda", _cuda)
    yield checked("devices", "mps", _mps)


def _cpu() -> Check:
    import torch

    threads = f"{available_cores()} cores, torch uses {torch.get_num_threads()} threads"
    capability = torch.backends.cpu.get_cpu_capability()
    return Check("devices", "cpu", State.FINE, f"{platform.machine()}, {threads}, {capability}")


def _cuda() -> Check:
    import torch

    if not torch.cuda.is_available():
        reason = (
            "this torch was built without CUDA" if torch.version.cuda is None else "no device, or no driver"
        )
        return Check("devices", "cuda", State.UNAVAILABLE, reason)
    names = []
    for number in range(torch.cuda.device_count()):
        facts = torch.cuda.get_device_properties(number)
        names.append(f"cuda:{number} {facts.name}, {facts.total_memory / 2**30:.0f} GiB")
    # An installed driver may still fail.
    torch.ones(1, device="cuda").add(1).item()
    return Check("devices", "cuda", State.FINE, "; ".join(names))


def _mps() -> Check:
    import torch

    if not torch.backends.mps.is_available():
        return Check("devices", "mps", State.UNAVAILABLE, "no Apple GPU")
    torch.ones(1, device="mps").add(1).item()
    return Check("devices", "mps", State.FINE, "Apple GPU")
