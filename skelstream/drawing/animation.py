"""Writing of short animations for documents: GIF and animated WebP, with FFmpeg's encoders."""

from __future__ import annotations

from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.filter import Graph
from av.video.format import VideoFormat
from av.video.frame import PictureType
from av.video.stream import VideoStream

from skelstream.errors import OutputError
from skelstream.files.atomic import replacing

SUFFIXES = (".gif", ".webp")
_TICKS = {".gif": Fraction(1, 100), ".webp": Fraction(1, 1000)}  # time bases of the formats in seconds


class AnimationWriter:
    """Writer of an endlessly repeating GIF or WebP, with the images' own times.

    A GIF has one palette for all images, which are therefore kept in memory until the end. Images that exceed
    the rate ``fps`` are left out; the others keep their times.

    The file appears under its name only when it is complete; leaving the context by an exception removes it.

    Args:
        path: the file to write; its ending, ``.gif`` or ``.webp``, determines the format.
        fps: greatest number of images per second.

    Raises:
        OutputError: the ending is unknown, or the file cannot be written.
    """

    def __init__(self, path: Path, fps: float = 15.0) -> None:
        self._path, self._suffix = path, path.suffix.lower()
        if self._suffix not in SUFFIXES:
            raise OutputError(f"{path}: the ending must be one of {', '.join(SUFFIXES)}")
        self._tick, self._interval = _TICKS[self._suffix], 1 / fps
        self._origin: float | None = None
        self._next = 0.0
        self._last = -1
        self._graph: Graph | None = None

    def __enter__(self) -> AnimationWriter:
        with ExitStack() as opened:
            temporary = opened.enter_context(replacing(self._path))
            container = av.open(str(temporary), "w", format=self._suffix[1:], options={"loop": "0"})
            self._container = opened.enter_context(container)
            self._opened = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._opened.__exit__(kind, error, trace)
            return
        with self._opened:
            self._complete()

    def write(self, image: np.ndarray, time: float) -> None:
        """Add an image.

        Args:
            image: uint8 RGB (H, W, 3), of the same size for all images.
            time: time in seconds, later than that of the image before.
        """
        if self._origin is None:
            self._origin = self._next = time
        if time < self._next - 1e-6:
            return
        # Counting from the grid rather than from the image keeps the requested mean rate.
        self._next = max(self._next + self._interval, time)
        pts = round((time - self._origin) / self._tick)
        if pts <= self._last:
            return
        self._last = pts
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        frame.pts, frame.time_base = pts, self._tick
        graph = self._graph = self._graph or self._start(image.shape[1], image.shape[0])
        graph.vpush(frame)
        self._drain(graph)

    def _complete(self) -> None:
        if self._graph is None:
            raise OutputError(f"{self._path}: no image was written, so there is no animation")
        self._graph.vpush(None)
        self._drain(self._graph)
        self._container.mux(self._stream.encode(None))

    def _start(self, width: int, height: int) -> Graph:
        encoder, pixels = ("gif", "pal8") if self._suffix == ".gif" else ("libwebp_anim", "yuv420p")
        stream = self._container.add_stream(encoder, rate=round(1 / self._interval))
        assert isinstance(stream, VideoStream)
        self._stream = stream
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, pixels
        self._stream.codec_context.time_base = self._stream.time_base = self._tick
        graph = Graph()
        source = graph.add_buffer(
            width=width, height=height, format=VideoFormat("rgb24"), time_base=self._tick
        )
        sink = graph.add("buffersink")
        if self._suffix == ".gif":
            split, palette = graph.add("split"), graph.add("palettegen", "stats_mode=diff")
            use = graph.add("paletteuse", "dither=bayer:bayer_scale=4:diff_mode=rectangle")
            source.link_to(split)
            split.link_to(palette, 0, 0)
            split.link_to(use, 1, 0)
            palette.link_to(use, 0, 1)
            use.link_to(sink)
        else:
            convert = graph.add("format", f"pix_fmts={pixels}")
            source.link_to(convert)
            convert.link_to(sink)
        graph.configure()
        return graph

    def _drain(self, graph: Graph) -> None:
        while True:
            try:
                frame = graph.vpull()
            except (BlockingIOError, EOFError):
                return
            frame.pict_type = PictureType.NONE
            self._container.mux(self._stream.encode(frame))
