"""Restoration of a thread's alternate signal stack after OpenVINO has replaced it."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class _Stack(ctypes.Structure):
    """``stack_t`` of sigaltstack(2)."""

    _fields_ = [("sp", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t)]


@contextmanager
def kept_signal_stack() -> Iterator[None]:
    """Restore the thread's alternate signal stack after the block, on Linux only.

    On a CPU with AMX, OpenVINO installs one of the smallest size that the kernel allows. Python's handlers
    run on it, and the registers of a thread that has used AMX do not fit: Ctrl-C would end the process with a
    segmentation fault.
    """
    if sys.platform != "linux":
        yield
        return
    libc, before = ctypes.CDLL(None, use_errno=True), _Stack()
    libc.sigaltstack(None, ctypes.byref(before))
    try:
        yield
    finally:
        libc.sigaltstack(ctypes.byref(before), None)
