"""Actors of Ray Core, each with the networks in it: on this machine, or on a cluster's. Needs the extra ``ray``.

Ray starts an actor anew that dies, on another node if there is need, and has it do again what it was at; who finishes a
clip is recorded as with every other engine, so that nothing depends on Ray's memory.
"""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from collections.abc import Callable, Generator
from typing import Any

from skelstream.batch.engines.worker import Worker
from skelstream.batch.job import Job
from skelstream.batch.manifest import Clip
from skelstream.batch.plan import Plan
from skelstream.batch.records import FAILED, POISON, Record, Recorder
from skelstream.batch.results import settings_of
from skelstream.errors import MissingExtraError, SettingsError, SkelstreamError


def run_ray(
    plan: Plan, job: Job, workers: int | None, address: str | None, tell: Callable[[str], None]
) -> Generator[tuple[Clip, Record | None], None, None]:
    """Has clips done by actors, one clip at a time each.

    Args:
        plan: what to do.
        job: what the clips have in common; its folder must be one that all nodes see.
        workers: actors; None for one a GPU, or one a CPU but one.
        address: of a cluster; None for one on this machine that ends with the work.
        tell: told in a line each where the dashboard is and how many actors there are.

    Yields:
        Each clip once it is through, with its record; None if another process is at it.

    Raises:
        MissingExtraError: Ray is not installed.
        SettingsError: the cluster cannot be joined.
        SkelstreamError: an actor could not start, or the place of the results takes no more.
    """
    try:
        import ray
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
        tell(
            f"Ray's dashboard: http://{context.dashboard_url}"
            if context.dashboard_url
            else "Ray runs without a dashboard"
        )
        resources = ray.cluster_resources()
        gpus, cpus = int(resources.get("GPU", 0)), int(resources.get("CPU", 1))
        if job.settings.estimator.device == "cpu":
            gpus = 0
        count = min(workers or gpus or max(1, cpus - 1), len(plan.todo))
        share = min(1.0, gpus / count) if gpus and count else 0.0
        tell(f"{count} actors, {cpus} CPUs and {gpus} GPUs in the cluster")
        options = {"num_cpus": 1, "num_gpus": share, "max_restarts": -1, "max_task_retries": POISON - 1}
        actor = ray.remote(**options)(_Actor)
        yield from _run(ray, plan, job, [actor.remote(job, number, bool(gpus)) for number in range(count)])
    finally:
        ray.shutdown()


def _run(
    ray: Any, plan: Plan, job: Job, actors: list[Any]
) -> Generator[tuple[Clip, Record | None], None, None]:
    waiting, idle = deque(plan.todo), list(actors)
    under_way: dict[Any, tuple[Clip, Any]] = {}
    copies: Counter[str] = Counter()
    finished: set[str] = set()
    recorder = Recorder(job.results.records)
    while len(finished) < len(plan.todo):
        while idle and (waiting or (again := _left_behind(under_way, copies, finished))):
            clip, actor = waiting.popleft() if waiting else again, idle.pop()
            copies[clip.id] += 1
            under_way[actor.do.remote(clip)] = clip, actor
        (reference,), _ = ray.wait(list(under_way))
        clip, actor = under_way.pop(reference)
        idle.append(actor)
        copies[clip.id] -= 1
        record = _result(ray, reference, clip, job, recorder)
        if clip.id not in finished and (record is not None or not copies[clip.id]):
            finished.add(clip.id)
            yield clip, record
    recorder.close()


def _left_behind(
    under_way: dict[Any, tuple[Clip, Any]], copies: Counter[str], finished: set[str]
) -> Clip | None:
    """A clip for an actor that has nothing to do: one whose actor may wait for a node that will not come back.

    Where that actor is well, the other one finds the clip claimed, and leaves it.
    """
    return next((c for c, _ in under_way.values() if copies[c.id] == 1 and c.id not in finished), None)


def _result(ray: Any, reference: Any, clip: Clip, job: Job, recorder: Recorder) -> Record | None:
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, SkelstreamError):
            raise error.cause from None
        raise
    except ray.exceptions.RayActorError as error:
        if isinstance(error, ray.exceptions.ActorDiedError) and "creation task" in str(error):
            raise SkelstreamError(f"an actor cannot start: {str(error).strip().splitlines()[-1]}") from error
        message = f"it has ended {POISON} workers"
        key = settings_of(job.hash, clip)
        record = Record(clip.id, FAILED, key, time.time(), reason="Poison", message=message, attempts=POISON)
        recorder.add(record)
        return record


class _Actor:
    """A worker in a process of Ray's."""

    def __init__(self, job: Job, number: int, gpu: bool):
        cores = None
        if not gpu and hasattr(os, "sched_getaffinity"):
            usable = sorted(os.sched_getaffinity(0))
            cores = frozenset({usable[number % len(usable)]})
        self._worker = Worker(job, cores)

    def do(self, clip: Clip) -> Record | None:
        return self._worker.do(clip)
