"""Conversion of a source's timestamps to seconds."""

from __future__ import annotations

from fractions import Fraction

from av.container import InputContainer
from av.video.stream import VideoStream

_FALLBACK_RATE = 30.0
_MICROSECOND = Fraction(1, 1_000_000)
# Containers whose own clock browsers and ffprobe show; the clocks of others, such as transport streams, start anywhere.
_STARTING_AT_ZERO = {"mov", "matroska"}
# Containers without display times: the first is as late as the codec reorders.
_WITHOUT_DISPLAY_TIMES = {"avi"}


def clock_zero(container: InputContainer, stream: VideoStream) -> Fraction | None:
    """Return what the container's clock shows at time 0 in seconds; None if it has no clock.

    This is the zero that players show: 0 in MP4 and Matroska, whether or not a stream begins there; in other
    containers the beginning of the first stream, sound included.
    """
    names = set(container.format.name.split(","))
    if container.start_time is None or stream.time_base is None or names & _WITHOUT_DISPLAY_TIMES:
        return None
    start = container.start_time * _MICROSECOND
    if start >= 0 and names & _STARTING_AT_ZERO:
        return Fraction(0)
    # The container's start is rounded to microseconds, the stream's is not.
    own = (stream.start_time or 0) * stream.time_base
    return own if abs(own - start) <= _MICROSECOND else start


class Timestamps:
    """Conversion of one source's timestamps, in display order, to strictly increasing seconds.

    A frame without a timestamp, or whose timestamp is not after its predecessor's, is placed one mean frame
    interval after its predecessor.
    """

    def __init__(self, time_base: Fraction, fps: float | None, zero: Fraction | None = None) -> None:
        """
        Args:
            time_base: seconds per tick.
            fps: mean frames per second; None if unknown (then 30).
            zero: seconds of the source's clock at time 0; None, or after the first timestamp, for the first timestamp.
        """
        self._time_base = time_base
        self._frame_interval = 1.0 / (fps or _FALLBACK_RATE)
        self._zero = zero
        self._last: float | None = None

    def seconds(self, pts: int | None) -> float:
        """Return the time in seconds of the next frame in display order."""
        bridged = 0.0 if self._last is None else self._last + self._frame_interval
        if pts is None:
            time = bridged
        else:
            ticks = pts * self._time_base
            if self._zero is None or (self._last is None and ticks < self._zero):
                # Frames without a timestamp may have come first: they keep their times.
                self._zero = ticks - Fraction(bridged)
            time = float(ticks - self._zero)
            if self._last is not None and time <= self._last:
                time = bridged
        self._last = time
        return time
