"""The libraries of tracking, SciPy and filterpy, which take half a second to import; tracking uses them from the first person on."""

from __future__ import annotations

import threading
from contextlib import suppress
from importlib import import_module

from skelstream.lazy import importing


def import_beside() -> None:
    """Start to import them in a thread, for a caller that waits for something else meanwhile."""
    threading.Thread(target=_import, name="skelstream-import").start()


def _import() -> None:
    with importing(), suppress(ImportError):  # tracking raises it again
        for name in ("scipy.optimize", "filterpy.kalman"):
            import_module(name)
