"""How long each stage of a pipeline was busy, and what it did."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

STAGES = ("decode", "network", "grouping", "second look", "tracking")


@dataclass
class StageTimes:
    """Seconds that each stage was busy, by its name, and frames that a live source dropped.

    The network's time includes the peaks and limb scores, which are found on its device.

    Attributes:
        first_looks: frames that the first network saw.
        crops: people looked at again.
        passed_over: people for whom the second look had no time.
    """

    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    dropped: int = 0
    first_looks: int = 0
    crops: int = 0
    passed_over: int = 0

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """A context whose time is added to ``stage``."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += time.perf_counter() - began
