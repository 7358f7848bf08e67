"""The Slurm engine: tasks of an array, each with a partition of the manifest, submitted with submitit. Needs the extra
``slurm``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from skelstream.batch.events import BatchFinished, Event, Message
from skelstream.batch.job import Job
from skelstream.batch.manifest import Clip
from skelstream.batch.options import BatchOptions
from skelstream.batch.plan import partition
from skelstream.errors import MissingExtraError, SettingsError, SkelstreamError


def start(job: Job, clips: Sequence[Clip], options: BatchOptions) -> Iterator[Event]:
    """Submit an array of tasks; without Slurm its tasks run on this machine and are waited for. See ``Engine.start``.

    The manifest in the results' folder says which clips there are, and each task extracts a partition of them.
    """
    tasks = submit(job, options.tasks, options.workers, options.slurm)
    yield Message(
        f"{len(tasks)} tasks are submitted, as {tasks[0].job_id} and so on; their logs are in {job.results.store.jobs()}"
    )
    if type(tasks[0]).__name__ == "SlurmJob":
        yield Message(f"see how far they are with: skelstream batch status {job.results.place}")
        yield BatchFinished(submitted=True)
        return
    yield Message("there is no Slurm here: the tasks run on this machine")
    failed = failures(tasks)
    yield Message(f"all tasks have ended, and {failed} clips failed")
    yield BatchFinished(failed=failed, submitted=True)


@dataclass(frozen=True)
class PartitionTask:
    """The work of one task: a partition of the manifest, on the machine where the task runs.

    Attributes:
        job: what the clips have in common.
        partition: the partition, for example ``3/50``.
        workers: number of worker processes; None for as many as the machine takes.
    """

    job: Job
    partition: str
    workers: int | None = None

    def __call__(self) -> dict[str, int]:
        """Extract the pending clips and return the number of clips per outcome."""
        from skelstream.batch.engines import local

        clips = partition(self.job.results.clips(), self.partition)
        for event in local.start(self.job, clips, BatchOptions(workers=self.workers)):
            if isinstance(event, BatchFinished):
                return {"done": event.done, "failed": event.failed, "elsewhere": event.elsewhere}
        raise AssertionError("the engine ended without a summary")

    def checkpoint(self) -> Any:
        """Return what submitit submits when the task's time is over or its machine is taken: the same task, which continues."""
        return import_module("submitit").helpers.DelayedSubmission(self)


def submit(
    job: Job, tasks: int, workers: int | None, parameters: Mapping[str, str | int], cluster: str | None = None
) -> list[Any]:
    """Submit an array of tasks and return submitit's jobs.

    Args:
        job: what the clips have in common; all machines must see the folder of its results.
        tasks: number of partitions of the manifest.
        workers: worker processes per task; None for as many as its machine takes.
        parameters: parameters of submitit's ``update_parameters``: ``timeout_min``, ``slurm_partition``, ``gpus_per_node`` and
            others.
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
        return [executor.submit(PartitionTask(job, f"{i}/{tasks}", workers)) for i in range(1, tasks + 1)]


def failures(jobs: Sequence[Any]) -> int:
    """Wait until all tasks of an array have ended, and return the number of clips that failed.

    Args:
        jobs: result of ``submit``.

    Raises:
        SkelstreamError: tasks ended early.
    """
    broken = [(task, error) for task in jobs if (error := task.exception()) is not None]
    if broken:
        task, error = broken[0]
        told = re.findall(r"^skelstream\.errors\.\w+: (.*)", str(error), re.MULTILINE)
        raise SkelstreamError(
            f"{len(broken)} of {len(jobs)} tasks ended early, the first of them {task.job_id}:"
            f" {told[-1] if told else f'see its log, {task.paths.stdout}'}; the same command continues from there"
        )
    return sum(task.result().get("failed", 0) for task in jobs)
