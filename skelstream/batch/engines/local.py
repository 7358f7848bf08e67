"""Processes on this machine, each with the networks in it. One that dies is replaced, and what it was at is done again."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from typing import Any

from skelstream.batch.engines.crashes import Crashes
from skelstream.batch.engines.slots import Place
from skelstream.batch.job import Job
from skelstream.batch.manifest import Clip
from skelstream.batch.plan import Plan
from skelstream.batch.records import Record
from skelstream.errors import OutputError, SkelstreamError

# Workers in a row that may die before they could do anything.
_PATIENCE = 8
# Seconds that a worker has to end by itself before it is killed.
_GRACE = 5.0


def run_local(
    plan: Plan, job: Job, places: Sequence[Place]
) -> Generator[tuple[Clip, Record | None], None, None]:
    """Has clips done by a process for each place.

    A worker that dies is replaced. The clips that it was at are done again, each alone in a worker, so that it shows which of
    them it was; one that has killed ``POISON`` workers is recorded as failed and left. However this ends, the workers end too.

    Args:
        plan: what to do.
        job: what the clips have in common.
        places: for each worker, what it may use.

    Yields:
        Each clip once it is through, with its record; None if another process is at it.

    Raises:
        SkelstreamError: a worker could not start, or the place of the results takes no more.
    """
    crew = _Crew(plan, job)
    try:
        for place in places[: len(plan.todo)]:
            crew.hire(place)
        while crew.busy:
            yield from crew.news()
    finally:
        crew.dismiss()


@dataclass(eq=False)
class _Hand:
    """A worker's process, seen from outside."""

    process: Any
    connection: Any  # of another class on Windows
    place: Place
    clips: dict[str, Clip] = field(default_factory=dict)
    lanes: int = 0  # until the networks are loaded


class _Crew:
    def __init__(self, plan: Plan, job: Job):
        self._job, self._crashes = replace(job, seen=plan.seen), Crashes(plan, job)
        self._waiting = deque(clip for clip in plan.todo if clip not in self._crashes)
        self._suspects = deque(clip for clip in plan.todo if clip in self._crashes)
        self._hands: list[_Hand] = []
        self._stillborn = 0

    @property
    def busy(self) -> bool:
        return bool(self._waiting or self._suspects or any(hand.clips for hand in self._hands))

    def hire(self, place: Place) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, self._job, place), daemon=True)
        with _deaf():
            process.start()
        theirs.close()
        self._hands.append(_Hand(process, ours, place))

    def news(self) -> Iterator[tuple[Clip, Record | None]]:
        """What the workers tell next, or what becomes of those who died."""
        by = {hand.connection: hand for hand in self._hands}
        for connection in wait(list(by)):
            hand = by[connection]  # pyright: ignore[reportArgumentType]
            try:
                told = hand.connection.recv()
            except (EOFError, OSError):
                yield from self._replace(hand)
                continue
            if isinstance(told, SkelstreamError):
                raise told
            if isinstance(told, int):
                hand.lanes, self._stillborn = told, 0
            else:
                id, record = told
                yield hand.clips.pop(id), record
            self._give(hand)

    def dismiss(self) -> None:
        for hand in self._hands:
            hand.connection.close()  # which a worker takes for the end
        until = time.monotonic() + _GRACE
        for hand in self._hands:
            hand.process.terminate()
            hand.process.join(max(0.0, until - time.monotonic()))
            if hand.process.is_alive():
                hand.process.kill()
                hand.process.join()
        self._crashes.close()

    def _give(self, hand: _Hand) -> None:
        """More to do, as far as there is; who may have killed a worker goes to one that has nothing else to do."""
        if self._suspects:
            if not hand.clips:
                self._send(hand, self._suspects.popleft())
            return
        if any(clip in self._crashes for clip in hand.clips.values()):
            return
        while self._waiting and len(hand.clips) < hand.lanes:
            self._send(hand, self._waiting.popleft())

    def _send(self, hand: _Hand, clip: Clip) -> None:
        hand.clips[clip.id] = clip
        with suppress(OSError):  # it has died, which the next news tells
            hand.connection.send(clip)

    def _replace(self, hand: _Hand) -> Iterator[tuple[Clip, Record | None]]:
        hand.process.join()
        self._hands.remove(hand)
        hand.connection.close()
        code = hand.process.exitcode
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        if not hand.lanes:
            self._stillborn += 1
            if self._stillborn >= _PATIENCE:
                raise OutputError(
                    f"workers end before they can do anything ({how}); is there memory for them?",
                    setting="workers",
                )
        for clip in hand.clips.values():
            record = self._crashes.blame(clip, how)
            if record is None:
                self._suspects.append(clip)
            else:
                yield clip, record
        if self._waiting or self._suspects:
            self.hire(hand.place)
        for other in self._hands:
            if other.lanes:
                self._give(other)


@contextmanager
def _deaf() -> Iterator[None]:
    """What is started meanwhile ignores Ctrl-C from its first moment: it is for the process that gives the work."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _work(connection: Connection, job: Job, place: Place) -> None:
    """A worker's life: clips come in, records go out; the end of the connection is its end, whatever it is at."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    turn = threading.Lock()

    def tell(news: Any) -> None:
        with turn, suppress(OSError):
            connection.send(news)

    try:
        from skelstream.batch.engines.worker import Worker

        worker = Worker(job, place.cores, place.device)
    except SkelstreamError as error:
        tell(error)
        return

    def do(clip: Clip) -> None:
        try:
            tell((clip.id, worker.do(clip)))
        except SkelstreamError as error:
            tell(error)
        except BaseException as error:
            tell(OutputError(f"{clip.path}: {type(error).__name__}: {error}"))
            raise

    lanes = min(place.lanes, worker.lanes)
    tell(lanes)
    threads = ThreadPoolExecutor(lanes)
    with suppress(EOFError, OSError):
        while True:
            threads.submit(do, connection.recv())
    os._exit(0)  # results are whole or not there
