"""`Detections`: people of successive frames without identities, as some tools write them."""

from __future__ import annotations

from dataclasses import dataclass

from skelstream.people import People
from skelstream.skeleton import Skeleton


@dataclass(frozen=True)
class Detections:
    """People of one video without identities, which `skelstream.processing.with_identities` adds.

    Attributes:
        skeleton: joint set of the people.
        frames: number in the source, time in seconds and people of each frame; None if it failed to
            decode.
        source: name of the video.
        height, width: size of the image in pixels; None if unknown.
    """

    skeleton: Skeleton
    frames: list[tuple[int, float, People | None]]
    source: str
    height: int | None = None
    width: int | None = None
