"""Generated test videos: each frame carries its number as a pattern that survives compression."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

BITS = 8
CELL = 16
HEIGHT, WIDTH = 48, BITS * CELL


def marked(number: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """An image (height, width, 3) whose upper half shows ``number`` as black and white cells."""
    image = np.repeat(np.linspace(40, 200, height).astype(np.uint8)[:, None], width, axis=1)
    edges = np.linspace(0, width, BITS + 1).astype(int)
    for bit in range(BITS):
        image[: height // 2, edges[bit] : edges[bit + 1]] = 235 if number >> bit & 1 else 16
    return np.repeat(image[:, :, None], 3, axis=2)


def number_in(image: np.ndarray) -> int:
    """Read the number that :func:`marked` wrote into an image of any size."""
    height, width = image.shape[:2]
    centres = ((np.arange(BITS) + 0.5) * width / BITS).astype(int)
    cells = [image[height // 8 : height * 3 // 8, c - 1 : c + 2].mean() > 127 for c in centres]
    return sum(1 << bit for bit, on in enumerate(cells) if on)


def encode(
    path: Path,
    images: Iterable[np.ndarray],
    codec: str = "libx264",
    *,
    times: Sequence[float] | None = None,
    pix_fmt: str = "yuv420p",
    gop: int = 12,
    options: dict[str, str] | None = None,
    prepare=lambda stream: None,
    form: str | None = None,
    tick: Fraction | None = None,
    muxer: dict[str, str] | None = None,
) -> Path:
    """Writes a video at 25 frames/s, or with the given times in seconds (multiples of a millisecond, or of
    the tick)."""
    container = av.open(str(path), "w", format=form, options=muxer or {})
    stream = container.add_stream(codec, rate=25, options=options or {})
    stream.pix_fmt, stream.gop_size = pix_fmt, gop
    tick = tick or (Fraction(1, 25) if times is None else Fraction(1, 1000))
    stream.codec_context.time_base = stream.time_base = tick
    prepare(stream)
    for i, image in enumerate(images):
        frame = av.VideoFrame.from_ndarray(image, "rgb24")
        if i == 0:
            stream.height, stream.width = image.shape[:2]
        frame.time_base = tick
        frame.pts = i if times is None else round(times[i] / tick)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
    container.close()
    return path


def rewrite(source: Path, target: Path, change, form: str | None = None) -> list[int]:
    """Copies the packets of a video, each through ``change(number, bytes)``; None leaves one out.

    Returns the timestamps of the packets that changed.
    """
    touched = []
    with av.open(str(source)) as old, av.open(str(target), "w", format=form) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for number, packet in enumerate(p for p in old.demux(old.streams.video[0]) if p.size):
            data = change(number, bytes(packet))
            if data != bytes(packet):
                touched.append(packet.pts)
            if data is None:
                continue
            copy = av.Packet(data)
            copy.pts, copy.dts, copy.duration = packet.pts, packet.dts, packet.duration
            copy.time_base, copy.is_keyframe, copy.stream = packet.time_base, packet.is_keyframe, stream
            new.mux(copy)
    return touched


def garbled(data: bytes) -> bytes:
    """Return other bytes of the same length, which no decoder can decode.

    The first byte stays, from which the WebM muxer reads whether a VP9 frame is shown.
    """
    values = np.frombuffer(data, np.uint8).astype(int)
    changed = ((values * 37 + 91 + np.arange(len(values)) ** 2) % 256).astype(np.uint8)
    changed[0] = data[0]
    return changed.tobytes()


def shared_media() -> Path | None:
    """The folder with the development clips, if there is one."""
    folder = Path(os.environ.get("SKELSTREAM_DATA", Path(__file__).parents[2].parent / "shared"))
    return folder / "video" if (folder / "video").is_dir() else None


@pytest.fixture(scope="session")
def make():
    """The helpers of this module, for test modules, which cannot import it."""
    return sys.modules[__name__]


@pytest.fixture(scope="session")
def plain(tmp_path_factory) -> Path:
    """60 frames, 25 frames/s, H.264 with B-frames and a key frame each 12."""
    path = tmp_path_factory.mktemp("plain") / "plain.mp4"
    return encode(path, (marked(i) for i in range(60)), options={"bf": "3"})
