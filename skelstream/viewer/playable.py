"""Check whether browsers play a video, and conversion of those that they do not play."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np

from skelstream.drawing.by_frame import video_times, with_size
from skelstream.errors import SourceError
from skelstream.sequences import SkeletonSequence
from skelstream.video import Frame, VideoWriter, open_source
from skelstream.video.decoding import Input, choose_stream, open_container
from skelstream.video.image_folder import IMAGE_SUFFIXES

# Codecs and formats that Chrome, Firefox and Safari all play, by FFmpeg's names.
_CODECS = {"h264", "vp8", "vp9", "av1", "libdav1d", "theora"}
_PIXELS = {"yuv420p", "yuvj420p"}
_CONTAINERS = {"mov", "mp4"}
_SUFFIXES = {".webm", ".ogv"}
_LONG_SIDE, _QUALITY = 960, 26
# Seconds by which the last frame of a sequence and that of its video may be apart.
_SECONDS_APART = 0.4


def plays(video: Path) -> bool:
    """Return whether browsers play a video: H.264, VP8, VP9 or AV1 with eight bits in MP4 or WebM.

    A file that FFmpeg cannot read counts as playable: the browser decides.
    """
    try:
        container = open_container(Input.of_file(video))
    except SourceError:
        return True
    with container:
        try:
            codec = choose_stream(container, str(video)).codec_context
        except SourceError:
            return True
        names = set(container.format.name.split(","))
        known = bool(names & _CONTAINERS) or video.suffix.lower() in _SUFFIXES
        return known and codec.name in _CODECS and codec.pix_fmt in _PIXELS


def video_of(sequence: SkeletonSequence) -> Path | None:
    """Return the video file that a sequence names as its source; None if it is no such file here."""
    name = str(sequence.meta.get("source") or "")
    if not name or "\0" in name:
        return None
    path = Path(name)
    return path if path.is_file() and path.suffix.lower() not in IMAGE_SUFFIXES - {".webp"} else None


def sized(sequence: SkeletonSequence, video: Path) -> tuple[SkeletonSequence, str]:
    """Return a sequence with the image size of its video, on which the page draws it, and a line if their frame rates differ.

    A file that FFmpeg cannot read leaves the sequence as it is: the browser decides.

    Raises:
        SourceError: the video has another size than the sequence.
    """
    try:
        with open_source(video) as opened:
            info = opened.info
    except SourceError:
        return sequence, ""
    return with_size(sequence, video, info.height, info.width), _other_rate(sequence, video, info.fps)


def _other_rate(sequence: SkeletonSequence, video: Path, rate: float | None) -> str:
    """Return a line if a video, whose mean frame rate is given, does not have the frames of a sequence at their times."""
    if rate is None or sequence.frames < 2 or sequence.meta.get("resampled"):
        return ""
    seconds = float(np.ptp(video_times(sequence)[[0, -1]]))
    frames = int(np.ptp(sequence.frame_index[[0, -1]]))
    if seconds <= 0 or abs(seconds - frames / rate) < _SECONDS_APART:
        return ""
    return (
        f"it has {frames / seconds:.4g} frames a second, and {video} {rate:.4g}; give the rate of a file without times, or the"
        " video that it was made from"
    )


def playable_copy(
    video: Path,
    copy: Path,
    progress: Callable[[Iterable[Frame], int | None], Iterable[Frame]] = lambda frames, _: frames,
) -> None:
    """Write an H.264 copy of a video without sound, at most 960 pixels on its longer side, with the same times.

    Args:
        video: the video file.
        copy: the MP4 file to write; an existing file is replaced.
        progress: function from the frames and their number, None if unknown, to the frames, to show progress.

    Raises:
        SourceError: the video cannot be read.
        OutputError: the copy cannot be written.
    """
    with open_source(video) as source:
        info = source.info
        scale = min(1.0, _LONG_SIDE / max(info.height, info.width))
        height, width = max(1, round(info.height * scale)), max(1, round(info.width * scale))
        with VideoWriter(copy, height, width, fps=info.fps or 30.0, quality=_QUALITY) as writer:
            begun = False
            for frame in progress(source, info.frames):
                if frame.image is not None:
                    image = cv2.resize(frame.image, (width, height), interpolation=cv2.INTER_AREA)
                    if not begun and frame.time > 0:
                        writer.write(image, 0.0)  # the writer's first frame is at 0
                    begun = True
                    writer.write(image, frame.time)
