"""What every kind of source has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from skelstream.errors import SourceError
from skelstream.video.frame import Frame, SourceInfo


@dataclass(frozen=True)
class Selection:
    """Which frames of a source are wanted: ``start <= time < end``, and of those each ``every``-th.

    Attributes:
        start, end: seconds on the source's own clock, None for no bound.
        every: 1 for all; n for the frames whose number in the source is a multiple of n.

    Raises:
        SourceError: the bounds make no sense.
    """

    start: float | None = None
    end: float | None = None
    every: int = 1

    def __post_init__(self) -> None:
        if self.every < 1:
            raise SourceError(f"every is {self.every}: give 1 for each frame, 2 for each second one")
        if self.start is not None and not self.start >= 0:
            raise SourceError(f"start is {self.start}: give seconds from the beginning, 0 or more")
        if self.end is not None and not self.end > (self.start or 0):
            raise SourceError(f"end is {self.end}: give seconds after the start")

    def after(self, time: float) -> bool:
        return self.end is not None and time >= self.end

    def before(self, time: float) -> bool:
        return self.start is not None and time < self.start


class Source(ABC):
    """A context manager that gives its frames once.

    Attributes:
        info: facts about the whole source, whatever part of it is read.
        warnings: what is wrong with the source without stopping it, one line each; complete once the frames
            have been read.
    """

    info: SourceInfo

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._started = False
        self._wrong: list[str] = []

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        if self._started:
            raise SourceError(f"{self.info.name} has been read already: open it again")
        self._started = True
        return self._frames()

    @property
    def warnings(self) -> list[str]:
        """What is wrong with the source without stopping it."""
        return self._wrong

    @abstractmethod
    def close(self) -> None:
        """Frees the source; its frames stop."""

    @abstractmethod
    def _rows(self) -> Iterator[tuple[int, float, Any]]:
        """Index, time and what ``_image`` makes an image of (None for a lost frame), in display order."""

    @abstractmethod
    def _image(self, payload: Any) -> np.ndarray | None:
        """The image, or None if it turns out not to decode."""

    def _wanted(self, index: int) -> bool:
        return index % self._selection.every == 0

    def _frames(self) -> Iterator[Frame]:
        for index, time, payload in self._rows():
            if self._selection.after(time):
                return
            if not self._selection.before(time) and self._wanted(index):
                yield Frame(index, time, None if payload is None else self._image(payload))
