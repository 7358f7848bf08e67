"""Tests of packets that are known to be damaged before they are decoded."""

from __future__ import annotations

import av
import numpy as np
import pytest

from skelstream.video import open_source


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize("hole", [0, 100])
def test_a_hole_of_zeros_in_h264_and_hevc_is_damage(tmp_path, codec, hole):
    path = tmp_path / "clip.mkv"
    noise = np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8)
    parameters = "-params".join([codec.removeprefix("lib"), ""])
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10, options={"g": "5", parameters: "log-level=none"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for _ in range(10):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noise)))
        container.mux(stream.encode())
    with av.open(str(path)) as container:
        largest = max((bytes(packet) for packet in container.demux(video=0)), key=len)
    data = bytearray(path.read_bytes())
    middle = data.index(largest) + len(largest) // 2
    data[middle : middle + hole] = bytes(hole)
    path.write_bytes(data)
    with open_source(path) as source:
        lost = [frame.index for frame in source if frame.image is None]
        assert bool(lost) == bool(source.warnings) == bool(hole)
