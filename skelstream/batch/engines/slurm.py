"""The Slurm engine: an array of tasks, each with a partition of the manifest. Needs the extra ``slurm``."""

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
    """Submit an array of tasks; without Slurm, run them on this machine and wait. See ``Engine.start``.

    Each task extracts a partition of the manifest that is in the results.
    """
    tasks = submit(job, options.tasks, options.workers, options.slurm)
    yield Message(
        f"{len(tasks)} tasks submitted, the first as {tasks[0].job_id};"
        f" their logs are in {job.results.store.job_folder()}"
    )
    if type(tasks[0]).__name__ == "SlurmJob":
        yield Message(f"follow them with: skelstream batch status {job.results.location}")
        yield BatchFinished(submitted=True)
        return
    yield Message("no Slurm found: the tasks run on this machine")
    failed = failures(tasks)
    yield Message(f"all tasks have ended; {failed} clips failed")
    yield BatchFinished(failed=failed, submitted=True)


@dataclass(frozen=True)
class PartitionTask:
    """One task: the extraction of a partition of the manifest on the task's machine.

    Attributes:
        job: settings and results that the clips share.
        partition: the partition, for example ``3/50``.
        workers: number of worker processes; None for one per GPU, or as cores and memory allow.
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
                return {"done": event.done, "failed": event.failed, "by_others": event.by_others}
        raise AssertionError("the engine ended without a summary")

    def checkpoint(self) -> Any:
        """Return the same task for submitit to submit again after a timeout or preemption; it continues."""
        return import_module("submitit").helpers.DelayedSubmission(self)


def submit(
    job: Job, tasks: int, workers: int | None, parameters: Mapping[str, str | int], cluster: str | None = None
) -> list[Any]:
    """Submit an array of tasks and return submitit's jobs.

    Args:
        job: settings and results that the clips share; all machines must reach the store of its results.
        tasks: number of partitions of the manifest.
        workers: worker processes per task; None for one per GPU, or as cores and memory allow.
        parameters: parameters of submitit's ``update_parameters``, for example ``timeout_min``,
            ``slurm_partition`` and ``gpus_per_node``.
        cluster: ``slurm``, ``local`` or ``debug``; None for Slurm if it is installed, else this machine.

    Raises:
        MissingExtraError: submitit is not installed.
        SettingsError: a parameter is unknown.
    """
    try:
        submitit: Any = import_module("submitit")
    except ImportError:
        raise MissingExtraError("the slurm engine needs submitit: pip install 'skelstream[slurm]'") from None
    executor = submitit.AutoExecutor(folder=job.results.store.job_folder() / "%j", cluster=cluster)
    try:
        executor.update_parameters(name="skelstream", **parameters)
    except (TypeError, ValueError, NameError) as error:
        raise SettingsError(f"Slurm: {str(error).splitlines()[0]}", setting="slurm") from None
    with executor.batch():
        return [executor.submit(PartitionTask(job, f"{i}/{tasks}", workers)) for i in range(1, tasks + 1)]


def failures(jobs: Sequence[Any]) -> int:
    """Wait until all tasks of an array have ended, and return the number of clips that failed.

    Args:
        jobs: submitit's jobs, from ``submit``.

    Raises:
        SkelstreamError: tasks ended early.
    """
    broken = [(task, error) for task in jobs if (error := task.exception()) is not None]
    if broken:
        task, error = broken[0]
        reasons = re.findall(r"^skelstream\.errors\.\w+: (.*)", str(error), re.MULTILINE)
        raise SkelstreamError(
            f"{len(broken)} of {len(jobs)} tasks ended early, the first of them {task.job_id}:"
            f" {reasons[-1] if reasons else f'see its log, {task.paths.stdout}'};"
            " the same command continues from there"
        )
    return sum(task.result().get("failed", 0) for task in jobs)
