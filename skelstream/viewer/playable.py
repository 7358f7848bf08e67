"""Videos that browsers play, and copies of the others that they do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import cv2

from skelstream.errors import SourceError
from skelstream.video import Frame, VideoWriter, open_source
from skelstream.video.decoding import Input, choose_stream, open_container

# What Chrome, Firefox and Safari all play, by FFmpeg's names.
_CODECS = {"h264", "vp8", "vp9", "av1", "libdav1d", "theora"}
_PIXELS = {"yuv420p", "yuvj420p"}
_CONTAINERS = {"mov", "mp4"}
_SUFFIXES = {".webm", ".ogv"}
_LONG_SIDE, _QUALITY = 960, 26


def plays(video: Path) -> bool:
    """Whether browsers play a video: H.264, VP8, VP9 or AV1 of eight bits in MP4 or WebM.

    A file that is no video to FFmpeg is for the browser to refuse.
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


def playable_copy(
    video: Path,
    copy: Path,
    progress: Callable[[Iterable[Frame], int | None], Iterable[Frame]] = lambda frames, _: frames,
) -> None:
    """A small H.264 copy without sound: each frame at its time, at most 960 pixels long.

    Args:
        video: the file to copy.
        copy: the MP4 to write; one that is there is replaced.
        progress: goes over the frames, whose number it is told where it is known.

    Raises:
        SourceError: the video cannot be read.
        OutputError: the copy cannot be written.
    """
    with open_source(video) as source:
        info = source.info
        scale = min(1.0, _LONG_SIDE / max(info.height, info.width))
        height, width = max(1, round(info.height * scale)), max(1, round(info.width * scale))
        with VideoWriter(copy, height, width, fps=info.fps or 30.0, quality=_QUALITY) as writer:
            for frame in progress(source, info.frames):
                if frame.image is not None:
                    image = cv2.resize(frame.image, (width, height), interpolation=cv2.INTER_AREA)
                    writer.write(image, frame.time)
