"""What there is time for: which frames the first network sees, and how many people are looked at again."""

from __future__ import annotations

from skelstream.errors import SourceError

LONGEST_GAP = 0.2
"""Seconds between two first looks under ``auto``: whoever comes into view is found by then."""


class FirstLooks:
    """Which of a video's frames the first network sees, by their number and time alone, so that a file gives one result.

    Args:
        every: each n-th frame; None for as few as leave no more than ``LONGEST_GAP`` between two.

    Raises:
        SourceError: ``every`` is less than 1.
    """

    def __init__(self, every: int | None = 1):
        if every is not None and every < 1:
            raise SourceError(f"first looks come every {every} frames: give 1 or more, or auto")
        self._every, self._since = every, 0
        self._last: float | None = None
        self._before: float | None = None

    def due(self, time: float) -> bool:
        """Whether the frame at ``time`` (seconds) gets a first look; to be asked once a frame, in order."""
        before, self._before = self._before, time
        self._since += 1
        if self._last is not None and before is not None:
            # Frames tend to come at the pace of the last two: the next one would be too late.
            late = time + (time - before) - self._last > LONGEST_GAP + 1e-6
            if not (late if self._every is None else self._since >= self._every):
                return False
        self._last, self._since = time, 0
        return True

    def early(self, frames: int, seconds: float) -> bool:
        """Whether a frame that is not due may get a first look, so long after the last one: from a third of the way to the
        next one on. Among many people there is always somebody who gives cause for one."""
        if self._every is None:
            return seconds >= LONGEST_GAP / 3 - 1e-6
        return 3 * frames >= self._every


class Budget:
    """How many people of a live source's frame there is time to look at again: one fewer after each dropped frame, and
    one more after a second's worth of frames without."""

    _MOST, _PATIENCE = 32, 30

    def __init__(self) -> None:
        self._looks, self._dropped, self._kept = 4, 0, 0

    def looks(self, dropped: int) -> int:
        """The number for the next frame, by the frames dropped so far."""
        if dropped > self._dropped:
            self._looks, self._kept = max(0, self._looks - 1), 0
        else:
            self._kept += 1
            if self._kept >= self._PATIENCE:
                self._looks, self._kept = min(self._MOST, self._looks + 1), 0
        self._dropped = dropped
        return self._looks
