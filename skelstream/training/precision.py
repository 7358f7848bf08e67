"""Settings of the machine for training: the fastest number format, and the memory allocator."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import torch

# Instructions that multiply bfloat16; without them bfloat16 is emulated and slower than float32.
_NATIVE = {"amx_bf16", "avx512_bf16"}
_CPU_FACTS = Path("/proc/cpuinfo")
# glibc's names for settings of its allocator (malloc.h).
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
_KEPT = 2**31 - 1  # the settings are of type int
_PAD = 256 * 2**20


def best_precision(device: torch.device) -> str:
    """Return the number format in which a device trains fastest: ``bfloat16`` or ``float32``."""
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    if device.type == "cpu" and _CPU_FACTS.exists():
        words = set(_CPU_FACTS.read_text().split())
        return "bfloat16" if words & _NATIVE else "float32"
    return "float32"


def keep_memory() -> None:
    """Make the C library keep freed memory: every step needs as much again, and new pages cost time.

    This works with glibc; other C libraries are left alone.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_MAX, 0)
        mallopt(_TRIM_THRESHOLD, _KEPT)
        mallopt(_TOP_PAD, _PAD)
