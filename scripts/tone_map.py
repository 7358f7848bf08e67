"""Write the table by which images in PQ are tone mapped, with FFmpeg's scaler (FFmpeg 8 or later).

python scripts/tone_map.py
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from av import VideoFrame
from av.filter import Graph

import skelstream.video
from skelstream.video.filters import TABLE

_LEVEL = 6  # of a Hald image: 36 values per channel
_TO = "out_transfer=bt709:out_primaries=bt709:out_range=pc:intent=perceptual"


def main() -> None:
    values = np.linspace(0, 65535, _LEVEL**2).round().astype(np.uint16)
    blue, green, red = np.meshgrid(values, values, values, indexing="ij")
    side = _LEVEL**3
    colours = np.ascontiguousarray(np.stack([red, green, blue], -1).reshape(side, side, 3))
    frame = VideoFrame.from_ndarray(colours, "rgb48le")
    frame.color_trc, frame.color_primaries, frame.color_range, frame.colorspace = 16, 9, 2, 0
    graph = Graph()
    last = graph.add_buffer(width=side, height=side, format=frame.format, time_base=Fraction(1, 1000))
    for name, options in (("scale", _TO), ("format", "gbrp16le"), ("buffersink", "")):
        node = graph.add(name, options)
        last.link_to(node)
        last = node
    graph.configure()
    graph.vpush(frame)
    mapped = graph.vpull().reformat(format="rgb48le").to_ndarray() / 257
    path = Path(skelstream.video.__path__[0]) / TABLE
    cv2.imwrite(str(path), mapped.round().astype(np.uint8)[..., ::-1])
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
