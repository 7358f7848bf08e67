"""Optional libraries of single formats."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from skelstream.errors import MissingExtraError


def require(module: str, format: str) -> ModuleType:
    """Import an optional library.

    Raises:
        MissingExtraError: it is not installed; the message says how to install it.
    """
    try:
        return import_module(module)
    except ImportError:
        raise MissingExtraError(
            f"format {format} needs {module.split('.')[0]}: pip install 'skelstream[formats]'"
        ) from None
