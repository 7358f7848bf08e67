"""The local engine: worker processes on this machine. A worker that dies is replaced, and its clips are done again."""

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
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from typing import Any

from skelstream.batch.engines.crashes import Crashes
from skelstream.batch.engines.slots import Slot, slots
from skelstream.batch.events import ClipFinished, Event
from skelstream.batch.execution import Extracted, execute
from skelstream.batch.job import Job
from skelstream.batch.manifest import Clip
from skelstream.batch.options import BatchOptions
from skelstream.batch.plan import Plan
from skelstream.errors import OutputError, SkelstreamError

# Workers in a row that may die before they are ready.
_MOST_STILLBORN = 8
# Seconds that a worker gets to end by itself before it is killed.
_GRACE = 5.0


def start(job: Job, clips: Sequence[Clip], options: BatchOptions) -> Iterator[Event]:
    """Extract clips in processes on this machine; see ``Engine.start``."""
    places = slots(options.workers, job.settings.estimator.device)
    return execute(job, clips, lambda plan: run_local(plan, job, places))


def run_local(plan: Plan, job: Job, places: Sequence[Slot]) -> Extracted:
    """Run one worker process per slot, and yield each clip with its record as it finishes.

    A worker that dies is replaced. Its clips are done again, each alone in a worker, which shows the one that killed it; a
    clip that has killed ``POISON`` workers is recorded as failed and left. However this ends, the workers end too.

    Args:
        plan: the clips to extract.
        job: what the clips have in common.
        places: slot of each worker.

    Raises:
        SkelstreamError: a worker cannot start, or the results' file system takes no more files.
    """
    pool = _Pool(plan, job)
    try:
        for slot in places[: len(plan.todo)]:
            pool.start(slot)
        while pool.busy:
            yield from pool.finished()
    finally:
        pool.stop()


@dataclass(eq=False)
class _Process:
    """A worker process, seen from its parent."""

    process: Any
    connection: Any  # of another class on Windows
    slot: Slot
    clips: dict[str, Clip] = field(default_factory=dict)
    capacity: int = 0  # clips at once; 0 until the networks are loaded


class _Pool:
    def __init__(self, plan: Plan, job: Job):
        self._job, self._crashes = replace(job, seen=plan.seen), Crashes(plan, job)
        self._waiting = deque(clip for clip in plan.todo if clip not in self._crashes)
        self._suspects = deque(clip for clip in plan.todo if clip in self._crashes)
        self._processes: list[_Process] = []
        self._stillborn = 0

    @property
    def busy(self) -> bool:
        return bool(self._waiting or self._suspects or any(process.clips for process in self._processes))

    def start(self, slot: Slot) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, self._job, slot), daemon=True)
        with _ignoring_interrupts():
            process.start()
        theirs.close()
        self._processes.append(_Process(process, ours, slot))

    def finished(self) -> Iterator[ClipFinished]:
        """Wait for messages of workers and yield the clips that finish; replace workers that died."""
        by = {process.connection: process for process in self._processes}
        for connection in wait(list(by)):
            process = by[connection]  # pyright: ignore[reportArgumentType]
            try:
                told = process.connection.recv()
            except (EOFError, OSError):
                yield from self._replace(process)
                continue
            if isinstance(told, SkelstreamError):
                raise told
            if isinstance(told, int):
                process.capacity, self._stillborn = told, 0
            else:
                id, record = told
                yield ClipFinished(process.clips.pop(id), record)
            self._give(process)

    def stop(self) -> None:
        for process in self._processes:
            process.connection.close()  # a worker ends when its connection does
        until = time.monotonic() + _GRACE
        for process in self._processes:
            process.process.terminate()
            process.process.join(max(0.0, until - time.monotonic()))
            if process.process.is_alive():
                process.process.kill()
                process.process.join()
        self._crashes.close()

    def _give(self, process: _Process) -> None:
        """Send a worker more clips; a clip that may have killed a worker goes to one that has no other clip."""
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
        with suppress(OSError):  # it has died, which the next message shows
            process.connection.send(clip)

    def _replace(self, process: _Process) -> Iterator[ClipFinished]:
        process.process.join()
        self._processes.remove(process)
        process.connection.close()
        code = process.process.exitcode
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        if not process.capacity:
            self._stillborn += 1
            if self._stillborn >= _MOST_STILLBORN:
                raise OutputError(
                    f"workers end before they can start ({how}); is there enough memory for them?",
                    setting="workers",
                )
        for clip in process.clips.values():
            record = self._crashes.blame(clip, how)
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
    """Make processes that are started meanwhile ignore SIGINT; the parent process handles it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _work(connection: Connection, job: Job, slot: Slot) -> None:
    """Run a worker: clips come in, records go out; the process ends with the connection."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    turn = threading.Lock()

    def send(message: Any) -> None:
        with turn, suppress(OSError):
            connection.send(message)

    try:
        from skelstream.batch.engines.worker import Worker

        worker = Worker(job, slot.cores, slot.device)
    except SkelstreamError as error:
        send(error)
        return

    def do(clip: Clip) -> None:
        try:
            send((clip.id, worker.do(clip)))
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
            threads.submit(do, connection.recv())
    os._exit(0)  # results are whole or do not exist
