"""What of a source is looked at, how densely, and how people are followed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from skelstream.errors import SourceError
from skelstream.geometry.region import Region
from skelstream.tracking.settings import TrackerSettings


@dataclass(frozen=True)
class PipelineSettings:
    """All but the estimator that decides what a pipeline gives; may be pickled and sent to another machine.

    Attributes:
        start, end: the part of the source, ``start <= time < end`` in seconds on its own clock; None: from its beginning, to
            its end.
        every: look only at the frames whose number is a multiple of this.
        fps: frames per second of images, or to ask of a capture device, as in ``open_source``.
        slow_motion: how many times slower than it happened the source shows it: its times are divided by this.
        region: only people whose box has its middle in there are followed and given.
        max_people: give only so many people a frame: those whose tracks have the most seen of them so far.
        tracking: settings of the tracker.
        first_look_every: the first network sees each n-th frame only, or, with None, one each 0.2 s;
            in between the second network looks where people are expected, and where it misses somebody the first one
            sees that frame too. Without a second look it sees every frame.

    Raises:
        SourceError: ``slow_motion`` is no factor above 0.
    """

    start: float | None = None
    end: float | None = None
    every: int = 1
    fps: float | None = None
    slow_motion: float = 1.0
    region: Region | None = None
    max_people: int | None = None
    tracking: TrackerSettings = field(default_factory=TrackerSettings)
    first_look_every: int | None = 1

    def __post_init__(self) -> None:
        if not 0 < self.slow_motion < float("inf"):
            raise SourceError(
                f"slow_motion is {self.slow_motion}: give how many times slower than life the source is"
            )

    def as_meta(self) -> dict[str, Any]:
        """The settings as files of skeletons keep them."""
        return asdict(self) | {
            "region": None if self.region is None else str(self.region),
            "first_look_every": self.first_look_every or "auto",
        }
