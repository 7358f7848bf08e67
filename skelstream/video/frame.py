"""What a source of pixels gives: frames with their own times, and facts about the source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Frame:
    """One decoded frame, or the place of one that failed to decode.

    Attributes:
        index: number of the frame in the source, from 0, in display order.
        time: seconds from the start of the source, from the stream's own timestamps.
        image: uint8 RGB (H, W, 3), upright (display matrix and sample aspect ratio applied);
            None if the frame failed to decode.
    """

    index: int
    time: float
    image: np.ndarray | None

    @property
    def ok(self) -> bool:
        return self.image is not None


@dataclass(frozen=True)
class SourceInfo:
    """Facts about a source as it opens; counts and rates are what the container claims, or None.

    Attributes:
        name: the path, URL or device as the user gave it.
        height, width: pixels of the upright image.
        rotation: degrees counter-clockwise that were applied to make the image upright (0, 90, 180, 270).
        fps: mean frames per second.
        duration: seconds.
        frames: number of frames; containers often lie, so this only serves progress displays.
        live: a camera or stream that goes on without us.
        photos: images that do not follow one another in time.
        images: for image files, the name of the file by the number of the frame.
    """

    name: str
    height: int
    width: int
    rotation: int = 0
    fps: float | None = None
    duration: float | None = None
    frames: int | None = None
    live: bool = False
    photos: bool = False
    images: Mapping[int, str] | None = None
