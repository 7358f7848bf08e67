"""Detection of frames that were predicted from damaged ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace

from av.video.frame import PictureType

from skelstream.video.order import Row

# No codec reorders over more frames: a row that waits longer is released with what is known then.
_MAX_HELD = 32


class Damage:
    """Removes the frame from every row that was predicted, directly or indirectly, from a damaged one.

    A decoder conceals a damaged image or leaves it out, and goes on: without an error, all that it predicts
    from there up to the next key frame is damaged too. Prediction follows the decoding order, in which an image may
    precede images that are shown earlier: a row is held until all that was decoded before it is known.

    Args:
        keys_by_packet: whether packets rather than frames tell which are key frames.
    """

    def __init__(self, keys_by_packet: bool) -> None:
        self._by_packet = keys_by_packet
        self._sent: deque[int] = deque()  # timestamps in the order of decoding, not yet judged
        self._known: dict[int, Row] = {}  # rows not yet judged
        self._spoilt: dict[int, bool] = {}  # rows judged and not yet released
        self._held: deque[Row] = deque()
        self._damaged = self._damaged_before = False
        self._keys: set[int] = set()  # timestamps of key frames
        self._key: int | None = None
        self._broken: set[int] = set()  # timestamps of damaged packets

    def sent(self, pts: int | None, key: bool, broken: bool = False) -> None:
        """Record a packet sent to the decoder that should give a frame.

        Args:
            pts: timestamp of the packet.
            key: whether it is marked as a key frame.
            broken: whether it is known to be damaged.
        """
        if pts is None:
            self._damaged |= broken
            return
        self._sent.append(pts)
        if key:
            self._keys.add(pts)
        if broken:
            self._broken.add(pts)

    def shown(self, row: Row) -> Iterator[Row]:
        """Take the next row in display order; yield the rows that are now certain."""
        self._held.append(row)
        if row.pts is None:
            yield from self.finished()
            return
        self._known[row.pts] = row
        while self._sent and (self._sent[0] in self._known or self._sent[0] < row.pts):
            # A timestamp that was skipped, such as that of a second field, has no frame of its own.
            self._judge(self._sent.popleft())
        while self._held and (self._held[0].pts in self._spoilt or len(self._held) > _MAX_HELD):
            yield self._released(self._held.popleft())

    def finished(self) -> Iterator[Row]:
        """Yield all held rows; nothing that was decoded before them is missing any more."""
        while self._sent:
            self._judge(self._sent.popleft())
        while self._held:
            yield self._released(self._held.popleft())

    def _judge(self, pts: int) -> None:
        row = self._known.pop(pts, None)
        if row is not None:
            self._spoilt[pts] = self._is_spoilt(row)

    def _is_spoilt(self, row: Row) -> bool:
        broken = row.pts in self._broken
        if row.pts is not None:
            self._broken.discard(row.pts)
        lost = broken or row.frame is None
        if not lost and self._is_key(row):
            self._damaged_before, self._damaged, self._key = self._damaged, False, row.pts
        elif not broken and self._key is not None and row.pts is not None and row.pts < self._key:
            # Shown before its key frame: predicted from the group of pictures before as well, and nothing
            # after the key frame is predicted from it.
            self._damaged_before |= lost
            return self._damaged or self._damaged_before
        elif lost:
            self._damaged = True
        return self._damaged

    def _is_key(self, row: Row) -> bool:
        frame = row.frame
        if frame is None:
            return False
        marked = row.pts in self._keys
        if row.pts is not None:
            self._keys.discard(row.pts)
        # A few decoders, such as that of QuickTime's Animation, tell neither types nor key frames.
        by_packet = self._by_packet or (frame.pict_type == PictureType.NONE and not frame.key_frame)
        return marked if by_packet else bool(frame.key_frame)

    def _released(self, row: Row) -> Row:
        spoilt = None if row.pts is None else self._spoilt.pop(row.pts, None)
        if spoilt is None:  # it was never sent, or waited too long
            if row.pts is not None:
                self._known.pop(row.pts, None)
            spoilt = self._is_spoilt(row)
        return replace(row, frame=None) if spoilt else row
