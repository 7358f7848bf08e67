"""Decoding of a container's video stream to rows in display order, one for each packet that should give a frame."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
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
from skelstream.video.packet_damage import with_damage
from skelstream.video.timestamps import clock_zero

_log = logging.getLogger(__name__)

_CONNECT_SECONDS, _READ_SECONDS = 10.0, 30.0
# What PyAV raises after these seconds; its text is "Immediate exit requested".
_STALLED = (av.error.ExitError, av.error.TimeoutError)
_READ_FAILURES = 16
# AVFMT_NOTIMESTAMPS: FFmpeg numbers the frames of such a format, 25 a second unless the codec knows better.
_NO_TIMESTAMPS = 0x0080
# Cameras that send JPEGs over HTTP, at any rate: the times are those at which the images arrive. FFmpeg reads 20 frames
# ahead to guess a rate, which would all arrive with the last.
_BY_ARRIVAL = {"mpjpeg"}
_NO_READING_AHEAD = {"fpsprobesize": "0"}
_MICROSECONDS = 1_000_000
_DEVICE_PAUSE = 0.005
# Independent of the machine's core count: the result of damage that no decoder reports must not depend on the
# machine.
_THREADS = 4

# FFmpeg's own decoders show damaged images without an error; libvpx is as fast and reports them (in VP8 a
# part).
_REPORTING_DECODERS = {"vp9": "libvpx-vp9", "vp8": "libvpx"}
# This decoder reports most damaged images only if it must stop at an error. For others that gains little, and
# loses the images of files with a harmless error in their metadata.
_STOP_AT_ERROR = {"mjpeg"}
# libvpx marks no key frames, and dav1d shows an old key frame for a lost one.
_KEYS_BY_PACKET = {"vp9", "vp8", "av1"}
# The result of damage in FFmpeg's own decoder depends on the timing of its threads, and it reports no damage.
_NO_FRAME_THREADS = {"vp8"}
# These decoders show nothing before a point from which they can predict, which need not be a key frame.
# Others take grey images for those that a video refers to if it was cut between two key frames.
_BEGIN_WHERE_THEY_CAN = {"h264"}


@dataclass(frozen=True)
class Input:
    """Input for FFmpeg.

    Attributes:
        name: name of the source in messages.
        url: URL or device name that FFmpeg opens.
        path: path of a local file; None for a URL or a device.
        format: name of FFmpeg's input device or demuxer; None to let FFmpeg detect it.
        options: options of the demuxer.
    """

    name: str
    url: str
    path: Path | None = None
    format: str | None = None
    options: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def of_file(path: Path, name: str | None = None) -> Input:
        """Return the input of a local file."""
        # With the protocol named, any file name works, "a:b.mp4" too.
        return Input(name or str(path), f"file:{path}", path)


def open_container(source: Input) -> InputContainer:
    """Open the container of an input.

    Raises:
        SourceError: the input cannot be opened.
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
    """Return the stream that a player would show: not cover art; the default one, of those one with more
    than one picture (an animated AVIF has its first as a stream too), of those the largest.

    Raises:
        SourceError: there is no video stream, or no decoder for it.
    """
    images = Disposition.attached_pic | Disposition.timed_thumbnails
    streams = [s for s in container.streams.video if not s.disposition & images]
    if not streams:
        what = "only cover art" if container.streams.video else "no video stream"
        raise SourceError(f"{name} has {what}: give a video file")
    known = [s for s in streams if s.codec_context is not None]
    if not known:
        raise SourceError(f"{name}: this build of FFmpeg has no decoder for its codec; convert it to H.264")
    return max(
        known, key=lambda s: (bool(s.disposition & Disposition.default), s.frames != 1, s.width * s.height)
    )


def time_base_of(stream: Stream | Packet, name: str) -> Fraction:
    """Return the seconds per tick of the timestamps.

    Raises:
        SourceError: the container does not say.
    """
    if stream.time_base is None:
        raise SourceError(f"{name}: its timestamps have no time base; convert it to MP4")
    return stream.time_base


def gives_frame(packet: Packet, codec: str) -> bool:
    """Return whether the packet should give a frame of its own.

    Packets that an edit list leaves out give none, nor do hidden reference images of VP8 (RFC 6386, section
    9.1), which WebM keeps in separate packets; other codecs pack them together with an image that is shown.
    """
    if packet.is_discard:
        return False
    return codec != "vp8" or bool(memoryview(packet)[0] >> 4 & 1)


