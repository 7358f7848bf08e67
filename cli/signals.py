"""Handling of signals that end a command: all act as Ctrl-C does."""

from __future__ import annotations

import signal
import time
from types import FrameType

from skelstream.errors import Stopped

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
# Ignore further signals for this long: they must not interrupt saving after the first one.
_SAVING_SECONDS = 5.0


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
