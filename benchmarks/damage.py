"""Number of damaged frames that are decoded as if intact, for each codec.

    python benchmarks/damage.py

Small videos are encoded, a few bits of each copy are flipped, and every decoded frame is compared with the
intact one. A frame counts as damaged if a pixel differs by more than 24 of 255.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import av
import numpy as np

from skelstream.errors import SourceError
from skelstream.video import open_source

_HEIGHT, _WIDTH, _FRAMES, _GROUP, _RATE = 128, 160, 50, 12, 25
_TOLERANCE = 24
_CODECS = [
    ("H.264", "mp4", "libx264", "yuv420p", {"bf": "2"}),
    ("H.264 in TS", "ts", "libx264", "yuv420p", {"bf": "2"}),
    ("VP9", "webm", "libvpx-vp9", "yuv420p", {"cpu-used": "8", "deadline": "realtime"}),
    ("AV1", "mkv", "libsvtav1", "yuv420p", {"preset": "12"}),
    ("MPEG-2", "ts", "mpeg2video", "yuv420p", {}),
    ("MPEG-4 part 2", "avi", "mpeg4", "yuv420p", {"qscale": "3"}),
    ("MJPEG", "avi", "mjpeg", "yuvj420p", {}),
    ("HEVC", "mp4", "libx265", "yuv420p", {"x265-params": "log-level=none:keyint=12:bframes=3"}),
    ("VP8", "webm", "libvpx", "yuv420p", {}),
    ("FFV1 with checksums", "mkv", "ffv1", "yuv420p", {"level": "3", "slicecrc": "1"}),
    ("WMV2", "wmv", "wmv2", "yuv420p", {}),
    ("FLV1", "flv", "flv", "yuv420p", {}),
    ("ProRes", "mov", "prores_ks", "yuv422p10le", {}),
    ("HuffYUV", "avi", "huffyuv", "yuv422p", {}),
    ("GIF", "gif", "gif", "rgb8", {}),
]


def picture(number: int) -> np.ndarray:
    """Return uint8 RGB (128, 160, 3): drifting waves, in which any damage is visible."""
    y, x = np.mgrid[:_HEIGHT, :_WIDTH]
    grey = 128 + 60 * np.sin((x + 2 * number) / 9) + 50 * np.cos((y - number) / 7)
    return np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)


def encode(path: Path, codec: str, pixels: str, options: dict[str, str]) -> None:
    """Write the test video."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=_RATE, options=options)
        stream.height, stream.width, stream.pix_fmt, stream.gop_size = _HEIGHT, _WIDTH, pixels, _GROUP
        for number in range(_FRAMES):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(number), "rgb24")))
        container.mux(stream.encode(None))


def measure(path: Path, files: int, bits: int) -> list[int]:
    """Return the numbers of damaged frames shown, frames left out, and files with damage but no warning."""
    with open_source(path) as source:
        intact = [frame.image.astype(int) for frame in source]
    shown = left_out = silent = 0
    for seed in range(files):
        data, rng = bytearray(path.read_bytes()), np.random.default_rng(seed)
        for position in rng.integers(len(data) // 20 + 600, len(data) * 9 // 10, bits):
            data[position] ^= 1 << rng.integers(8)
        broken = path.with_name(f"broken{path.suffix}")
        broken.write_bytes(data)
        try:
            with open_source(broken) as source:
                frames, warnings = list(source), source.warnings
        except SourceError:
            continue
        damaged = 0
        for frame in frames:
            number = round(frame.time * _RATE)
            if frame.image is None:
                left_out += 1
            elif number < _FRAMES:
                original = intact[number]
                damaged += (
                    frame.image.shape != original.shape or np.abs(frame.image - original).max() > _TOLERANCE
                )
        shown += int(damaged)
        silent += int(damaged > 0 and not warnings)
    return [shown, left_out, silent]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=10, help="damaged copies of each video")
    parser.add_argument("--bits", type=int, default=8, help="bits flipped in each copy")
    arguments = parser.parse_args()
    print(
        "| codec | damaged frames shown | frames left out | files with damage and no warning |\n"
        "|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, ending, codec, pixels, options in _CODECS:
            path = Path(folder) / f"{codec}.{ending}"
            encode(path, codec, pixels, options)
            print(
                f"| {name} | {' | '.join(map(str, measure(path, arguments.files, arguments.bits)))} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
