"""Source of the frames of a file, URL or device that FFmpeg reads."""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from av import VideoFrame
from av.error import FFmpegError

from skelstream.errors import SourceError
from skelstream.video.decoding import Decoder, Input
from skelstream.video.filters import Deinterlacer, ToneMap
from skelstream.video.frame import SourceInfo
from skelstream.video.pixels import Upright
from skelstream.video.seeking import KeyFrame, find_key_frame
from skelstream.video.source import Selection, Source
from skelstream.video.timestamps import Timestamps

_log = logging.getLogger(__name__)

_TICKS = 1_000_000  # ticks per second of a container's duration
# Tolerance of the check against the declared duration: it is rounded, and the sound may be a little longer.
_DURATION_TOLERANCE = 1.0
# The same in frame intervals: not every container stores how long the last frame is shown.
_INTERVALS_TOLERANCE = 2

HEADER_SAYS = "the header says"
"""Beginning of a warning that the container claims more than there is."""

_Timed = tuple[int, float, VideoFrame | None]


class ContainerSource(Source):
    """Source of the video stream of a file, a URL or a capture device."""

    def __init__(
        self, source: Input, selection: Selection, threads: int | None = None, fps: float | None = None
    ) -> None:
        """
        Args:
            source: the input for FFmpeg.
            selection: the frames to read.
            threads: number of decoding threads; None for 4.
            fps: frames per second of a format without timestamps; None for that of the codec, else 25.

        Raises:
            SourceError: the input cannot be opened, or has no frame in the selection.
        """
        self._deinterlacer, self._tone = Deinterlacer(), ToneMap()
        super().__init__(selection)
        self._name, self._is_file = source.name, source.path is not None
        key_frame = find_key_frame(source, selection.start) if source.path and selection.start else None
        self._decoder = Decoder(source, threads)
        self._given_fps = fps if self._decoder.untimed else None
        try:
            if key_frame and not self._seek(key_frame):
                _log.info("%s: seeking failed; decoding from the beginning", self._name)
                self._decoder.close()
                self._decoder, key_frame = Decoder(source, threads), None
            # The size of an upright frame is known once one is decoded.
            self._ahead = self._begin(key_frame)
            if not self._ahead and source.path:
                _log.info("%s: no frame is intact; decoding damaged frames too", self._name)
                self._decoder.close()
                self._decoder = Decoder(source, threads, frame_threads=False, strict=False)
                self._warnings = [f"{self._name}: no frame is intact, so images may be damaged"]
                self._ahead = self._begin(None)
            if not self._ahead:
                raise SourceError(
                    f"{self._name}: no frame could be decoded; the file may be damaged or empty"
                )
            self._tone = ToneMap(self._decoder.stream.codec_context.color_trc)
            self._upright = Upright(self._first_image(), self._aspect(), self._decoder.upright)
            self.info = self._describe()
            self._warn_of_times(fps)
        except BaseException:
            self._decoder.close()
            raise

    def close(self) -> None:
        self._timed = iter(())
        self._ahead.clear()
        self._decoder.close()

    @property
    def warnings(self) -> list[str]:
        conversions = []
        if self._deinterlacer.used:
            conversions.append(f"{self._name}: its frames are interlaced; they are deinterlaced (bwdif)")
        if self._tone.used:
            conversions.append(f"{self._name}: its images are in HDR (PQ); they are tone mapped to BT.709")
        if self._upright.fitted:
            conversions.append(
                f"{self._name}: {self._upright.fitted} frames are scaled to the size of the first;"
                " their keypoints are in pixels of that size"
            )
        return [*self._warnings, *conversions]

    def warn(self, line: str) -> None:
        """Add a warning; the source's name is prepended."""
        self._warnings.append(f"{self._name}: {line}")

    def _rows(self) -> Iterator[_Timed]:
        while self._ahead:
            yield self._ahead.popleft()
        # Read through the attribute each time: close() replaces it, and a running iterator then stops.
        while (row := next(self._timed, None)) is not None:
            yield row

    def _image(self, payload: VideoFrame) -> np.ndarray | None:
        try:
            return self._upright.image(self._tone(payload))
        except (FFmpegError, ValueError):
            self._lost += 1
            return None

    def _seek(self, key_frame: KeyFrame) -> bool:
        """Seek to the key frame; return whether the container went there."""
        try:
            self._decoder.seek(key_frame.pts)
            first = next(self._decoder.packets(), None)
            if first is None or first.pts != key_frame.pts:
                return False
            self._decoder.seek(key_frame.pts)
        except FFmpegError:
            return False
        return True

    def _numbered(self, key_frame: KeyFrame | None) -> Iterator[_Timed]:
        clock = Timestamps(self._decoder.time_base, self._fps(), None if self._live else self._decoder.zero)
        index, time, first_lost = key_frame.index if key_frame else 0, 0.0, None
        slots, last, shortest = index, None, None
        for row in self._deinterlacer.rows(self._decoder.rows()):
            time = clock.seconds(None if self._given_fps else row.pts)
            # An AVI's frame count includes empty frames, which repeat the one before.
            step = None if last is None else max(1, round((time - last) * (self._fps() or 0)))
            slots, last = slots + (step or 1), time
            shortest = min(shortest or step, step) if step else shortest
            if row.frame is None:
                self._lost += 1
                first_lost = time if first_lost is None else first_lost
            yield index, time, row.frame
            index += 1
        # Where each frame takes several of an AVI's counts, such as milliseconds, the last one does so too.
        counts = {index, slots, slots + (shortest or 1) - 1} if key_frame is None else set()
        self._warn_of_differences(counts, time, first_lost)

    def _warn_of_times(self, given: float | None) -> None:
        """Add a warning where times are assumed, or a given rate has no effect."""
        untimed, own = self._decoder.untimed, self._decoder.stream.codec_context.framerate
        if given is not None and not untimed:
            self.warn(
                "its frames have their own times; the given rate is ignored, it is for images and cameras"
            )
        if given is not None or not untimed:
            return
        if self._decoder.by_arrival:
            self.warn("it sends no times; the times are those at which its frames arrive")
        elif (fps := self._fps()) is not None and fps != float(own or 0):
            self.warn(
                f"its frames have no times; {fps:g} per second are assumed, give the rate if it differs"
            )

    def _warn_of_differences(self, counts: set[int], last: float, first_lost: float | None) -> None:
        """Add warnings where the container's header and the decoded frames differ.

        Args:
            counts: plausible frame counts, without and with the frames that gaps in time stand for; empty if
                unknown.
            last: time of the last frame in seconds.
            first_lost: time of the first frame without an image in seconds; None if there is none.
        """
        declared, duration = self._decoder.stream.frames, self._duration()
        lines = list(self._decoder.errors)
        if first_lost is not None:
            lines.append(
                f"{self._lost} frames failed to decode or depend on frames that did,"
                f" the first at {first_lost:.2f} s"
            )
        if declared and counts and declared - self._decoder.hidden not in counts:
            lines.append(f"{HEADER_SAYS} {declared} frames, there are {min(counts)}")
        end = last
        if self._decoder.end is not None:
            end = float(self._decoder.end * self._decoder.time_base - (self._decoder.zero or 0))
        tolerance = max(_DURATION_TOLERANCE, _INTERVALS_TOLERANCE / (self._fps() or 1))
        if duration is not None and end + tolerance < duration:
            lines.append(f"{HEADER_SAYS} {duration:.2f} s, the last frame is at {last:.2f} s")
        for line in lines:
            self.warn(line)

    def _begin(self, key_frame: KeyFrame | None) -> deque[_Timed]:
        self._lost, self._deinterlacer = 0, Deinterlacer()
        self._timed = self._numbered(key_frame)
        return self._read_ahead()

    def _read_ahead(self) -> deque[_Timed]:
        """Return the rows up to the first with an image; empty if there is no such row.

        Raises:
            SourceError: there are frames, but none in the selection.
        """
        ahead: deque[_Timed] = deque()
        last = None
        for row in self._timed:
            last = row[1]
            if self._selection.after(last):
                break
            if self._selection.before(last):
                continue
            ahead.append(row)
            if row[2] is not None:
                return ahead
        if last is None or ahead:
            return deque()
        raise SourceError(f"{self._name} has no frame in the requested part: its last is at {last:.2f} s")

    def _first_image(self) -> VideoFrame:
        """Return the frame with which reading ahead ended."""
        frame = self._ahead[-1][2]
        assert frame is not None
        return frame

    def _aspect(self) -> Fraction | None:
        stream = self._decoder.stream
        return stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio

    def _fps(self) -> float | None:
        if self._given_fps is not None:
            return self._given_fps
        stream = self._decoder.stream
        # Without timestamps the demuxer invents the average; the guessed rate uses the codec's.
        timed = stream.start_time is not None or stream.duration is not None
        fps = stream.average_rate if timed and stream.average_rate else stream.guessed_rate
        return float(fps) if fps else None

    def _duration(self) -> float | None:
        stream, container = self._decoder.stream, self._decoder.container
        tag = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
        if stream.duration is not None:
            end = float(((stream.start_time or 0) + stream.duration) * self._decoder.time_base)
        elif tag is not None:  # Matroska
            end = int(tag[1]) * 3600 + int(tag[2]) * 60 + float(tag[3])
        elif container.duration is not None:
            end = container.duration / _TICKS
        else:
            return None
        return end - float(self._decoder.zero or 0)

    @property
    def _live(self) -> bool:
        return not self._is_file and self._duration() is None

    def _describe(self) -> SourceInfo:
        return SourceInfo(
            name=self._name,
            height=self._upright.height,
            width=self._upright.width,
            rotation=self._upright.rotation,
            fps=self._fps(),
            duration=self._duration(),
            frames=self._decoder.stream.frames or None,
            live=self._live,
            start=0.0 if self._live else float(self._decoder.zero or 0),
        )
