"""The Ray engine: actors of Ray Core on this machine or on a cluster. Needs the extra ``ray``.

Ray restarts an actor that dies, on another node if necessary. Its clip goes to another actor, and the crash
is counted in the records as with every engine. Ray's own count of retries is not used: it rises with each
attempt to reach a lost node, and clips that are not at fault would fail.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

from skelstream.batch.engines.crashes import Crashes
from skelstream.batch.engines.worker import Worker
from skelstream.batch.events import ClipFinished, Event, Message
from skelstream.batch.execution import Extracted, execute
from skelstream.batch.job import Job
from skelstream.batch.manifest import Clip
from skelstream.batch.options import BatchOptions
from skelstream.batch.plan import Plan
from skelstream.batch.records import Record
from skelstream.errors import MissingExtraError, SettingsError, SkelstreamError


def start(job: Job, clips: Sequence[Clip], options: BatchOptions) -> Iterator[Event]:
    """Extract clips with Ray; see ``Engine.start``."""
    return execute(job, clips, lambda plan: run_ray(plan, job, options.workers, options.address))


def run_ray(plan: Plan, job: Job, workers: int | None, address: str | None) -> Extracted:
    """Run actors with one clip at a time each, and yield each clip with its record as it finishes.

    Args:
        plan: pending clips.
        job: settings and results that the clips share; all nodes must reach the store of its results.
        workers: number of actors; None for one per GPU, or for one fewer than the CPUs.
        address: address of a cluster; None for a cluster on this machine that ends with the run.

    Raises:
        MissingExtraError: Ray is not installed.
        SettingsError: the cluster cannot be joined.
        SkelstreamError: an actor cannot start, or the store cannot be written.
    """
    try:
        ray: Any = import_module("ray")
    except ImportError:
        raise MissingExtraError("the ray engine needs Ray: pip install 'skelstream[ray]'") from None
    try:
        context = ray.init(address=address, log_to_driver=False, logging_level="error")
    except (ConnectionError, ray.exceptions.RayError) as error:
        cause = str(error.__cause__ or error).strip().splitlines()[-1]
        raise SettingsError(
            f"the Ray cluster cannot be joined: {error} ({cause})", setting="address"
        ) from error
    try:
        url = context.dashboard_url
        yield Message(f"Ray's dashboard: http://{url}" if url else "Ray runs without a dashboard")
        resources = ray.cluster_resources()
        gpus, cpus = int(resources.get("GPU", 0)), int(resources.get("CPU", 1))
        if job.settings.estimator.device == "cpu":
            gpus = 0
        count = min(workers or gpus or max(1, cpus - 1), len(plan.pending))
        share = min(1.0, gpus / count) if gpus and count else 0.0
        yield Message(f"{count} actors, {cpus} CPUs and {gpus} GPUs in the cluster")
        job = job.planned(plan)
        actor = ray.remote(num_cpus=1, num_gpus=share, max_restarts=-1)(_Actor)
        yield from _run(ray, plan, job, [actor.remote(job, number, bool(gpus)) for number in range(count)])
    finally:
        ray.shutdown()


def _run(ray: Any, plan: Plan, job: Job, actors: list[Any]) -> Extracted:
    """Send clips to idle actors; the clip of an actor that died goes to the next idle one."""
    waiting, crashes, unfinished = deque(plan.pending), Crashes(plan, job), len(plan.pending)
    running: dict[Any, tuple[Any, Clip | None]] = {
        actor.ready.options(max_task_retries=-1).remote(): (actor, None) for actor in actors
    }
    idle: list[Any] = []
    while unfinished:
        while idle and waiting:
            actor, clip = idle.pop(), waiting.popleft()
            running[actor.extract.remote(clip)] = actor, clip
        (reference,), _ = ray.wait(list(running))
        actor, clip = running.pop(reference)
        try:
            record = ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, SkelstreamError):
                raise error.cause from None
            raise
        except ray.exceptions.RayActorError as error:
            lines = str(error).strip().splitlines()
            if clip is None:
                raise SkelstreamError(f"a Ray actor cannot start: {lines[-1]}") from error
            running[actor.ready.options(max_task_retries=-1).remote()] = actor, None
            record = crashes.add(clip, lines[0])
            if record is None:
                waiting.append(clip)
                continue
        else:
            idle.append(actor)
        if clip is not None:
            unfinished -= 1
            yield ClipFinished(clip, record)
    crashes.close()


class _Actor:
    """A worker in a process of Ray."""

    def __init__(self, job: Job, number: int, gpu: bool):
        cores = None
        if not gpu and hasattr(os, "sched_getaffinity"):
            usable = sorted(os.sched_getaffinity(0))
            cores = frozenset({usable[number % len(usable)]})
        self._worker = Worker(job, cores)

    def ready(self) -> None:
        """Return once the networks are loaded."""

    def extract(self, clip: Clip) -> Record | None:
        """Extract a clip, see ``Worker.extract``."""
        return self._worker.extract(clip)
