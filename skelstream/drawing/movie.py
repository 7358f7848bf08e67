"""Rendering of a sequence on its video to a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skelstream.drawing.animation import SUFFIXES, AnimationWriter
from skelstream.drawing.by_frame import (
    PeopleByFrame,
    image_size,
    open_video,
    video_times,
    with_size,
)
from skelstream.drawing.overlay import Overlay, OverlaySettings
from skelstream.errors import OutputError, SourceError
from skelstream.sequences import SkeletonSequence
from skelstream.video import Source, VideoWriter

_ANIMATION_WIDTH = 480
_ANIMATION_RATE = 12.5
_LONGEST_ANIMATION = 1500  # images; a GIF keeps all in memory until its palette is known
# Longest side in pixels; H.264 has no larger pictures.
_LARGEST = 16_384


@dataclass(frozen=True)
class Rendered:
    """Facts about a rendered file.

    Attributes:
        frames: number of images.
        seconds: time from the first to the last image in seconds.
        people: number of poses drawn in all images.
        size: (height, width) in pixels.
    """

    frames: int
    seconds: float
    people: int
    size: tuple[int, int]


@dataclass(frozen=True)
class MovieSettings:
    """Which part of a sequence a movie shows, and how.

    Attributes:
        start, end: bounds in seconds: only frames with ``start <= time < end`` are rendered; None for no bound.
        width: greatest width in pixels, to which wider images are scaled; None for no limit for MP4 and 480 for GIF
            and WebP.
        fps: greatest number of images per second of GIF and WebP; None for 12.5.
        sound: whether to copy the source's sound into an MP4.
    """

    start: float | None = None
    end: float | None = None
    width: int | None = None
    fps: float | None = None
    sound: bool = True


def render(
    sequence: SkeletonSequence,
    output: Path,
    source: str | Path | None = None,
    settings: OverlaySettings | None = None,
    movie: MovieSettings = MovieSettings(),  # noqa: B008 - frozen
    progress: Callable[[int, int], None] | None = None,
) -> Rendered:
    """Write the frames of a sequence with its skeletons as H.264 MP4, GIF or WebP.

    The frames are those of the sequence's frame table, each at its own time: if every third frame was
    processed, every third is shown. A frame that fails to decode leaves the one before it on screen.

    Args:
        sequence: the sequence.
        output: the file to write, ``.mp4``, ``.gif`` or ``.webp``. It appears under its name when it is
            complete; an existing file is replaced.
        source: video of the sequence; None to draw on a plain background, without sound.
        settings: settings of the drawing; None for the defaults.
        movie: part of the sequence to show, size and sound.
        progress: function called with the number of frames done and in total.

    Raises:
        SourceError: the source cannot be read, or is not the video of the sequence.
        OutputError: the file cannot be written, its images would be too large, or there are too many frames for a
            GIF or WebP.
    """
    suffix = output.suffix.lower()
    if suffix not in (*SUFFIXES, ".mp4"):
        raise OutputError(
            f"{output}: cannot render to {suffix or 'a file without ending'}; use .mp4, .gif or .webp"
        )
    rows = _rows_between(sequence, movie.start, movie.end)
    if not len(rows):
        raise SourceError(
            f"{output}: there is no frame in the requested part; the last is at {_last(sequence):.2f} s"
        )
    settings, times = settings or OverlaySettings(), video_times(sequence)
    rate, width = movie.fps or _ANIMATION_RATE, movie.width
    animated = suffix in SUFFIXES
    if animated:
        width = width or _ANIMATION_WIDTH
        _check_length(output, len(rows), float(times[rows[-1]] - times[rows[0]]), rate)
    with ExitStack() as opened:
        video = None
        if source is not None:
            video = opened.enter_context(open_video(sequence, source, start=float(times[rows[0]]) or None))
            sequence = with_size(sequence, source, video.info.height, video.info.width)
        scale = min(1.0, width / image_size(sequence)[1]) if width else 1.0
        overlay = Overlay(sequence, settings, scale)
        _check_size(output, overlay.size)
        if animated:
            writer: AnimationWriter | VideoWriter = AnimationWriter(output, rate)
        else:
            audio = source if movie.sound and source is not None and Path(source).is_file() else None
            writer = VideoWriter(output, *overlay.size, fps=_mean_fps(sequence), audio_from=audio)
        opened.enter_context(writer)
        frames = people = 0
        first = last = 0.0
        for row, image in _images(sequence, overlay.people, None if settings.skeleton_only else video, rows):
            time = float(times[row])
            writer.write(overlay.draw(row, image), time)
            first, last = (time if not frames else first), time
            frames, people = frames + 1, people + int(overlay.people.counts[row])
            if progress is not None:
                progress(int(np.searchsorted(rows, row)) + 1, len(rows))
        if not frames:
            raise SourceError(
                f"{source}: it has none of the skeletons' frames; give the skeletons' own video"
            )
    return Rendered(frames, last - first, people, overlay.size)


def _check_length(output: Path, frames: int, seconds: float, rate: float) -> None:
    """Check that a GIF or WebP does not become too long.

    Raises:
        OutputError: it does.
    """
    if min(frames, seconds * rate) > _LONGEST_ANIMATION:
        longest = _LONGEST_ANIMATION / rate
        raise OutputError(
            f"{output}: {seconds:.0f} s are too long; choose up to {longest:.0f} s by start and end"
        )


def _check_size(output: Path, size: tuple[int, int]) -> None:
    """Check that images of (height, width) pixels do not become too large.

    Raises:
        OutputError: they do.
    """
    if max(size) > _LARGEST:
        raise OutputError(
            f"{output}: would be {size[1]:,} x {size[0]:,} pixels; give a width, so that no side is"
            f" longer than {_LARGEST:,}",
            setting="width",
        )


def _rows_between(sequence: SkeletonSequence, start: float | None, end: float | None) -> np.ndarray:
    times = video_times(sequence)
    low = 0 if start is None else int(np.searchsorted(times, start))
    high = len(times) if end is None else int(np.searchsorted(times, end))
    return np.arange(low, high)


def _images(
    sequence: SkeletonSequence, people: PeopleByFrame, video: Source | None, rows: np.ndarray
) -> Iterator[tuple[int, np.ndarray | None]]:
    if video is None:
        yield from ((int(row), None) for row in rows)
        return
    last = float(video_times(sequence)[rows[-1]])
    for frame in video:
        row = people.row_of(frame.index)
        if row is not None and row > rows[-1] or frame.time > last + 1:
            return
        if row is None or row < rows[0] or frame.image is None:
            continue
        with_size(sequence, video.info.name, *frame.image.shape[:2])  # each frame may have another one
        yield row, frame.image


def _mean_fps(sequence: SkeletonSequence) -> float:
    times = video_times(sequence)
    spread = float(times[-1] - times[0])
    return min(240.0, max(1.0, (len(times) - 1) / spread)) if spread > 0 else 30.0


def _last(sequence: SkeletonSequence) -> float:
    return float(video_times(sequence)[-1]) if sequence.frames else 0.0
