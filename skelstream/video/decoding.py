"""A container's video stream as rows in display order, each packet accounted for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from skelstream.errors import SourceError
from skelstream.video.order import DisplayOrder, Row

_CONNECT_SECONDS, _READ_SECONDS = 10.0, 30.0
_READ_FAILURES = 16
_DEVICE_PAUSE = 0.005


@dataclass(frozen=True)
class Input:
    """What FFmpeg is to open.

    Attributes:
        name: what the user calls it.
        path: a local file; None for a URL or a device.
        url: what FFmpeg opens.
        format: the name of FFmpeg's input device or demuxer; None lets it find out.
        options: for the demuxer.
    """

    name: str
    url: str
    path: Path | None = None
    format: str | None = None
    options: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def of_file(path: Path) -> Input:
        # With its protocol named, a file may be called anything, "a:b.mp4" too.
        return Input(str(path), f"file:{path}", path)


def open_container(source: Input) -> InputContainer:
    """Opens the container.

    Raises:
        SourceError: it cannot be opened.
    """
    timeout = None if source.path else (_CONNECT_SECONDS, _READ_SECONDS)
    try:
        return av.open(
            source.url,
            format=source.format,
            options=source.options,
            metadata_errors="replace",
            timeout=timeout,
        )
    except (FFmpegError, OSError, ValueError) as error:
        raise SourceError(_why(source, error)) from error


def choose_stream(container: InputContainer, name: str) -> VideoStream:
    """The stream that a player would show: not cover art; the default one; the largest.

    Raises:
        SourceError: there is none, or no decoder for it.
    """
    pictures = Disposition.attached_pic | Disposition.timed_thumbnails
    streams = [s for s in container.streams.video if not s.disposition & pictures]
    if not streams:
        what = "only cover art" if container.streams.video else "no video stream"
        raise SourceError(f"{name} has {what}: give a file with moving pictures")
    known = [s for s in streams if s.codec_context is not None]
    if not known:
        raise SourceError(f"{name}: this build of FFmpeg has no decoder for its video; convert it to H.264")
    return max(known, key=lambda s: (bool(s.disposition & Disposition.default), s.width * s.height))


def gives_frame(packet: Packet, codec: str) -> bool:
    """Whether the packet should give a frame of its own.

    Not those that an edit list leaves out, nor the hidden reference pictures of VP8 (RFC 6386, section 9.1),
    which WebM keeps in packets of their own; other codecs pack theirs together with a picture that is shown.
    """
    if packet.is_discard:
        return False
    return codec != "vp8" or bool(memoryview(packet)[0] >> 4 & 1)


class Decoder:
    """Decodes one video stream; use it once.

    Attributes:
        container, stream: PyAV's, open while the decoder is.
        errors: what went wrong with reading (not with single frames), one line each, without the name.
    """

    def __init__(self, source: Input, threads: int | None = None, frame_threads: bool = True) -> None:
        """
        Args:
            source: what to open.
            threads: decoding threads, None lets FFmpeg choose.
            frame_threads: decode several frames side by side; without, errors and frames come out in step.

        Raises:
            SourceError: no video can be opened.
        """
        self._source = source
        self._frame_threads = frame_threads
        self.errors: list[str] = []
        self.container = open_container(source)
        try:
            self.stream = choose_stream(self.container, source.name)
        except SourceError:
            self.container.close()
            raise
        self.stream.thread_type = "AUTO" if frame_threads else "NONE"
        if threads is not None:
            self.stream.thread_count = threads

    def close(self) -> None:
        self.container.close()

    def packets(self) -> Iterator[Packet]:
        """The stream's packets; reading goes on after an error as long as something follows."""
        failures = 0
        while failures < _READ_FAILURES:
            try:
                for packet in self.container.demux(self.stream):
                    # An empty packet, which AVI uses for "as before", would tell a decoder to finish.
                    if packet.size:
                        failures = 0
                        yield packet
                return
            except BlockingIOError:
                time.sleep(_DEVICE_PAUSE)
            except FFmpegError as error:
                failures += 1
                if not self.errors:
                    self.errors.append(f"reading failed in places ({_reason(error)})")
                if isinstance(error, (av.error.ExitError, av.error.TimeoutError)):
                    return

    def rows(self) -> Iterator[Row]:
        """Every frame, intact or lost, in display order."""
        codec = self.stream.codec_context
        order = DisplayOrder(fields_apart=codec.name == "h264" and _interlaced(codec))
        first = True
        for packet in self.packets():
            if first and packet.pts is None and self._source.path:
                # Without timestamps only a decoder that works in step tells which frame is lost.
                self.stream.thread_type = "SLICE"
            first = False
            if gives_frame(packet, codec.name):
                order.sent(packet.pts)
            yield from self._decode(packet, order)
        yield from self._decode(None, order)
        rows, missing = order.finished()
        yield from rows
        yield from self._again(missing)

    def _decode(self, packet: Packet | None, order: DisplayOrder) -> Iterator[Row]:
        try:
            frames = self.stream.codec_context.decode(packet)
        except EOFError:
            return
        except FFmpegError:
            yield from order.failed()
            return
        for frame in frames:
            yield from order.decoded(frame.pts, None if frame.is_corrupt else frame)

    def _again(self, missing: list[int]) -> Iterator[Row]:
        """The frames of the timestamps that never came out.

        An error while the decoder empties itself takes the intact frames behind it along: a second decoder
        without frame threads goes over the last group of pictures and gets them.
        """
        if missing and self._frame_threads and self._source.path:
            again = Decoder(self._source, frame_threads=False)
            try:
                again.container.seek(missing[0], stream=again.stream)
                for row in again.rows():
                    if row.frame is None or row.pts not in missing:
                        continue
                    at = missing.index(row.pts)
                    yield from (Row(pts, None) for pts in missing[:at])
                    yield row
                    missing = missing[at + 1 :]
            except FFmpegError:
                pass
            finally:
                again.close()
        yield from (Row(pts, None) for pts in missing)


def _interlaced(codec: VideoCodecContext) -> bool:
    # PyAV before 18 does not tell; AVFieldOrder: 0 unknown, 1 progressive, then the orders of fields.
    return getattr(codec, "field_order", 0) > 1


def _why(source: Input, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{source.name} does not exist: check the name"
    if isinstance(error, PermissionError):
        return f"{source.name} may not be read: give yourself the permission"
    if source.path is None:
        return f"{source.name} cannot be opened ({_reason(error)}): check that it is there and free"
    if isinstance(error, av.error.InvalidDataError):
        return f"{source.name} is no video that FFmpeg can read: it may be cut off or of another kind"
    return f"{source.name} cannot be opened ({_reason(error)})"


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split())
