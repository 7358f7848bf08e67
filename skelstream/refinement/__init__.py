"""Refinement: crops of single people, their joints from a top-down network, and how they are merged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skelstream.lazy import lazy_exports

if TYPE_CHECKING:
    from skelstream.refinement.refinement import Refinement, RefinementState
    from skelstream.refinement.refiner import Refiner
    from skelstream.refinement.registry import REFINERS, RefinerEntry, make_refiner

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "refinement": ["Refinement", "RefinementState"],
        "refiner": ["Refiner"],
        "registry": ["REFINERS", "RefinerEntry", "make_refiner"],
    },
)
