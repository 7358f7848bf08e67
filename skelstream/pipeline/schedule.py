"""Schedules: which frames are detected, and how many people of a live source are refined."""

from __future__ import annotations

from skelstream.estimation.views import TURNS

LONGEST_SPAN = 0.15
"""Seconds between two detections under ``auto``: the longest time until a new person is found."""


class DetectionSchedule:
    """Chooses the frames to detect people in, by number and time alone, so that a file always gives the same result.

    Args:
        every: detect in every n-th frame; ``auto`` for as few as leave no more than ``LONGEST_SPAN`` between two.
    """

    def __init__(self, every: int | str = 1):
        self._every, self._since = every, 0
        self._last: float | None = None
        self._before: float | None = None

    def due(self, time: float) -> bool:
        """Return whether the frame at ``time`` (seconds) is detected; call it once per frame, in order."""
        before, self._before = self._before, time
        self._since += 1
        if self._last is not None and before is not None:
            # The next frame is expected after the last frame interval; waiting for it would be too late.
            late = time + (time - before) - self._last > LONGEST_SPAN + 1e-6
            if not (late if isinstance(self._every, str) else self._since >= self._every):
                return False
        self._last, self._since = time, 0
        return True

    def allows_early(self, frames: int, seconds: float) -> bool:
        """Return whether a frame may be detected before it is due, so long after the last detection.

        It may from a third of the way on: among many people there is always one who gives cause for a detection.
        """
        if isinstance(self._every, str):
            return seconds >= LONGEST_SPAN / 3 - 1e-6
        return 3 * frames >= self._every


class TurnedViews:
    """Chooses the turned views of a video's frames, by what the tracker knows, so that a file always gives the same result.

    Where a tracked person lies, the view in which that person is upright is due after ``LONGEST_SPAN``, and at once while the track
    is tentative. Otherwise turned views are rare: one costs what twenty frames save, and what four cost can be saved. Where a
    person is lost or nobody is found, up to three are due at once; a full store gives one, so that each turn has its turn.
    """

    _COST = 20
    _MOST = 4 * _COST

    def __init__(self) -> None:
        self._saved = self._MOST - self._COST
        self._next = 0
        self._last: dict[int, float] = dict.fromkeys(TURNS, float("-inf"))

    def due(self, time: float, lying: dict[int, bool], missing: bool, frames: int = 1) -> list[int]:
        """Return the turns that are due in a detected frame; call it once per such frame.

        Args:
            time: time of the frame in seconds.
            lying: turns in which tracked people are upright, other than 0, and whether one of these tracks is tentative.
            missing: whether a person was lost, or nobody is found.
            frames: number of frames since the last detected one.
        """
        due = [
            turn
            for turn, tentative in lying.items()
            if tentative or time - self._last[turn] >= LONGEST_SPAN - 1e-6
        ]
        self._saved = min(self._saved + frames, self._MOST)
        while self._saved >= (self._COST if missing else self._MOST) and len(due) < len(TURNS) - 1:
            self._next += 1
            turn = TURNS[1 + self._next % (len(TURNS) - 1)]
            if turn not in due:
                due.append(turn)
                self._saved -= self._COST
        self._last |= dict.fromkeys(due, time)
        return due


class LiveBudget:
    """Limits the people of a live source who are refined in a frame, or whose parts are found.

    The limit falls by one after each frame that dropped others, and rises by one after a second's worth of frames
    that did not.

    Args:
        before: budget that is used up first: this one falls only where that one has nothing left. None if there is none.
    """

    _MOST, _PATIENCE = 32, 30

    def __init__(self, before: LiveBudget | None = None) -> None:
        self._before, self._people, self._dropped, self._kept = before, 4, 0, 0

    def people(self, dropped: int) -> int:
        """Return the limit for the next frame, given the number of frames dropped so far."""
        if dropped > self._dropped:
            if self._before is None or self._before.is_spent:
                self._people = max(0, self._people - 1)
            self._kept = 0
        else:
            self._kept += 1
            if self._kept >= self._PATIENCE:
                self._people, self._kept = min(self._MOST, self._people + 1), 0
        self._dropped = dropped
        return self._people

    @property
    def is_spent(self) -> bool:
        """Whether there is nothing left to save."""
        return self._people == 0
