"""Which intact frames were made from damaged ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace

from skelstream.video.order import Row

# No codec reorders over more frames: a row that waits longer goes on as things are.
_LONGEST_WAIT = 32


class Damage:
    """Takes the frame from every row that refers, over however many others, to a damaged one.

    A decoder conceals a damaged image or leaves it out, and goes on: what it predicts from there is damaged too,
    though no error tells so, up to the next key frame. Prediction follows the order of decoding, in which a
    image may come before ones that are shown earlier: a row is held until all that was decoded before it is known.

    Args:
        keys_by_packet: believe the packets, not the frames, about which are key frames.
    """

    def __init__(self, keys_by_packet: bool) -> None:
        self._by_packet = keys_by_packet
        self._sent: deque[int] = deque()  # timestamps in the order of decoding, not yet judged
        self._known: dict[int, Row] = {}  # rows not yet judged
        self._spoilt: dict[int, bool] = {}  # judged, and not yet handed on
        self._held: deque[Row] = deque()
        self._damaged = self._damaged_before = False
        self._keys: set[int] = set()  # timestamps
        self._key: int | None = None

    def sent(self, pts: int | None, key: bool) -> None:
        """A packet that should give a frame goes to the decoder; ``key``: it says that the frame is one."""
        if pts is not None:
            self._sent.append(pts)
            if key and self._by_packet:
                self._keys.add(pts)

    def shown(self, row: Row) -> Iterator[Row]:
        """The next row in display order; gives those that are now certain."""
        self._held.append(row)
        if row.pts is None:
            yield from self.finished()
            return
        self._known[row.pts] = row
        while self._sent and (self._sent[0] in self._known or self._sent[0] < row.pts):
            # A timestamp that was passed over, such as that of a second field, has no frame of its own.
            self._judge(self._sent.popleft())
        while self._held and (self._held[0].pts in self._spoilt or len(self._held) > _LONGEST_WAIT):
            yield self._released(self._held.popleft())

    def finished(self) -> Iterator[Row]:
        """Nothing more comes before the next row; gives all that are held."""
        while self._sent:
            self._judge(self._sent.popleft())
        while self._held:
            yield self._released(self._held.popleft())

    def _judge(self, pts: int) -> None:
        row = self._known.pop(pts, None)
        if row is not None:
            self._spoilt[pts] = self._is_spoilt(row)

    def _is_spoilt(self, row: Row) -> bool:
        if row.frame is None:
            self._damaged = True
        elif self._is_key(row):
            self._keys.discard(row.pts)
            self._damaged_before, self._damaged, self._key = self._damaged, False, row.pts
        elif self._key is not None and row.pts is not None and row.pts < self._key:
            # Shown before its key frame, and made from the group before as well.
            return self._damaged or self._damaged_before
        return self._damaged

    def _is_key(self, row: Row) -> bool:
        if self._by_packet:
            return row.pts in self._keys
        return row.frame is not None and bool(row.frame.key_frame)

    def _released(self, row: Row) -> Row:
        spoilt = None if row.pts is None else self._spoilt.pop(row.pts, None)
        if spoilt is None:  # it was never sent, or waited too long
            if row.pts is not None:
                self._known.pop(row.pts, None)
            spoilt = self._is_spoilt(row)
        return replace(row, frame=None) if spoilt else row
