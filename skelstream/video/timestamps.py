"""Conversion of a source's timestamps to seconds."""

from __future__ import annotations

from fractions import Fraction

_FALLBACK_RATE = 30.0


class Timestamps:
    """Conversion of one source's timestamps, in display order, to strictly increasing seconds.

    The first timestamp is time 0. A frame without a timestamp, or whose timestamp is not after its
    predecessor's, is placed one mean frame interval after its predecessor.
    """

    def __init__(self, time_base: Fraction, fps: float | None, origin: int | None = None) -> None:
        """
        Args:
            time_base: seconds per tick.
            fps: mean frames per second; None if unknown (then 30).
            origin: timestamp of time 0; None for the first timestamp.
        """
        self._time_base = time_base
        self._frame_interval = 1.0 / (fps or _FALLBACK_RATE)
        self._origin = origin
        self._last: float | None = None

    def seconds(self, pts: int | None) -> float:
        """Return the time in seconds of the next frame in display order."""
        bridged = 0.0 if self._last is None else self._last + self._frame_interval
        if pts is None:
            time = bridged
        else:
            if self._origin is None:
                # Frames without a timestamp may have come first: they keep their times.
                self._origin = pts - round(bridged / self._time_base)
            time = float((pts - self._origin) * self._time_base)
            if self._last is not None and time <= self._last:
                time = bridged
        self._last = time
        return time
