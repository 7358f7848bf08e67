"""Training of lifting networks, from motion capture seen by virtual cameras; ``run`` does all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skelstream.lazy import lazy_exports

if TYPE_CHECKING:
    from skelstream.training.lifting.recipe import LiftingRecipe
    from skelstream.training.lifting.runner import run

__getattr__, __dir__, __all__ = lazy_exports(__name__, {"recipe": ["LiftingRecipe"], "runner": ["run"]})
