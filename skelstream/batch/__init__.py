"""Batches: the extraction of many clips from a manifest, with a record of each clip.

``run`` extracts the clips, ``retry`` extracts failed ones again, ``pack`` packs results into shards,
``status_of`` counts clips, ``Batch`` reads the results as a training set, and ``convert`` writes these or any
skeletons in another format.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from skelstream.lazy import lazy_exports

if TYPE_CHECKING:
    from skelstream.batch.conversion import ConversionOptions, convert
    from skelstream.batch.dataset import Batch
    from skelstream.batch.events import BatchFinished, ClipFinished, ClipVerified, Event, ExtractionStarted
    from skelstream.batch.options import BatchOptions
    from skelstream.batch.results import Results
    from skelstream.batch.runner import pack, retry, run
    from skelstream.batch.status import status_of

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "conversion": ["ConversionOptions", "convert"],
        "dataset": ["Batch"],
        "events": ["BatchFinished", "ClipFinished", "ClipVerified", "Event", "ExtractionStarted"],
        "options": ["BatchOptions"],
        "results": ["Results"],
        "runner": ["pack", "retry", "run"],
        "status": ["status_of"],
    },
)
