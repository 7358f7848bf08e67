"""Files, URLs and devices that FFmpeg reads."""

from __future__ import annotations

import logging
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
from skelstream.video.seeking import Place, find_place
from skelstream.video.source import Selection, Source
from skelstream.video.timestamps import Timestamps

_log = logging.getLogger(__name__)

_TICKS = 1_000_000  # of a container's duration, per second
# A container rounds its duration, and the sound may be a little longer than the images.
_LATE_SECONDS = 1.0

_Timed = tuple[int, float, VideoFrame | None]


class ContainerSource(Source):
    """The video stream of a file, a URL or a capture device."""

    def __init__(self, source: Input, selection: Selection, threads: int | None = None) -> None:
        """
        Args:
            source: what FFmpeg opens.
            selection: the frames that are wanted.
            threads: decoding threads, None for 4.

        Raises:
            SourceError: it cannot be opened, or gives no frame within the selection.
        """
        self._deinterlacer, self._tone = Deinterlacer(), ToneMap()
        super().__init__(selection)
        self._name = source.name
        place = find_place(source, selection.start) if source.path and selection.start else None
        self._decoder = Decoder(source, threads)
        try:
            if place and not self._go_to(place):
                _log.info("%s: seeking failed; decoding from the beginning", self._name)
                self._decoder.close()
                self._decoder, place = Decoder(source, threads), None
            # The size of an upright frame is known once one has decoded.
            self._ahead = self._begin(place)
            if not self._ahead and source.path:
                _log.info("%s: nothing in it is intact; decoding what there is", self._name)
                self._decoder.close()
                self._decoder = Decoder(source, threads, frame_threads=False, strict=False)
                self._wrong = [f"{self._name}: nothing in it is intact, so what is seen may be damaged"]
                self._ahead = self._begin(None)
            if not self._ahead:
                raise SourceError(f"{self._name}: no frame could be decoded; it may be broken or empty")
            self._tone = ToneMap(self._decoder.stream.codec_context.color_trc)
            self._upright = Upright(self._first_image(), self._aspect(), self._decoder.upright)
            self.info = self._describe(live=self._is_live(source))
        except BaseException:
            self._decoder.close()
            raise

    def close(self) -> None:
        self._timed = iter(())
        self._ahead.clear()
        self._decoder.close()

    @property
    def warnings(self) -> list[str]:
        done = []
        if self._deinterlacer.used:
            done.append(f"{self._name}: its frames are interlaced; bwdif makes whole images of them")
        if self._tone.used:
            done.append(f"{self._name}: its images are in HDR (PQ); they are tone mapped to BT.709")
        return [*self._wrong, *done]

    def warn(self, line: str) -> None:
        """One more line, without the name."""
        self._wrong.append(f"{self._name}: {line}")

    def _rows(self) -> Iterator[_Timed]:
        while self._ahead:
            yield self._ahead.popleft()
        # A name of its own, since close() replaces it: an iterator at work then stops.
        while (row := next(self._timed, None)) is not None:
            yield row

    def _image(self, payload: VideoFrame) -> np.ndarray | None:
        try:
            return self._upright.image(self._tone(payload))
        except (FFmpegError, ValueError):
            self._lost += 1
            return None

    def _go_to(self, place: Place) -> bool:
        """Seeks to the key frame and says whether that is where the container went."""
        try:
            self._decoder.seek(place.pts)
            first = next(self._decoder.packets(), None)
            if first is None or first.pts != place.pts:
                return False
            self._decoder.seek(place.pts)
        except FFmpegError:
            return False
        return True

    def _numbered(self, place: Place | None) -> Iterator[_Timed]:
        clock = Timestamps(self._decoder.time_base, self._fps(), place.origin if place else None)
        index, time, first_lost = place.index if place else 0, 0.0, None
        slots, last = index, None
        for row in self._deinterlacer.rows(self._decoder.rows()):
            time = clock.seconds(row.pts)
            # An AVI counts the frames that stand for the one before and are not there.
            slots += 1 if last is None else max(1, round((time - last) * (self._fps() or 0)))
            last = time
            if row.frame is None:
                self._lost += 1
                first_lost = time if first_lost is None else first_lost
            yield index, time, row.frame
            index += 1
        self._sum_up({index, slots} if place is None else set(), time, first_lost)

    def _sum_up(self, counts: set[int], last: float, first_lost: float | None) -> None:
        """``counts``: the frames there are, without and with those that gaps in time stand for; none if unknown."""
        claimed, duration = self._decoder.stream.frames, self._duration()
        lines = list(self._decoder.errors)
        if first_lost is not None:
            lines.append(
                f"frames that failed to decode, or were made from ones that did: {self._lost}, the first at {first_lost:.2f} s"
            )
        if claimed and counts and claimed - self._decoder.hidden not in counts:
            lines.append(f"the header says {claimed} frames, there are {min(counts)}")
        if duration is not None and last + _LATE_SECONDS < duration:
            lines.append(f"the header says {duration:.2f} s, the last frame is at {last:.2f} s")
        for line in lines:
            self.warn(line)

    def _begin(self, place: Place | None) -> deque[_Timed]:
        self._lost, self._deinterlacer = 0, Deinterlacer()
        self._timed = self._numbered(place)
        return self._read_ahead()

    def _read_ahead(self) -> deque[_Timed]:
        """The rows up to the first that has an image; none if there is no such row.

        Raises:
            SourceError: there are frames, and none in the selection.
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
        raise SourceError(f"{self._name} has no frame in the part asked for: its last is at {last:.2f} s")

    def _first_image(self) -> VideoFrame:
        """The image that reading ahead ended with."""
        frame = self._ahead[-1][2]
        assert frame is not None
        return frame

    def _aspect(self) -> Fraction | None:
        stream = self._decoder.stream
        return stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio

    def _fps(self) -> float | None:
        stream = self._decoder.stream
        # Without timestamps the average is the demuxer's invention; the guess heeds what the codec says.
        timed = stream.start_time is not None or stream.duration is not None
        fps = stream.average_rate if timed and stream.average_rate else stream.guessed_rate
        return float(fps) if fps else None

    def _duration(self) -> float | None:
        stream, container = self._decoder.stream, self._decoder.container
        if stream.duration is not None:
            return float(stream.duration * self._decoder.time_base)
        return container.duration / _TICKS if container.duration is not None else None

    def _is_live(self, source: Input) -> bool:
        return source.path is None and self._duration() is None

    def _describe(self, live: bool) -> SourceInfo:
        return SourceInfo(
            name=self._name,
            height=self._upright.height,
            width=self._upright.width,
            rotation=self._upright.rotation,
            fps=self._fps(),
            duration=self._duration(),
            frames=self._decoder.stream.frames or None,
            live=live,
        )
