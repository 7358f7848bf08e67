"""Training of lifting networks, from motion capture seen by virtual cameras; ``run`` does all of it.

Names are imported when they are used, so that importing this package stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skelstream.training.lifting.recipe import LiftingRecipe
    from skelstream.training.lifting.runner import run

__all__ = ["LiftingRecipe", "run"]

_HOMES = {"LiftingRecipe": "recipe", "run": "runner"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
