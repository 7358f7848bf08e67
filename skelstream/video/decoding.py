"""A container's video stream as rows in display order, each packet accounted for."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import av.error
from av import VideoFrame
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from skelstream.errors import SourceError
from skelstream.video.damage import Damage
from skelstream.video.order import DisplayOrder, Row

_log = logging.getLogger(__name__)

_CONNECT_SECONDS, _READ_SECONDS = 10.0, 30.0
_READ_FAILURES = 16
_DEVICE_PAUSE = 0.005
# Not as many as the machine has: what is made of damage that no decoder reports must not depend on the machine.
_THREADS = 4

# FFmpeg's own decoders show damaged images without a word; libvpx is as fast and tells, of VP8 a part.
_TELLING = {"vp9": "libvpx-vp9", "vp8": "libvpx"}
# This one reports most damaged images only if it is to stop at an error. In others that gains little, and costs the
# images of files with a harmless error in what goes along with them.
_STOPPING = {"mjpeg"}
# libvpx marks no frames, and dav1d shows an old key frame for one that it has lost.
_KEYS_BY_PACKET = {"vp9", "vp8", "av1"}
# What FFmpeg's own makes of damage depends on which of its threads is first, and it reports none.
_RACING = {"vp8"}


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
    def of_file(path: Path, name: str | None = None) -> Input:
        # With its protocol named, a file may be called anything, "a:b.mp4" too.
        return Input(name or str(path), f"file:{path}", path)


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
    images = Disposition.attached_pic | Disposition.timed_thumbnails
    streams = [s for s in container.streams.video if not s.disposition & images]
    if not streams:
        what = "only cover art" if container.streams.video else "no video stream"
        raise SourceError(f"{name} has {what}: give a file with moving images")
    known = [s for s in streams if s.codec_context is not None]
    if not known:
        raise SourceError(f"{name}: this build of FFmpeg has no decoder for its video; convert it to H.264")
    return max(known, key=lambda s: (bool(s.disposition & Disposition.default), s.width * s.height))


def tick_of(stream: Stream | Packet, name: str) -> Fraction:
    """Seconds of a tick of the timestamps.

    Raises:
        SourceError: the container does not tell.
    """
    if stream.time_base is None:
        raise SourceError(f"{name}: its timestamps have no unit; convert it to MP4")
    return stream.time_base


def gives_frame(packet: Packet, codec: str) -> bool:
    """Whether the packet should give a frame of its own.

    Not those that an edit list leaves out, nor the hidden reference images of VP8 (RFC 6386, section 9.1),
    which WebM keeps in packets of their own; other codecs pack theirs together with an image that is shown.
    """
    if packet.is_discard:
        return False
    return codec != "vp8" or bool(memoryview(packet)[0] >> 4 & 1)


class Decoder:
    """Decodes one video stream; use it once.

    A file is decoded by several threads until something is wrong. From there a second decoder without frame
    threads goes over it, in which every error belongs to the packet just sent: so one file gives one result.

    Attributes:
        container, stream: PyAV's, open while the decoder is.
        time_base: seconds of a tick of the stream's timestamps.
        errors: what went wrong with reading (not with single frames), one line each, without the name.
        hidden: packets so far that an edit list leaves out.
        upright: a frame that carries the container's display matrix, once the first frame is there; None: each does.
    """

    def __init__(
        self,
        source: Input,
        threads: int | None = None,
        frame_threads: bool = True,
        *,
        strict: bool = True,
    ) -> None:
        """
        Args:
            source: what to open.
            threads: decoding threads, None for 4.
            frame_threads: decode several frames side by side; without, errors and frames come out in step.
            strict: leave out what is damaged or was made from it. Without, a file of which nothing is intact gives
                the images that its decoder makes up.

        Raises:
            SourceError: no video can be opened.
        """
        self._source, self._threads, self._strict = source, threads, strict
        self._frame_threads = frame_threads
        self._place: int | None = None
        self._trouble = False
        self.hidden = 0
        self.upright: VideoFrame | None = None
        self.errors: list[str] = []
        self.container = open_container(source)
        try:
            self.stream = choose_stream(self.container, source.name)
            self.time_base = tick_of(self.stream, source.name)
        except SourceError:
            self.container.close()
            raise
        self._codec = self._chosen_codec()
        self._frame_threads &= self._codec.name not in _RACING
        self._codec.thread_type = "AUTO" if self._frame_threads else "NONE"
        # dav1d has frame threads of its own.
        self._codec.thread_count = (threads or _THREADS) if self._frame_threads else 1

    def _chosen_codec(self) -> VideoCodecContext:
        own: VideoCodecContext = self.stream.codec_context
        if self._source.path is None or not self._strict:
            return own
        if own.name in _STOPPING:
            own.options = {"err_detect": "explode"}
        better = _TELLING.get(own.name)
        # Its common builds know eight bits only.
        eight_bits = own.pix_fmt in ("yuv420p", "yuv422p", "yuv440p", "yuv444p", "gbrp")
        if better is None or not eight_bits or better not in av.codecs_available:
            return own
        codec = VideoCodecContext.create(better, "r")
        assert isinstance(codec, VideoCodecContext)
        codec.extradata = own.extradata
        return codec

    def seek(self, pts: int) -> None:
        """Goes to the key frame at this timestamp.

        Raises:
            FFmpegError: the container cannot.
        """
        self.container.seek(pts, stream=self.stream)
        self._place = pts

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
        """Every frame in display order; those that are lost, or made from damaged ones, without an image."""
        if self._source.path is None or not self._strict:
            # What is seen live cannot wait to be judged.
            yield from self._shown(None)
            return
        count = 0
        for row in self._shown(Damage(self.stream.codec_context.codec.canonical_name in _KEYS_BY_PACKET)):
            if self._trouble and self._frame_threads:
                break
            yield row
            count += 1
        else:
            if not (self._trouble and self._frame_threads):
                return
        yield from self._again(count)

    def _again(self, done: int) -> Iterator[Row]:
        """The rows after those that are done, from a decoder that works in step."""
        _log.info("%s: damaged; decoding again in step from frame %d on", self._source.name, done)
        again = Decoder(self._source, self._threads, frame_threads=False)
        try:
            if self._place is not None:
                again.seek(self._place)
            yield from islice(again.rows(), done, None)
            self.errors, self.hidden = again.errors, again.hidden
        finally:
            again.close()

    def _shown(self, damage: Damage | None) -> Iterator[Row]:
        codec = self.stream.codec_context
        order = DisplayOrder(fields_apart=codec.name == "h264" and _interlaced(codec))
        bad: set[int | None] = set()
        first = True
        for packet in self.packets():
            if first and packet.pts is None and self._source.path:
                # Without timestamps only a decoder that works in step tells which frame is lost.
                self._codec.thread_type = "SLICE"
            first = False
            self.hidden += packet.is_discard
            if gives_frame(packet, codec.name):
                order.sent(packet.pts)
                if damage is not None:
                    damage.sent(packet.pts, packet.is_keyframe)
            yield from self._judged(self._decode(packet, order, bad), damage, bad)
        yield from self._judged(self._decode(None, order, bad), damage, bad)
        rows, missing = order.finished()
        rows += [Row(pts, None) for pts in missing]
        yield from self._judged(rows, damage, bad)
        if damage is not None:
            yield from damage.finished()

    def _judged(self, rows: Iterable[Row], damage: Damage | None, bad: set[int | None]) -> Iterator[Row]:
        for row in rows:
            if row.pts in bad:
                row = Row(row.pts, None)
            self._trouble |= row.frame is None
            if damage is None:
                yield row
            else:
                yield from damage.shown(row)

    def _decode(self, packet: Packet | None, order: DisplayOrder, bad: set[int | None]) -> Iterator[Row]:
        if self._codec is not self.stream.codec_context and self.upright is None and packet is not None:
            self.upright = self._by_own_decoder(packet)
        try:
            frames = self._codec.decode(packet)
        except EOFError:
            return
        except FFmpegError:
            self._failed(packet, bad)
            yield from order.failed()
            return
        for frame in frames:
            yield from order.decoded(frame.pts, None if frame.is_corrupt else frame)

    def _by_own_decoder(self, packet: Packet) -> VideoFrame | None:
        """A frame from the stream's own decoder, which alone knows what the container says of it."""
        own = self.stream.codec_context
        if not own.is_open:
            own.thread_type, own.thread_count = "NONE", 1
        try:
            return next(iter(own.decode(packet)), None)
        except FFmpegError:
            return None

    def _failed(self, packet: Packet | None, bad: set[int | None]) -> None:
        """Notes the packet whose error this is, which only a decoder that works in step can tell."""
        self._trouble = True
        if not self._frame_threads and packet is not None and packet.pts is not None:
            bad.add(packet.pts)


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
