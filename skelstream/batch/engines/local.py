"""The local engine: worker processes on this machine, which are replaced if they die."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

from skelstream.batch.engines.crashes import Crashes
from skelstream.batch.engines.slots import Slot, make_slots
from skelstream.batch.events import ClipFinished, Event
from skelstream.batch.execution import Extracted, execute
from skelstream.batch.job import Job
from skelstream.batch.manifest import Clip
from skelstream.batch.options import BatchOptions
from skelstream.batch.plan import Plan
from skelstream.errors import OutputError, SkelstreamError
from skelstream.lazy import importing

# Successive workers that may die before they are ready.
_MAX_FAILED_STARTS = 8
# Seconds between a worker's SIGTERM and its SIGKILL.
_GRACE_SECONDS = 5.0


def start(job: Job, clips: Sequence[Clip], options: BatchOptions) -> Iterator[Event]:
    """Extract clips in processes on this machine; see ``Engine.start``."""
    slots = make_slots(options.workers, job.settings.estimator.device)
    return execute(job, clips, lambda plan: run_local(plan, job, slots))


def run_local(plan: Plan, job: Job, slots: Sequence[Slot]) -> Extracted:
    """Run one worker process per slot, and yield each clip with its record as it finishes.

    A worker that dies is replaced. Its clips are tried again, each alone in a worker, to identify the one
    that killed it. A clip that has killed ``MAX_CRASHES`` workers is recorded as failed. However this ends,
    the workers end too.

    Args:
        plan: pending clips.
        job: settings and results that the clips share.
        slots: slot of each worker.

    Raises:
        SkelstreamError: a worker cannot start, or the store cannot be written.
    """
    pool = _Pool(plan, job)
    try:
        for slot in slots[: len(plan.pending)]:
            pool.start(slot)
        while pool.busy:
            yield from pool.finished()
    finally:
        pool.stop()


@dataclass(eq=False)
class _Process:
    """The parent's view of a worker process."""

    process: Any
    connection: Any  # another class on Windows
    slot: Slot
    clips: dict[str, Clip] = field(default_factory=dict)
    capacity: int = 0  # clips at once; 0 until the networks are loaded


class _Pool:
    """The worker processes, and the clips that wait for them."""

    def __init__(self, plan: Plan, job: Job):
        self._job, self._crashes = job.planned(plan), Crashes(plan, job)
        self._waiting = deque(clip for clip in plan.pending if clip not in self._crashes)
        self._suspects = deque(clip for clip in plan.pending if clip in self._crashes)
        self._processes: list[_Process] = []
        self._failed_starts = 0

    @property
    def busy(self) -> bool:
        """Whether clips are waiting or being extracted."""
        return bool(self._waiting or self._suspects or any(process.clips for process in self._processes))

    def start(self, slot: Slot) -> None:
        """Start a worker in a slot."""
        context = multiprocessing.get_context("spawn")
        parent_end, worker_end = context.Pipe()
        process = context.Process(target=_work, args=(worker_end, self._job, slot), daemon=True)
        with _ignoring_interrupts():
            process.start()
        worker_end.close()
        self._processes.append(_Process(process, parent_end, slot))

    def finished(self) -> Iterator[ClipFinished]:
        """Wait for messages from workers and yield the clips that finish; replace workers that died."""
        by_connection = {process.connection: process for process in self._processes}
        for connection in wait(list(by_connection)):
            process = by_connection[connection]  # pyright: ignore[reportArgumentType]
            try:
                message = process.connection.recv()
            except (EOFError, OSError):
                yield from self._replace(process)
                continue
            if isinstance(message, SkelstreamError):
                raise message
            if isinstance(message, int):
                process.capacity, self._failed_starts = message, 0
            else:
                id, record = message
                yield ClipFinished(process.clips.pop(id), record)
            self._give(process)

    def stop(self) -> None:
        """End all workers: by closing their connections and SIGTERM, and after 5 s by SIGKILL."""
        for process in self._processes:
            process.connection.close()  # a worker ends when its connection does
        deadline = time.monotonic() + _GRACE_SECONDS
        for process in self._processes:
            process.process.terminate()
            process.process.join(max(0.0, deadline - time.monotonic()))
            if process.process.is_alive():
                process.process.kill()
                process.process.join()
        self._crashes.close()

    def _give(self, process: _Process) -> None:
        """Send a worker more clips; a clip that may have killed a worker goes to one without other clips."""
        if self._suspects:
            if not process.clips:
                self._send(process, self._suspects.popleft())
            return
        if any(clip in self._crashes for clip in process.clips.values()):
            return
        while self._waiting and len(process.clips) < process.capacity:
            self._send(process, self._waiting.popleft())

    def _send(self, process: _Process, clip: Clip) -> None:
        process.clips[clip.id] = clip
        with suppress(OSError):  # the worker has died; `finished` replaces it
            process.connection.send(clip)

    def _replace(self, process: _Process) -> Iterator[ClipFinished]:
        process.process.join()
        self._processes.remove(process)
        process.connection.close()
        code = process.process.exitcode
        cause = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        if not process.capacity:
            self._failed_starts += 1
            if self._failed_starts >= _MAX_FAILED_STARTS:
                raise OutputError(
                    f"workers die before they are ready ({cause}): there may be too little memory for them, or a"
                    ' Python script that starts the batch outside of if __name__ == "__main__"',
                    setting="workers",
                )
        for clip in process.clips.values():
            record = self._crashes.add(clip, cause)
            if record is None:
                self._suspects.append(clip)
            else:
                yield ClipFinished(clip, record)
        if self._waiting or self._suspects:
            self.start(process.slot)
        for other in self._processes:
            if other.capacity:
                self._give(other)


@contextmanager
def _ignoring_interrupts() -> Iterator[None]:
    """Make processes that start in the block ignore SIGINT; the parent process handles it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


def _work(connection: Connection, job: Job, slot: Slot) -> None:
    """Run a worker that receives clips and sends records; the process ends with the connection."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lock = threading.Lock()

    def send(message: Any) -> None:
        with lock, suppress(OSError):
            connection.send(message)

    try:
        with importing():
            from skelstream.batch.engines.worker import Worker

        worker = Worker(job, slot.cores, slot.device)
    except SkelstreamError as error:
        send(error)
        return

    def extract(clip: Clip) -> None:
        try:
            send((clip.id, worker.extract(clip)))
        except SkelstreamError as error:
            send(error)
        except BaseException as error:
            send(OutputError(f"{clip.path}: {type(error).__name__}: {error}"))
            raise

    capacity = min(slot.clips, worker.clips)
    send(capacity)
    threads = ThreadPoolExecutor(capacity)
    with suppress(EOFError, OSError):
        while True:
            threads.submit(extract, connection.recv())
    os._exit(0)  # safe at any moment: results appear whole or not at all
