"""Tasks of a Slurm array, each with a shard of the manifest; submitted with submitit. Needs the extra ``slurm``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from skelstream.batch.job import Job
from skelstream.batch.plan import make_plan, shard
from skelstream.errors import MissingExtraError, SettingsError, SkelstreamError


@dataclass(frozen=True)
class ShardTask:
    """A task's work: its shard, on the machine that it finds itself on.

    Attributes:
        job: what the clips have in common.
        part: the shard, like 3/50.
        workers: processes; None for as many as the machine takes.
    """

    job: Job
    part: str
    workers: int | None = None

    def __call__(self) -> dict[str, int]:
        """Does what is to be done, and counts by what became of it."""
        from skelstream.batch.engines.local import run_local
        from skelstream.batch.engines.slots import places
        from skelstream.batch.shards.packing import packed

        plan = make_plan(shard(self.job.results.clips(), self.part), self.job.results, self.job.hash)
        workers = places(self.workers, self.job.settings.estimator.device)
        return Counter(
            "elsewhere" if record is None else record.state
            for _, record in packed(
                run_local(plan, self.job, workers), self.job.results, self.job.hash, plan.todo
            )
        )

    def checkpoint(self) -> Any:
        """What submitit submits again when the task's time is over or its machine is wanted: the same, which goes on."""
        return import_module("submitit").helpers.DelayedSubmission(self)


def submit(
    job: Job, tasks: int, workers: int | None, parameters: Mapping[str, str | int], cluster: str | None = None
) -> list[Any]:
    """Submits an array of tasks, and gives submitit's jobs.

    Args:
        job: what the clips have in common; its folder, which has the manifest, must be one that all machines see.
        tasks: into how many shards the manifest is cut.
        workers: processes a task; None for as many as its machine takes.
        parameters: of submitit's ``update_parameters``: ``timeout_min``, ``slurm_partition``, ``gpus_per_node`` and others.
        cluster: ``slurm``, ``local`` or ``debug``; None for Slurm where there is one, else this machine.

    Raises:
        MissingExtraError: submitit is not installed.
        SettingsError: a parameter is unknown.
    """
    try:
        submitit: Any = import_module("submitit")
    except ImportError:
        raise MissingExtraError("the slurm engine needs submitit: pip install 'skelstream[slurm]'") from None
    executor = submitit.AutoExecutor(folder=job.results.store.jobs() / "%j", cluster=cluster)
    try:
        executor.update_parameters(name="skelstream", **parameters)
    except (TypeError, ValueError, NameError) as error:
        raise SettingsError(f"Slurm: {str(error).splitlines()[0]}", setting="slurm") from None
    with executor.batch():
        return [executor.submit(ShardTask(job, f"{i}/{tasks}", workers)) for i in range(1, tasks + 1)]


def failures(jobs: Sequence[Any]) -> int:
    """Waits until all tasks of an array have ended, and counts the clips that failed.

    Args:
        jobs: as ``submit`` gives them.

    Raises:
        SkelstreamError: tasks ended before they were through.
    """
    broken = [(task, error) for task in jobs if (error := task.exception()) is not None]
    if broken:
        task, error = broken[0]
        told = re.findall(r"^skelstream\.errors\.\w+: (.*)", str(error), re.MULTILINE)
        raise SkelstreamError(
            f"{len(broken)} of {len(jobs)} tasks ended before they were through, the first of them {task.job_id}:"
            f" {told[-1] if told else f'see its log, {task.paths.stdout}'}; the same command goes on from there"
        )
    return sum(task.result().get("failed", 0) for task in jobs)
