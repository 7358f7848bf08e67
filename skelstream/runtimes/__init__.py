"""Runtimes: torch, OpenVINO and ONNX export, with one table and a choice by device and precision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skelstream.lazy import lazy_exports

if TYPE_CHECKING:
    from skelstream.runtimes.onnx import export_onnx
    from skelstream.runtimes.registry import RUNTIMES, choose_runtime
    from skelstream.runtimes.runtime import Runtime, RuntimeEntry

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "onnx": ["export_onnx"],
        "registry": ["RUNTIMES", "choose_runtime"],
        "runtime": ["Runtime", "RuntimeEntry"],
    },
)
