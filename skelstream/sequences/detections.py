"""People of successive frames that have no identity yet, as other tools write them."""

from __future__ import annotations

from dataclasses import dataclass

from skelstream.people import People
from skelstream.skeleton import Skeleton


@dataclass(frozen=True)
class Detections:
    """The people of one video, frame by frame; `skelstream.processing.tracked` gives them identities.

    Attributes:
        skeleton: their joint set.
        frames: (frame number in the source, seconds, people, or None for a frame that failed to decode).
        source: what to call the video.
        height, width: pixels of the image, None if unknown.
    """

    skeleton: Skeleton
    frames: list[tuple[int, float, People | None]]
    source: str
    height: int | None = None
    width: int | None = None
