"""Deinterlacing and tone mapping by FFmpeg's filters."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from importlib import resources

import cv2
import numpy as np
from av import VideoFrame
from av.error import FFmpegError
from av.filter import Graph
from av.filter.context import FilterContext

from skelstream.video.order import Row

# Numbers of ITU-T H.273: transfer characteristics of SMPTE ST 2084 (PQ); colour primaries.
_PQ, _BT2020, _BT709 = 16, 9, 1
_UNSPECIFIED = 2  # matrix coefficients
_KNOWN_PRIMARIES = {1, 9, 11, 12}
_TIME_BASE = Fraction(1, 1000)  # filters require one; none of these uses times

TABLE = "pq_to_bt709.png"
"""File of this package with the BT.709 colour of each colour in PQ and BT.2020, as FFmpeg's haldclut reads it."""


class Deinterlacer:
    """Deinterlacer that turns each frame marked as interlaced into a full image at its first field's time (bwdif).

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
            self._graph, _ = _graph(frame, [("bwdif", "mode=send_frame:parity=auto:deint=interlaced")])
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
    """Tone mapping of PQ images, which would look grey and flat, to the range and colours of BT.709.

    Colours of BT.2020 go through a table that ``scripts/tone_map.py`` computed with swscale, which would need
    seconds for it in every video; other colours are left to swscale.

    Args:
        of_stream: transfer characteristics that the stream declares, for frames that declare none.

    Attributes:
        used: whether a frame in PQ has occurred.
    """

    def __init__(self, of_stream: int | None = None) -> None:
        self.used = False
        self._of_stream = of_stream
        self._graph: tuple[Graph, FilterContext] | None = None  # and its input
        self._shape: tuple[int, int, str, int, int] | None = None
        self._count = 0

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        """Return the frame, mapped if it is in PQ."""
        if _PQ not in (int(frame.color_trc), self._of_stream):
            return frame
        frame.color_trc = _PQ
        if int(frame.color_primaries) not in _KNOWN_PRIMARIES:
            frame.color_primaries = _BT2020
        primaries, matrix = int(frame.color_primaries), int(frame.colorspace)
        shape = frame.width, frame.height, frame.format.name, primaries, matrix
        if shape != self._shape:
            try:
                self._graph = _table(frame) if primaries == _BT2020 else _swscale(frame)
            except (FFmpegError, ValueError):  # FFmpeg before 8 does not know swscale's options
                self._graph = None
            self._shape = shape
        if self._graph is None:
            return frame
        self.used = True
        frame.pts, frame.time_base = self._count, _TIME_BASE
        self._count += 1
        graph, images = self._graph
        images.push(frame)
        mapped = graph.vpull()
        mapped.color_trc = mapped.color_primaries = _BT709
        return mapped


def _swscale(frame: VideoFrame) -> tuple[Graph, FilterContext]:
    to = "out_transfer=bt709:out_primaries=bt709:out_color_matrix=bt709:out_range=tv:intent=perceptual"
    return _graph(frame, [("scale", to), ("format", "yuv444p")])


def _table(frame: VideoFrame) -> tuple[Graph, FilterContext]:
    """Return a graph that looks up each colour of its first input; the table is its second input."""
    content = resources.files("skelstream.video").joinpath(TABLE).read_bytes()
    colours = np.asarray(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR), np.uint8)
    table = VideoFrame.from_ndarray(colours, "bgr24")
    table.pts, table.time_base = 0, _TIME_BASE
    matrix = "in_color_matrix=bt2020nc" if int(frame.colorspace) == _UNSPECIFIED else ""
    graph = Graph()
    images, tables = (
        graph.add_buffer(width=f.width, height=f.height, format=f.format, time_base=_TIME_BASE)
        for f in (frame, table)
    )
    look_up, sink = graph.add("haldclut", "interp=tetrahedral"), graph.add("buffersink")
    for number, (source, options) in enumerate(((images, matrix), (tables, ""))):
        scale, format = graph.add("scale", options), graph.add("format", "rgb48le")
        source.link_to(scale)
        scale.link_to(format)
        format.link_to(look_up, 0, number)
    look_up.link_to(sink)
    graph.configure()
    tables.push(table)
    tables.push(None)
    return graph, images


def _graph(frame: VideoFrame, filters: list[tuple[str, str]]) -> tuple[Graph, FilterContext]:
    """Return a chain of filters, and its input."""
    graph = Graph()
    last = first = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or _TIME_BASE
    )
    for name, options in filters:
        node = graph.add(name, options)
        last.link_to(node)
        last = node
    sink = graph.add("buffersink")
    last.link_to(sink)
    graph.configure()
    return graph, first
