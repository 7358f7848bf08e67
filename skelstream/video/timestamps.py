"""The timestamps of a source's frames in seconds."""

from __future__ import annotations

from fractions import Fraction

_FALLBACK_RATE = 30.0


class Timestamps:
    """Turns the timestamps of one source's frames, in display order, into strictly increasing seconds.

    The first timestamp is time 0. A frame without one, or with one that does not come after its
    predecessor's, is put one mean frame interval after its predecessor.
    """

    def __init__(self, time_base: Fraction, fps: float | None, origin: int | None = None) -> None:
        """
        Args:
            time_base: seconds per tick.
            fps: mean frames per second, None if unknown (then 30).
            origin: the timestamp of time 0; None takes the first one seen.
        """
        self._time_base = time_base
        self._step = 1.0 / (fps or _FALLBACK_RATE)
        self._origin = origin
        self._last: float | None = None

    def seconds(self, pts: int | None) -> float:
        """The time of the next frame in display order."""
        bridged = 0.0 if self._last is None else self._last + self._step
        if pts is None:
            time = bridged
        else:
            if self._origin is None:
                # Frames without a timestamp may have come first: they keep their places.
                self._origin = pts - round(bridged / self._time_base)
            time = float((pts - self._origin) * self._time_base)
            if self._last is not None and time <= self._last:
                time = bridged
        self._last = time
        return time
