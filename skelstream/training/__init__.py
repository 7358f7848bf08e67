"""Training of the networks: ``run`` trains by a recipe, ``check`` reads all of its data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skelstream.lazy import lazy_exports

if TYPE_CHECKING:
    from skelstream.training import lifting
    from skelstream.training.runner import TrainingOptions, check, run

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "runner": ["TrainingOptions", "check", "run"],
    },
    packages=["lifting"],
)
