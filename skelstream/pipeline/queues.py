"""Bounded queues between stages, each with a thread on either end."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import suppress

_END = object()


class StageQueue:
    """A bounded queue that either end can close; the writer's error reaches the reader last.

    Args:
        size: most items in the queue.
        newest: whether a full queue drops its oldest item instead of making the writer wait.

    Attributes:
        dropped: number of dropped items.
    """

    def __init__(self, size: int, newest: bool = False):
        self._items: queue.Queue = queue.Queue(size)
        self._newest, self._closed = newest, threading.Event()
        self.dropped = 0

    def fill(self, items: Iterator) -> None:
        """Put all of ``items`` into the queue, then the end or the error that ended them; runs in the writer's thread."""
        last: object = _END
        try:
            for item in items:
                if not self._put(item):
                    return
        except BaseException as error:  # noqa: BLE001 - raised again by the reader
            last = error
        self._put(last, last=True)

    def __iter__(self) -> Iterator:
        """Yield the items until the end, or raise the error that ended them; then release the writer."""
        try:
            while (item := self._get()) is not _END:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            self.close()

    def close(self) -> None:
        """Release a waiting writer and a waiting reader."""
        self._closed.set()

    def _put(self, item: object, last: bool = False) -> bool:
        """Return False once the reader has gone. The last item, which ends the queue, never drops a frame."""
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
        """Return the next item; the end if the queue is closed and empty."""
        while True:
            try:
                return self._items.get(timeout=0.1)
            except queue.Empty:
                if self._closed.is_set():
                    return _END
