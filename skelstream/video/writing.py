"""Writing of H.264 video in MP4."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

from skelstream.errors import OutputError, SourceError
from skelstream.files.atomic import check_writable, replacing
from skelstream.video.decoding import Input, choose_stream, open_container
from skelstream.video.timestamps import clock_zero

_TIME_BASE = Fraction(1, 90_000)
_ENCODERS = ("libx264", "libopenh264")
_BT709, _LIMITED = 1, 1


class VideoWriter:
    """Writer of one MP4 file, each frame with its own time; the first frame is at 0.

    The file appears under its name only when it is complete: `close` renames a temporary file beside it, which
    an exception in the context removes.
    """

    def __init__(
        self,
        path: str | Path,
        height: int,
        width: int,
        *,
        fps: float = 30.0,
        quality: int = 20,
        audio_from: str | Path | None = None,
    ) -> None:
        """
        Args:
            path: the file to write; an existing file is replaced.
            height, width: size of the images in pixels. H.264 needs even sizes: the last row or column of an
                odd one is repeated.
            fps: approximate frames per second, for the encoder's planning.
            quality: constant rate factor; lower is better and larger.
            audio_from: video file whose sound is copied; ``write`` then takes times on that file's clock. The
                file may lack sound.

        Raises:
            OutputError: the file cannot be written, or the sound cannot be put into an MP4.
            SourceError: ``audio_from`` cannot be read.
        """
        self._path = Path(path)
        self._size = (height, width)
        self._interval = max(1, round(1 / fps / _TIME_BASE))
        self._first: float | None = None
        self._last = -1
        self._sound = _Sound(Path(audio_from)) if audio_from is not None else None
        self._container: OutputContainer | None = None
        self._replacing = ExitStack()
        try:
            check_writable(self._path, overwrite=True)  # FFmpeg would only fail at the first frame
            part = self._replacing.enter_context(replacing(self._path))
            self._container = container = av.open(
                str(part), "w", format="mp4", options={"movflags": "+faststart"}
            )
            self._stream = self._add_video(container, fps, quality)
            if self._sound is not None:
                self._sound.add_to(container)
        except BaseException:
            self.abort()
            raise

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def write(self, image: np.ndarray, time: float) -> None:
        """Add a frame.

        Args:
            image: uint8 RGB (height, width, 3).
            time: time in seconds; a time not after the frame before is moved to just after it.

        Raises:
            OutputError: the image has another size, or the disk is full.
        """
        if image.shape != (*self._size, 3) or image.dtype != np.uint8:
            given, wanted = f"{image.dtype} {image.shape}", (*self._size, 3)
            raise OutputError(f"{self._path}: a frame is {given}, not uint8 {wanted}")
        if self._container is None:
            raise OutputError(f"{self._path}: the file is complete; no frame can be added")
        if self._first is None:
            self._first = time
        height, width = self._size
        if height % 2 or width % 2:
            image = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), "rgb24").reformat(
            format="yuv420p", dst_colorspace=_BT709, dst_color_range=_LIMITED
        )
        frame.time_base = _TIME_BASE
        self._last = frame.pts = max(self._last + 1, round((time - self._first) / _TIME_BASE))
        self._mux(self._container, frame)
        if self._sound is not None:
            self._mux_sound(self._container, self._sound, self._first, until=time)

    def close(self) -> None:
        """Complete the file and rename it to its final name.

        Raises:
            OutputError: no frame was written, or the disk is full.
        """
        if self._container is None:
            return
        if self._first is None:
            self.abort()
            raise OutputError(f"{self._path}: no frame was written, so there is no video")
        self._mux(self._container, None)
        if self._sound is not None:
            until = self._first + float((self._last + self._interval) * _TIME_BASE)
            self._mux_sound(self._container, self._sound, self._first, until)
        try:
            self._container.close()
        except (FFmpegError, OSError) as error:
            self.abort()
            raise OutputError(f"{self._path} cannot be written ({error})") from error
        self._container = None
        self._close_sound()
        self._replacing.close()

    def abort(self) -> None:
        """Remove the unfinished file; a file of that name from before stays."""
        self._close_sound()
        if self._container is not None:
            # An MP4 without frames cannot be completed, which does not matter here.
            with suppress(FFmpegError, OSError, ValueError):
                self._container.close()
            self._container = None
        aborted = OutputError(f"{self._path}: aborted")
        with suppress(OutputError):
            self._replacing.__exit__(type(aborted), aborted, None)

    def _add_video(self, container: OutputContainer, fps: float, quality: int) -> VideoStream:
        encoder = next((name for name in _ENCODERS if name in av.codecs_available), None)
        if encoder is None:
            raise OutputError(f"{self._path}: this PyAV has no H.264 encoder; install the one from PyPI")
        options = {"crf": str(quality), "preset": "veryfast"} if encoder == "libx264" else {}
        frames_per_second = Fraction(fps).limit_denominator(1001)
        stream = container.add_stream(encoder, rate=frames_per_second, options=options)
        assert isinstance(stream, VideoStream)
        height, width = self._size
        stream.height, stream.width, stream.pix_fmt = height + height % 2, width + width % 2, "yuv420p"
        context = stream.codec_context
        context.time_base = stream.time_base = _TIME_BASE
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED
        return stream

    def _mux(self, container: OutputContainer, frame: av.VideoFrame | None) -> None:
        try:
            for packet in self._stream.encode(frame):
                if not packet.duration:
                    packet.duration = self._interval
                container.mux(packet)
        except (FFmpegError, OSError) as error:
            self.abort()
            raise OutputError(f"{self._path} cannot be written ({error})") from error

    def _mux_sound(self, container: OutputContainer, sound: _Sound, first: float, until: float) -> None:
        try:
            for packet in sound.packets(first, until):
                container.mux(packet)
        except (FFmpegError, OSError) as error:
            self.abort()
            raise OutputError(f"{self._path}: the sound cannot be copied ({error}); leave it out") from error

    def _close_sound(self) -> None:
        if self._sound is not None:
            self._sound.close()


class _Sound:
    """Packets of a file's first audio stream, synchronous with its images."""

    def __init__(self, path: Path) -> None:
        source = Input.of_file(path)
        self._name = source.name
        self._source = open_container(source)
        try:
            self._zero = clock_zero(self._source, choose_stream(self._source, source.name)) or Fraction(0)
        except SourceError:
            self._source.close()
            raise
        self._stream = next(iter(self._source.streams.audio), None)
        self._ahead: Packet | None = None
        self._packets: Iterator[Packet] = self._source.demux(self._stream) if self._stream else iter(())

    def add_to(self, container: OutputContainer) -> None:
        if self._stream is None:
            return
        codec = self._stream.codec_context
        if codec is None or codec.name not in container.supported_codecs:
            raise OutputError(f"{self._name}: its sound cannot be put into an MP4; leave it out")
        self._copy = container.add_stream_from_template(self._stream)

    def packets(self, first: float, until: float) -> Iterator[Packet]:
        """Yield the remaining packets from ``first`` to ``until`` seconds, with ``first`` as time 0."""
        while (packet := self._ahead or next(self._packets, None)) is not None:
            self._ahead = None
            if not packet.size or packet.pts is None:
                continue
            base = packet.time_base
            seconds = float(packet.pts * base - self._zero)
            if seconds >= until:
                self._ahead = packet
                return
            if seconds < first:
                continue
            shift = round((self._zero + Fraction(first)) / base)
            packet.pts -= shift
            packet.dts = packet.pts
            packet.stream = self._copy
            yield packet

    def close(self) -> None:
        self._source.close()
