"""How many workers a machine takes, and what each of them may use."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import torch

from skelstream.runtimes.cores import available_cores

WORKER_BYTES = 1.2e9
"""Memory that a worker may come to need; measured on videos of up to 1920 x 1080 pixels: see docs/scaling.md."""


@dataclass(frozen=True)
class Place:
    """What a worker may use.

    Attributes:
        cores: for its networks; None for all.
        device: where they run; None for what the settings say.
        lanes: clips that it may have under way at a time, if its networks' batches are as large: while one is written and the next
            is opened, the networks work on another.
    """

    cores: frozenset[int] | None = None
    device: str | None = None
    lanes: int = 2


def places(workers: int | None, device: str) -> list[Place]:
    """A place for each worker.

    On a CPU the cores are shared out, one to a worker unless there are fewer workers than cores. By default there are as
    many workers as cores, or as memory is free for. On GPUs, one to a GPU by default; more share them. There, a lane has a core to decode with.

    Args:
        workers: how many; None for as many as the machine takes.
        device: as in ``EstimatorSettings``.
    """
    gpus = torch.cuda.device_count() if device in ("auto", "cuda") else 0
    if gpus:
        count = workers or gpus
        lanes = max(2, available_cores() // count)
        return [Place(device=f"cuda:{i % gpus}", lanes=lanes) for i in range(count)]
    if device not in ("auto", "cpu"):
        return [Place()] * (workers or 1)
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    count = workers or max(1, min(available_cores(), int(free_memory() / WORKER_BYTES)))
    if not cores:
        return [Place()] * count
    return [Place(frozenset(cores[i::count] or [cores[i % len(cores)]])) for i in range(count)]


def free_memory() -> float:
    """Bytes that programs may still take; infinite where nobody says."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        (line,) = (line for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError):
        return float("inf")
    return min(float(line.split()[1]) * 1024, _cgroup_room())


def _cgroup_room() -> float:
    """Bytes left of what a container is allowed."""
    try:
        most = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
        used = Path("/sys/fs/cgroup/memory.current").read_text(encoding="ascii")
        return float("inf") if most == "max" else float(most) - float(used)
    except (OSError, ValueError):
        return float("inf")
