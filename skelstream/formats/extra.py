"""Import of the optional libraries of single formats."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from skelstream.errors import MissingExtraError


def require(module: str, format: str) -> ModuleType:
    """Import an optional library.

    Args:
        module: name of the module.
        format: name of the format that needs it.

    Raises:
        MissingExtraError: the library is not installed; the message says how to install it.
    """
    try:
        return import_module(module)
    except ImportError:
        raise MissingExtraError(
            f"format {format} needs {module.split('.')[0]}: pip install 'skelstream[formats]'"
        ) from None
