"""Grouping: peaks, limb scores and their assembly into people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skelstream.lazy import lazy_exports

if TYPE_CHECKING:
    from skelstream.grouping.assembly import assemble, distinct
    from skelstream.grouping.candidates import Candidates, find_candidates

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "assembly": ["assemble", "distinct"],
        "candidates": ["Candidates", "find_candidates"],
    },
)
