"""Processes of a training run: a single one, or those that ``torchrun`` starts, one per device."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist

from skelstream.errors import ModelError
from skelstream.runtimes.cores import available_cores
from skelstream.runtimes.device import choose_device

# The other processes wait while the first one evaluates.
_PATIENCE = timedelta(hours=2)


@dataclass(frozen=True)
class Processes:
    """This process's place among the run's processes.

    Attributes:
        rank: number of this process, from 0.
        count: number of processes.
    """

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes the run's files and reports its progress."""
        return self.rank == 0

    def any(self, flag: bool, device: torch.device) -> bool:
        """Return whether the flag is set in any process; all processes must call this together."""
        if self.count == 1:
            return flag
        flags = torch.tensor([float(flag)], device=device)
        dist.all_reduce(flags)
        return bool(flags.item())

    def wait(self) -> None:
        """Wait until all processes have called this."""
        if self.count > 1:
            dist.barrier()


def default_workers() -> int:
    """Return the number of workers per training process: one per core that is left, at most 16."""
    return max(1, min(16, available_cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")) - 1))


@contextmanager
def processes(device: str) -> Iterator[tuple[Processes, torch.device]]:
    """Join the run's processes inside the block.

    Args:
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``; under ``torchrun`` each process uses the
            CUDA device of its local rank.

    Yields:
        This process's place among the processes, and its device.

    Raises:
        ModelError: this machine has no such device, or fewer CUDA devices than processes.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Processes(), choose_device(device)
        return
    chosen = choose_device(device)
    if chosen.type == "cuda":
        local = int(os.environ["LOCAL_RANK"])
        if local >= torch.cuda.device_count():
            raise ModelError(
                f"{count} processes but {torch.cuda.device_count()} CUDA devices; start one per device"
            )
        chosen = torch.device("cuda", local)
        torch.cuda.set_device(chosen)
    dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo", timeout=_PATIENCE)
    try:
        yield Processes(dist.get_rank(), count), chosen
    finally:
        dist.destroy_process_group()
