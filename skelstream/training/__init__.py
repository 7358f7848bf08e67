"""Training of the networks: ``run`` trains by a recipe, ``check`` reads all of its data.

Names are imported when they are used, so that importing this package stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skelstream.training.runner import TrainingOptions, check, run

__all__ = ["TrainingOptions", "check", "run"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.runner"), name)


def __dir__() -> list[str]:
    return __all__
