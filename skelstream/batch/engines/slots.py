"""Slots for workers: their number on a machine, and the cores or the device of each."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import torch

from skelstream.runtimes.cores import available_cores

WORKER_BYTES = 1.2e9
"""Memory of a worker in bytes, measured on videos of up to 1920 x 1080 pixels."""


@dataclass(frozen=True)
class Slot:
    """The part of a machine that one worker may use.

    Attributes:
        cores: CPU cores of its networks; None for all.
        device: device of its networks; None for the one in the settings.
        clips: most clips at once, if the networks' batches are as large; while one clip is written and the
            next opened, the networks work on another.
    """

    cores: frozenset[int] | None = None
    device: str | None = None
    clips: int = 2


def make_slots(workers: int | None, device: str) -> list[Slot]:
    """Return a slot for each worker.

    On a CPU each worker has its own cores, and the default is one worker per core, or fewer if free memory
    requires it. On GPUs the default is one worker per GPU, with as many clips at once as it has cores to
    decode them.

    Args:
        workers: number of workers; None for the default.
        device: ``device`` of ``EstimatorSettings``.
    """
    gpus = torch.cuda.device_count() if device in ("auto", "cuda") else 0
    if gpus:
        count = workers or gpus
        clips = max(2, available_cores() // count)
        return [Slot(device=f"cuda:{i % gpus}", clips=clips) for i in range(count)]
    if device not in ("auto", "cpu"):
        return [Slot()] * (workers or 1)
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    count = workers or max(1, min(available_cores(), int(free_memory() / WORKER_BYTES)))
    if not cores:
        return [Slot()] * count
    return [Slot(frozenset(cores[i::count] or [cores[i % len(cores)]])) for i in range(count)]


def free_memory() -> float:
    """Return the free memory in bytes; infinite if unknown."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        (line,) = (line for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError):
        return float("inf")
    return min(float(line.split()[1]) * 1024, _free_cgroup_memory())


def _free_cgroup_memory() -> float:
    """Return the free memory below a container's limit in bytes; infinite without a limit."""
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
        used = Path("/sys/fs/cgroup/memory.current").read_text(encoding="ascii")
        return float("inf") if limit == "max" else float(limit) - float(used)
    except (OSError, ValueError):
        return float("inf")
