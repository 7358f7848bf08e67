"""The processes of a run: one alone, or those that ``torchrun`` started, one a device."""

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

# The others wait while the first process evaluates.
_PATIENCE = timedelta(hours=2)


@dataclass(frozen=True)
class Processes:
    """This process among those of the run.

    Attributes:
        rank: its number, from 0.
        count: how many there are.
    """

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """This process writes the run's files and speaks to the user."""
        return self.rank == 0

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether the flag is set in any process; all must ask."""
        if self.count == 1:
            return flag
        flags = torch.tensor([float(flag)], device=device)
        dist.all_reduce(flags)
        return bool(flags.item())

    def wait(self) -> None:
        """Returns once all processes are here."""
        if self.count > 1:
            dist.barrier()


def default_workers() -> int:
    """Processes that make samples, for each of the run's processes: one a core that is left, at most 16."""
    return max(1, min(16, available_cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")) - 1))


@contextmanager
def processes(device: str) -> Iterator[tuple[Processes, torch.device]]:
    """The processes of this run, joined while the block lasts, and this process's device.

    Args:
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``; under ``torchrun`` each process takes the CUDA
            device of its local rank.

    Raises:
        ModelError: no such device here.
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
                f"{count} processes but {torch.cuda.device_count()} CUDA devices; start one a device"
            )
        chosen = torch.device("cuda", local)
        torch.cuda.set_device(chosen)
    dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo", timeout=_PATIENCE)
    try:
        yield Processes(dist.get_rank(), count), chosen
    finally:
        dist.destroy_process_group()
