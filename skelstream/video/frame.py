"""Frames with their times, and facts about their source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Frame:
    """Decoded frame, or placeholder of a frame that failed to decode.

    Attributes:
        index: number of the frame in the source, from 0, in display order.
        time: seconds on the clock that players show, from the stream's own timestamps.
        image: uint8 RGB (H, W, 3), upright (display matrix and sample aspect ratio applied);
            None if the frame failed to decode.
    """

    index: int
    time: float
    image: np.ndarray | None

    @property
    def ok(self) -> bool:
        """Whether the frame was decoded."""
        return self.image is not None


@dataclass(frozen=True)
class SourceInfo:
    """Facts about a source when it is opened; counts and rates are those that the container declares, or None.

    Attributes:
        name: path, URL or device as the user gave it.
        height, width: size of the upright image in pixels.
        rotation: counter-clockwise rotation in degrees that makes the stored image upright (0, 90, 180, 270).
        fps: mean frames per second.
        duration: time of the end in seconds.
        frames: number of frames; often wrong in containers, so it only serves progress displays.
        live: whether the source is a camera or live stream, which does not wait for the reader.
        photos: whether the images are unrelated photos rather than frames of one video.
        images: file name by frame number, for image files.
        start: seconds of the container's own clock at time 0.
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
    start: float = 0.0
