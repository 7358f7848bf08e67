"""Matching of decoded frames to packets, and detection of packets that never became a frame."""

from __future__ import annotations

import bisect
from collections import deque
from dataclasses import dataclass
from operator import itemgetter

from av import VideoFrame

# A gap in the timestamps counts as a loss once this many frames have come after it. Until then the frame may
# still come late, since some containers store decoding times as display times (H.264 with B-frames in AVI).
_FRAMES_BEFORE_LOSS = 8
# No codec reorders over more packets than this: a timestamp earlier than all of them is a jump back in time.
_WINDOW = 32


@dataclass(frozen=True)
class Row:
    """Frame in display order.

    Attributes:
        pts: timestamp in the stream's time base; None if the container has none.
        frame: decoded frame; None if the packet of this timestamp gave no intact one.
    """

    pts: int | None
    frame: VideoFrame | None


# Number of jumps back in time so far, and timestamp: keys increase in display order.
_Key = tuple[int, int]


class DisplayOrder:
    """Matching of the packets sent to a decoder with the frames that come out.

    A frame-threaded decoder reports a broken packet several packets late, and with some codecs not at all.
    But frames come out in display order, so a timestamp that was sent and is below those that come out is
    lost: it gets a row without a frame at its own place, and no later row shifts.
    """

    def __init__(self, fields_apart: bool = False) -> None:
        """
        Args:
            fields_apart: whether two packets may make one frame (the fields of interlaced H.264); then only
                as many timestamps count as lost as the decoder reports errors.
        """
        self._fields_apart = fields_apart
        self._reported = 0
        self._waiting: list[_Key] = []  # sorted keys of packets whose frame has not come out
        self._held: list[tuple[_Key, VideoFrame | None]] = []  # frames after a gap that may still be filled
        self._recent: deque[int] = deque(maxlen=_WINDOW)
        self._jumps = 0
        self._first: _Key | None = None
        self._last: _Key | None = None
        self._decoding_times = False  # the container's display times are not in display order
        self._broken = False

    def sent(self, pts: int | None, broken: bool = False) -> None:
        """Record a packet sent to the decoder that should give a frame; ``broken``: it is known to be damaged."""
        self._broken |= broken
        if pts is None:
            return
        if len(self._recent) == _WINDOW and pts < min(self._recent):
            self._jumps += 1
            self._recent.clear()
        self._recent.append(pts)
        key = (self._jumps, pts)
        self._first = self._first or key
        bisect.insort(self._waiting, key)

    def decoded(self, pts: int | None, frame: VideoFrame | None) -> list[Row]:
        """Take a frame from the decoder (None: it is flagged as corrupt); return the rows that are now certain."""
        if pts is None:
            return [*self._release(0), Row(None, frame)]
        key = self._key(pts)
        if self._decoding_times:
            return [self._next_row(key, frame)]
        if self._last is None and self._first is not None:
            # Leading pictures of the first key frame refer to pictures before the start: they are never
            # shown.
            del self._waiting[: bisect.bisect_left(self._waiting, min(self._first, key))]
        if self._last is not None and key <= self._last:
            return self._came_late(key, frame)
        self._last = key
        at = bisect.bisect_left(self._waiting, key)
        if self._waiting[at : at + 1] == [key]:
            del self._waiting[at]
        self._held.append((key, frame))
        return self._release(_FRAMES_BEFORE_LOSS)

    def failed(self) -> list[Row]:
        """Record an error of the decoder; return a row only if no timestamp will reveal the loss."""
        self._reported += 1
        if self._decoding_times and self._waiting:
            return [Row(self._waiting.pop(0)[1], None)]
        return [Row(None, None)] if self._first is None else []

    def finished(self) -> tuple[list[Row], list[int]]:
        """Return, once the decoder is empty, the held rows and the timestamps that never came out."""
        rows = self._release(0)
        return rows, self._lost(self._waiting)

    def _key(self, pts: int) -> _Key:
        since = self._last[0] if self._last else 0
        keys = [(jumps, pts) for jumps in range(since, self._jumps + 1)]
        return next((key for key in keys if key in self._waiting), keys[0])

    def _came_late(self, key: _Key, frame: VideoFrame | None) -> list[Row]:
        if key not in self._waiting:
            return [*self._release(0), Row(key[1], frame)]
        if self._broken:
            # A decoder shows a frame late if the frame after it in decoding order is lost.
            self._waiting.remove(key)
            bisect.insort(self._held, (key, frame), key=itemgetter(0))
            return self._release(_FRAMES_BEFORE_LOSS)
        # It was no gap: from here on the frames take the timestamps in order.
        self._decoding_times = True
        held, self._held = self._held, []
        for other, _ in held:
            bisect.insort(self._waiting, other)
        return [self._next_row(*late) for late in (*held, (key, frame))]

    def _next_row(self, key: _Key, frame: VideoFrame | None) -> Row:
        return Row((self._waiting.pop(0) if self._waiting else key)[1], frame)

    def _release(self, keep: int) -> list[Row]:
        """Return the rows of held frames without a gap before them, and of the oldest ones beyond ``keep``."""
        rows: list[Row] = []
        while self._held:
            key, frame = self._held[0]
            gap = bisect.bisect_left(self._waiting, key)
            if gap and len(self._held) <= keep:
                break
            rows += [Row(pts, None) for pts in self._lost(self._waiting[:gap])]
            del self._waiting[:gap], self._held[0]
            rows.append(Row(key[1], frame))
        return rows

    def _lost(self, keys: list[_Key]) -> list[int]:
        if self._fields_apart:
            keys = keys[: self._reported]
            self._reported -= len(keys)
        return [pts for _, pts in keys]
