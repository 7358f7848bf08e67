"""Deinterlacing and tone mapping by FFmpeg's filters."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from av import VideoFrame
from av.error import FFmpegError
from av.filter import Graph

from skelstream.video.order import Row

# Numbers of ITU-T H.273: transfer characteristics of SMPTE ST 2084 (PQ); colour primaries.
_PQ, _BT2020 = 16, 9
_KNOWN_PRIMARIES = {1, 9, 11, 12}
_TIME_BASE = Fraction(1, 1000)  # filters require one; none of these uses times


class Deinterlacer:
    """Deinterlacer that turns each frame marked as interlaced into a full image at its first field's time
    (bwdif).

    One frame comes out for each that goes in, one frame later, since bwdif uses both neighbours.

    Attributes:
        used: whether an interlaced frame has occurred.
    """

    def __init__(self) -> None:
        self.used = False
        self._graph: Graph | None = None
        self._shape: tuple[int, int, str] | None = None
        self._waiting: deque[Row] = deque()

    def rows(self, rows: Iterator[Row]) -> Iterator[Row]:
        """Yield the rows; from the first interlaced one on they pass through the filter."""
        for row in rows:
            if row.frame is not None and (self.used or row.frame.interlaced_frame):
                self.used = True
                yield from self._through(row, row.frame)
            elif self._waiting:
                self._waiting.append(row)
            else:
                yield row
        yield from self._flushed()

    def _through(self, row: Row, frame: VideoFrame) -> Iterator[Row]:
        shape = frame.width, frame.height, frame.format.name
        if shape != self._shape:
            yield from self._flushed()
            self._shape = shape
            self._graph = _graph(frame, [("bwdif", "mode=send_frame:parity=auto:deint=interlaced")])
        assert self._graph is not None
        self._waiting.append(row)
        self._graph.vpush(frame)
        yield from self._done(self._graph)

    def _flushed(self) -> Iterator[Row]:
        if self._graph is not None:
            self._graph.vpush(None)
            yield from self._done(self._graph)
            self._graph = self._shape = None
        while self._waiting:
            yield self._waiting.popleft()

    def _done(self, graph: Graph) -> Iterator[Row]:
        while True:
            try:
                frame = graph.vpull()
            except (BlockingIOError, EOFError):
                return
            while self._waiting and self._waiting[0].frame is None:
                yield self._waiting.popleft()
            yield replace(self._waiting.popleft(), frame=frame)


class ToneMap:
    """Tone mapping of PQ images, which would look grey and flat, to the range and colours of BT.709
    (swscale).

    Args:
        of_stream: transfer characteristics that the stream declares, for frames that declare none.

    Attributes:
        used: whether a frame in PQ has occurred.
    """

    def __init__(self, of_stream: int | None = None) -> None:
        self.used = False
        self._of_stream = of_stream
        self._graph: Graph | None = None
        self._shape: tuple[int, int, str] | None = None

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        """Return the frame, mapped if it is in PQ."""
        if _PQ not in (int(frame.color_trc), self._of_stream):
            return frame
        frame.color_trc = _PQ
        if int(frame.color_primaries) not in _KNOWN_PRIMARIES:
            frame.color_primaries = _BT2020
        shape = frame.width, frame.height, frame.format.name
        if shape != self._shape:
            to = (
                "out_transfer=bt709:out_primaries=bt709:out_color_matrix=bt709:out_range=tv:intent=perceptual"
            )
            try:
                self._graph = _graph(frame, [("scale", to), ("format", "yuv444p")])
            except (FFmpegError, ValueError):  # FFmpeg before 8 does not know these options
                self._graph = None
            self._shape = shape
        if self._graph is None:
            return frame
        self.used = True
        self._graph.vpush(frame)
        return self._graph.vpull()


def _graph(frame: VideoFrame, filters: list[tuple[str, str]]) -> Graph:
    graph = Graph()
    last = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or _TIME_BASE
    )
    for name, options in filters:
        node = graph.add(name, options)
        last.link_to(node)
        last = node
    sink = graph.add("buffersink")
    last.link_to(sink)
    graph.configure()
    return graph
