"""Signals that ask a command to end: all do what Ctrl-C does."""

from __future__ import annotations

import signal
import time
from types import FrameType

from skelstream.errors import Stopped

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
# Within this, a second signal is the same wish again, and must not break off what the first one has saved.
_SAVING_SECONDS = 5.0


def obey_signals() -> None:
    """Makes SIGTERM and a hang-up raise `Stopped` in the main thread, as Ctrl-C raises its ``KeyboardInterrupt``.

    What the process was started to ignore, such as a hang-up under ``nohup``, stays ignored.
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
