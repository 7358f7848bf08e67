"""Extraction: from a video to a file of skeletons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skelstream.lazy import lazy_exports

if TYPE_CHECKING:
    from skelstream.extraction.extraction import Extraction, extract, run, stream, windows
    from skelstream.extraction.many import Outcome, run_many
    from skelstream.extraction.output import Output
    from skelstream.extraction.settings import ExtractionSettings

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "extraction": ["Extraction", "extract", "run", "stream", "windows"],
        "many": ["Outcome", "run_many"],
        "output": ["Output"],
        "settings": ["ExtractionSettings"],
    },
)