class Decoder:
    """Decoder of one video stream, for a single pass.

    A file is decoded by several threads until something is damaged. From there a second decoder without frame
    threads takes over, whose errors always belong to the packet just sent: one file gives one result.

    Attributes:
        container, stream: PyAV's container and stream, open until the decoder is closed.
        time_base: seconds per tick of the stream's timestamps.
        zero: seconds of the container's clock at time 0; None for the first timestamp.
        untimed: whether the format has no timestamps, so that FFmpeg invents them.
        by_arrival: whether the timestamps are the times at which packets arrive, since the format has none.
        errors: errors of reading (not of single frames), one line each, without the source's name.
        hidden: number of packets so far that an edit list leaves out.
        end: latest end of a packet so far, in the stream's timestamps; None before the first.
        upright: frame with the container's display matrix, set at the first frame; None if every frame
            carries it.
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
            source: the input to open.
            threads: number of decoding threads; None for 4.
            frame_threads: whether to decode several frames in parallel; if not, errors come out with their
                frames.
            strict: whether to leave out frames that are damaged or predicted from damaged ones. If not, a
                file without any intact frame gives the images that its decoder makes up.

        Raises:
            SourceError: no video can be opened.
        """
        self._source, self._threads, self._strict = source, threads, strict
        self._frame_threads = frame_threads
        self._start: int | None = None
        self._damaged = False
        self.hidden = 0
        self.end: int | None = None
        self.upright: VideoFrame | None = None
        self.errors: list[str] = []
        self.container = open_container(source)
        self.untimed = bool(self.container.format.flags & _NO_TIMESTAMPS)
        self.by_arrival = source.path is None and self.container.format.name in _BY_ARRIVAL
        self._begun: float | None = None
        try:
            if self.by_arrival:
                self.container.close()
                self.container = open_container(
                    replace(source, options={**source.options, **_NO_READING_AHEAD})
                )
            self.stream = choose_stream(self.container, source.name)
            self.time_base = time_base_of(self.stream, source.name)
            self.zero = clock_zero(self.container, self.stream)
            if self.by_arrival:
                self.time_base, self.zero = Fraction(1, _MICROSECONDS), None
        except SourceError:
            self.container.close()
            raise
        self._codec = self._chosen_codec()
        self._frame_threads &= self._codec.name not in _NO_FRAME_THREADS
        self._codec.thread_type = "AUTO" if self._frame_threads else "NONE"
        # dav1d has frame threads of its own.
        self._codec.thread_count = (threads or _THREADS) if self._frame_threads else 1

    def _chosen_codec(self) -> VideoCodecContext:
        own: VideoCodecContext = self.stream.codec_context
        if self._source.path is None or not self._strict:
            return own
        if own.name in _STOP_AT_ERROR:
            own.options = {"err_detect": "explode"}
        better = _REPORTING_DECODERS.get(own.name)
        # Common builds of libvpx support eight bits only.
        eight_bits = own.pix_fmt in ("yuv420p", "yuv422p", "yuv440p", "yuv444p", "gbrp")
        if better is None or not eight_bits or better not in av.codecs_available:
            return own
        codec = VideoCodecContext.create(better, "r")
        assert isinstance(codec, VideoCodecContext)
        codec.extradata = own.extradata
        return codec

    def seek(self, pts: int) -> None:
        """Seek to the key frame at this timestamp.

        Raises:
            FFmpegError: the container cannot seek.
        """
        self.container.seek(pts, stream=self.stream)
        self._start = pts

    def close(self) -> None:
        self.container.close()

    def packets(self) -> Iterator[Packet]:
        """Yield the stream's packets; reading continues after up to 16 errors in a row."""
        failures = 0
        while failures < _READ_FAILURES:
            try:
                for packet in self.container.demux(self.stream):
                    # An empty packet, which AVI uses to repeat a frame, would tell the decoder to finish.
                    if packet.size:
                        failures = 0
                        if self.by_arrival:
                            packet.pts = self._arrival()
                        yield packet
                return
            except BlockingIOError:
                time.sleep(_DEVICE_PAUSE)
            except FFmpegError as error:
                failures += 1
                stalled = isinstance(error, _STALLED) and self._source.path is None
                if stalled:
                    self.errors.append(f"it sent nothing for {_READ_SECONDS:g} seconds and was ended there")
                elif not self.errors:
                    self.errors.append(f"some parts cannot be read ({_reason(error)})")
                if isinstance(error, _STALLED):
                    return

    def _arrival(self) -> int:
        """Return the microseconds since the first packet arrived."""
        now = time.monotonic()
        self._begun = now if self._begun is None else self._begun
        return round((now - self._begun) * _MICROSECONDS)

    def rows(self) -> Iterator[Row]:
        """Yield a row for every frame in display order; frames lost or predicted from damaged ones have no image."""
        if self._source.path is None or not self._strict:
            # Live frames cannot wait until they are judged.
            yield from self._shown(None)
            return
        count = 0
        for row in self._shown(Damage(self.stream.codec_context.codec.canonical_name in _KEYS_BY_PACKET)):
            if self._damaged and self._frame_threads:
                break
            yield row
            count += 1
        else:
            if not (self._damaged and self._frame_threads):
                return
        yield from self._without_frame_threads(count)

    def _without_frame_threads(self, done: int) -> Iterator[Row]:
        """Yield the rows after the first ``done`` ones from a decoder without frame threads."""
        _log.info("%s: damaged; decoding without frame threads from frame %d on", self._source.name, done)
        decoder = Decoder(self._source, self._threads, frame_threads=False)
        try:
            if self._start is not None:
                decoder.seek(self._start)
            yield from islice(decoder.rows(), done, None)
            self.errors, self.hidden, self.end = decoder.errors, decoder.hidden, decoder.end
        finally:
            decoder.close()

    def _shown(self, damage: Damage | None) -> Iterator[Row]:
        codec = self.stream.codec_context
        order = DisplayOrder(fields_apart=codec.name == "h264" and _interlaced(codec))
        bad: set[int | None] = set()
        first = True
        begun = damage is None or codec.name in _BEGIN_WHERE_THEY_CAN
        for packet, broken in with_damage(self.packets(), codec):
            if first and packet.pts is None and self._source.path:
                # Without timestamps only a decoder without frame threads tells which frame is lost.
                self._codec.thread_type = "SLICE"
            first = False
            begun = begun or packet.is_keyframe
            self.hidden += packet.is_discard
            if packet.pts is not None:
                self.end = max(packet.pts + (packet.duration or 0), self.end or 0)
            if gives_frame(packet, codec.name):
                self._damaged |= broken
                order.sent(packet.pts, broken)
                if damage is not None:
                    damage.sent(packet.pts, packet.is_keyframe, broken)
            if begun:
                yield from self._judged(self._decode(packet, order, bad), damage, bad)
            elif packet.pts is None:
                yield from self._judged([Row(None, None)], damage, bad)
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
            self._damaged |= row.frame is None
            if damage is None:
                yield row
            else:
                yield from damage.shown(row)

    def _decode(self, packet: Packet | None, order: DisplayOrder, bad: set[int | None]) -> Iterator[Row]:
        if self._codec is not self.stream.codec_context and self.upright is None and packet is not None:
            self.upright = self._frame_of_own_decoder(packet)
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

    def _frame_of_own_decoder(self, packet: Packet) -> VideoFrame | None:
        """Return a frame from the stream's own decoder, which alone attaches the container's display matrix."""
        own = self.stream.codec_context
        if not own.is_open:
            own.thread_type, own.thread_count = "NONE", 1
        try:
            return next(iter(own.decode(packet)), None)
        except FFmpegError:
            return None

    def _failed(self, packet: Packet | None, bad: set[int | None]) -> None:
        """Record a decoding error, and its packet if the decoder has no frame threads."""
        self._damaged = True
        if not self._frame_threads and packet is not None and packet.pts is not None:
            bad.add(packet.pts)


def _interlaced(codec: VideoCodecContext) -> bool:
    # PyAV before 18 lacks the attribute. AVFieldOrder: 0 unknown, 1 progressive, then the field orders.
    return getattr(codec, "field_order", 0) > 1


def _why(source: Input, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{source.name} does not exist: check the name"
    if isinstance(error, PermissionError):
        return f"{source.name} cannot be read: change its permissions"
    if source.path is None and isinstance(error, _STALLED):
        return f"{source.name} did not answer within {_CONNECT_SECONDS:g} seconds: check the address and the network"
    if source.path is None:
        return f"{source.name} cannot be opened ({_reason(error)}): check that it exists and is not in use"
    if isinstance(error, av.error.InvalidDataError):
        return (
            f"{source.name} is not a video that FFmpeg can read: it may be truncated or another kind of file"
        )
    return f"{source.name} cannot be opened ({_reason(error)})"


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split())
