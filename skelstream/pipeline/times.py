"""Times and counts of a pipeline's stages."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

STAGES = ("decode", "detection", "grouping", "refinement", "tracking")


@dataclass
class StageTimes:
    """How long each stage was busy, and what it did.

    Attributes:
        seconds: busy seconds by stage; detection includes peaks and limb scores, which are found on its device. ``parts`` is there
            only with hands or faces.
        dropped: frames that a live source dropped.
        detections: frames that were detected.
        crops: crops that were refined.
        unrefined: people who stayed as detected because the budget was used up.
        parts: parts that were found, by their kind: ``hands``, ``face``.
        opposed: hands among them that look like those of the other side.
    """

    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    dropped: int = 0
    detections: int = 0
    crops: int = 0
    unrefined: int = 0
    parts: Counter[str] = field(default_factory=Counter)
    opposed: int = 0

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Return a context whose duration is added to ``stage``."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += time.perf_counter() - began
