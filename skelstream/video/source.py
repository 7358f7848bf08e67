"""Base class of all sources of frames, and the selection of frames to read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from skelstream.errors import SourceError
from skelstream.files.arguments import count_argument, number_argument
from skelstream.video.frame import Frame, SourceInfo


@dataclass(frozen=True)
class Selection:
    """Selection of the frames to read: ``start <= time < end``, and of those each ``every``-th.

    Attributes:
        start, end: bounds in seconds on the clock that players show; None for no bound.
        every: 1 for all frames; n for the frames whose number in the source is a multiple of n.

    Raises:
        SettingsError: a value has the wrong type or is out of range, or ``end`` is not after ``start``.
    """

    start: float | None = None
    end: float | None = None
    every: int = 1

    def __post_init__(self) -> None:
        count_argument(self.every, "every")
        if self.start is not None:
            number_argument(self.start, "start", "seconds from the beginning, 0 or more", low=0)
        if self.end is not None:
            number_argument(self.end, "end", "seconds after the start", above=self.start or 0)

    def after(self, time: float) -> bool:
        """Return whether a time in seconds is after the selection."""
        return self.end is not None and time >= self.end

    def before(self, time: float) -> bool:
        """Return whether a time in seconds is before the selection."""
        return self.start is not None and time < self.start


class Source(ABC):
    """Context manager that yields its frames once.

    Attributes:
        info: facts about the whole source, also if only a part is read.
        warnings: problems of the source that do not stop reading, one line each; complete once all frames are
            read.
    """

    info: SourceInfo

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._started = False
        self._warnings: list[str] = []

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        if self._started:
            raise SourceError(f"{self.info.name} has already been read: open it again")
        self._started = True
        return self._frames()

    @property
    def warnings(self) -> list[str]:
        """Problems of the source that do not stop reading, one line each; complete once all frames are read."""
        return self._warnings

    @abstractmethod
    def close(self) -> None:
        """Close the source; a running iteration ends."""

    @abstractmethod
    def _rows(self) -> Iterator[tuple[int, float, Any]]:
        """Yield index, time and payload for ``_image`` (None for a lost frame), in display order."""

    @abstractmethod
    def _image(self, payload: Any) -> np.ndarray | None:
        """Return the image, or None if it cannot be decoded."""

    def _wanted(self, index: int) -> bool:
        return index % self._selection.every == 0

    def _frames(self) -> Iterator[Frame]:
        for index, time, payload in self._rows():
            if self._selection.after(time):
                return
            if not self._selection.before(time) and self._wanted(index):
                yield Frame(index, time, None if payload is None else self._image(payload))
