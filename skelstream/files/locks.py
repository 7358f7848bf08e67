"""File locks between processes; a lock ends with its process, however the process ends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: no locks between processes
    fcntl = None


@contextmanager
def claimed(path: Path, wait: bool) -> Iterator[bool | None]:
    """Lock ``path`` against other processes during the block.

    Args:
        path: the file to work on; the lock is a hidden file beside it.
        wait: whether to wait until another process releases the lock; if false, yield False at once.

    Yields:
        True: this process holds the lock. False: another process holds it. None: the file system has no
            locks.
    """
    lock = path.with_name(f".{path.name}.lock")
    try:
        handle = _locked(lock, wait)
    except BlockingIOError:
        yield False
        return
    except OSError:
        handle = None
        with suppress(OSError):
            lock.unlink(missing_ok=True)
    if handle is None:
        yield None
        return
    try:
        yield True
    finally:
        with suppress(OSError):
            lock.unlink(missing_ok=True)
        os.close(handle)


def _locked(lock: Path, wait: bool) -> int | None:
    if fcntl is None:
        return None
    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The previous holder may have removed the file meanwhile: then this lock is on a deleted file.
            if os.fstat(handle).st_ino == os.stat(lock).st_ino:
                return handle
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
