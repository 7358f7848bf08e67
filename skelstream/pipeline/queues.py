"""Bounded queues between stages, each with a thread on either end."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import suppress

_END = object()


class StageQueue:
    """A bounded queue that either end can close; what it was closed with reaches the reader last.

    Args:
        size: items that it holds.
        newest: when full, the oldest item gives way instead of the writer waiting.

    Attributes:
        dropped: items that gave way.
    """

    def __init__(self, size: int, newest: bool = False):
        self._items: queue.Queue = queue.Queue(size)
        self._newest, self._closed = newest, threading.Event()
        self.dropped = 0

    def fill(self, items: Iterator) -> None:
        """A thread's work: everything from ``items``, then the end or the error that ended it."""
        last: object = _END
        try:
            for item in items:
                if not self._put(item):
                    return
        except BaseException as error:  # noqa: BLE001 - it is raised again where the queue is read
            last = error
        self._put(last, last=True)

    def __iter__(self) -> Iterator:
        """The items, until the end or the error that ended them; the writer is released afterwards."""
        try:
            while (item := self._get()) is not _END:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            self.close()

    def close(self) -> None:
        """Lets a waiting writer and a waiting reader go."""
        self._closed.set()

    def _put(self, item: object, last: bool = False) -> bool:
        """False once the reader has gone. The last item, which ends the queue, takes no frame's place."""
        newest = self._newest and not last
        while not self._closed.is_set():
            try:
                self._items.put(item, timeout=0 if newest else 0.1)
                return True
            except queue.Full:
                if newest:
                    self._drop()
        return False

    def _drop(self) -> None:
        with suppress(queue.Empty):
            self._items.get_nowait()
            self.dropped += 1

    def _get(self) -> object:
        """The next item; the end if the queue is closed and empty."""
        while True:
            try:
                return self._items.get(timeout=0.1)
            except queue.Empty:
                if self._closed.is_set():
                    return _END
