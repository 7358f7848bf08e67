"""Which decoded frame belongs to which packet, and which packets never became a frame."""

from __future__ import annotations

import bisect
from collections import deque
from dataclasses import dataclass

from av import VideoFrame

# A gap in the timestamps is believed to be a loss once this many frames have come after it. Until then it
# may be a container that wrote decoding times as display times (H.264 with B-frames in AVI): the frame comes
# late.
_PATIENCE = 8
# No codec reorders over more packets than this: an earlier timestamp than all of them is a jump back in time.
_WINDOW = 32


@dataclass(frozen=True)
class Row:
    """A frame in display order.

    Attributes:
        pts: timestamp in the stream's time base, None if the container gives none.
        frame: None if the packet of this timestamp gave no intact frame.
    """

    pts: int | None
    frame: VideoFrame | None


# A timestamp with the number of jumps back in time before it, so that keys grow in display order.
_Key = tuple[int, int]


class DisplayOrder:
    """Matches what went into a decoder with what came out of it.

    A frame-threaded decoder reports a broken packet several packets late, and in some codecs not at all. But
    frames come out in display order, so a timestamp that went in and is below those that come out is lost:
    it gets its row at its own place, and nothing that follows shifts.
    """

    def __init__(self, fields_apart: bool = False) -> None:
        """
        Args:
            fields_apart: two packets may make one frame (the fields of interlaced H.264): then only as many
                timestamps are lost as the decoder reports errors.
        """
        self._fields_apart = fields_apart
        self._reported = 0
        self._waiting: list[_Key] = []  # sorted; packets whose frame has not come out
        self._held: list[tuple[_Key, VideoFrame | None]] = []  # frames after a gap that may yet be filled
        self._recent: deque[int] = deque(maxlen=_WINDOW)
        self._jumps = 0
        self._first: _Key | None = None
        self._last: _Key | None = None
        self._decoding_times = False  # the container's display times are not in display order

    def sent(self, pts: int | None) -> None:
        """A packet that should give a frame goes to the decoder."""
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
        """A frame came out (None: it is flagged as corrupt); gives the rows that are now certain."""
        if pts is None:
            return [*self._release(0), Row(None, frame)]
        key = self._key(pts)
        if self._decoding_times:
            return [self._next_row(key, frame)]
        if self._last is None and self._first is not None:
            # Leading pictures of the first key frame refer to pictures before the start: nobody shows them.
            del self._waiting[: bisect.bisect_left(self._waiting, min(self._first, key))]
        if self._last is not None and key <= self._last:
            return self._came_late(key, frame)
        self._last = key
        at = bisect.bisect_left(self._waiting, key)
        if self._waiting[at : at + 1] == [key]:
            del self._waiting[at]
        self._held.append((key, frame))
        return self._release(_PATIENCE)

    def failed(self) -> list[Row]:
        """The decoder reported an error; gives a row only where no timestamps will tell of the loss."""
        self._reported += 1
        if self._decoding_times and self._waiting:
            return [Row(self._waiting.pop(0)[1], None)]
        return [Row(None, None)] if self._first is None else []

    def finished(self) -> tuple[list[Row], list[int]]:
        """The decoder is empty; gives the rows held back and the timestamps that never came out."""
        rows = self._release(0)
        return rows, self._lost(self._waiting)

    def _key(self, pts: int) -> _Key:
        since = self._last[0] if self._last else 0
        keys = [(jumps, pts) for jumps in range(since, self._jumps + 1)]
        return next((key for key in keys if key in self._waiting), keys[0])

    def _came_late(self, key: _Key, frame: VideoFrame | None) -> list[Row]:
        if key not in self._waiting:
            return [*self._release(0), Row(key[1], frame)]
        # The gap was none: from here on, the frames take the timestamps in order.
        self._decoding_times = True
        held, self._held = self._held, []
        for other, _ in held:
            bisect.insort(self._waiting, other)
        return [self._next_row(*late) for late in (*held, (key, frame))]

    def _next_row(self, key: _Key, frame: VideoFrame | None) -> Row:
        return Row((self._waiting.pop(0) if self._waiting else key)[1], frame)

    def _release(self, keep: int) -> list[Row]:
        """Rows of the held frames that have no gap before them, and of the oldest ones beyond ``keep``."""
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
