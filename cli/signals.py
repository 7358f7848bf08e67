"""Handling of signals that end a command: all act as Ctrl-C does."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from types import FrameType
from typing import TypeVar

from skelstream.errors import Stopped

_Made = TypeVar("_Made")

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
# Ignore further signals for this long: they must not interrupt saving after the first one.
_SAVING_SECONDS = 5.0
_THREAD = "skelstream-interruptible"


def handle_signals() -> None:
    """Make SIGTERM and SIGHUP raise ``Stopped`` in the main thread, as Ctrl-C raises ``KeyboardInterrupt``.

    Signals that the process was started to ignore, such as SIGHUP under ``nohup``, stay ignored.
    """
    last = float("-inf")

    def stop(number: int, _: FrameType | None) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < _SAVING_SECONDS:
            return
        last = now
        raise KeyboardInterrupt if number == signal.SIGINT else Stopped(number)

    for number in (getattr(signal, name) for name in _NAMES if hasattr(signal, name)):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, stop)


def interruptible(make: Callable[[], _Made]) -> _Made:
    """Return what a function makes; a signal interrupts the wait for it at once.

    Python handles signals between two steps of the main thread, and compiling a network is one step of many seconds. So
    another thread makes it. After a signal that thread goes on; ``end_at_once`` ends the process without it.
    """
    made: Future[_Made] = Future()

    def run() -> None:
        try:
            made.set_result(make())
        except BaseException as error:  # for the main thread, which raises it
            made.set_exception(error)

    threading.Thread(target=run, name=_THREAD, daemon=True).start()
    return made.result()


def end_at_once(status: object) -> None:
    """End the process with an exit status if ``interruptible`` was interrupted; else do nothing.

    Python's own exit would wait for the threads of the unfinished work. All that the command had opened is closed by now.
    """
    if any(thread.name == _THREAD for thread in threading.enumerate()):
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):  # the reader has ended, or it is closed
                stream.flush()
        os._exit(status if isinstance(status, int) else 1)
