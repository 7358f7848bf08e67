"""Interlaced images and images in PQ."""

from __future__ import annotations

import time

import av
import cv2
import numpy as np
import pytest

from skelstream.video import open_source
from skelstream.video.filters import ToneMap, _graph


def combed(image):
    """How much each second line differs from the mean of those beside it."""
    grey = image[..., 0].astype(int)
    return np.abs(2 * grey[1:-1:2] - grey[:-2:2] - grey[2::2]).mean()


def moving(moment):
    picture = np.full((96, 160), 40, np.uint8)
    x = 4 * moment % 140
    picture[:, x : x + 12] = 230
    return picture


def interlaced(number):
    """Two moments in one image, a field each."""
    picture = moving(2 * number)
    picture[1::2] = moving(2 * number + 1)[1::2]
    return np.repeat(picture[:, :, None], 3, axis=2)


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.ts", "mpeg2video", {"flags": "+ildct+ilme", "b:v": "4M"}),
        ("a.mp4", "libx264", {"flags": "+ildct", "x264-params": "tff=1"}),
    ],
)
def test_interlaced_frames_become_whole_images(make, tmp_path, name, codec, options):
    path = make.encode(tmp_path / name, map(interlaced, range(20)), codec, options=options)
    with av.open(str(path)) as container:
        raw = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    with open_source(path) as source:
        frames = list(source)
    assert np.mean([combed(image) for image in raw]) > 10 * np.mean([combed(f.image) for f in frames])
    assert [f.index for f in frames] == list(range(20))
    assert [f.time for f in frames] == pytest.approx([i / 25 for i in range(20)], abs=1e-3)
    # Each image is that of its own moment: the bar has gone as far as in the first field.
    bar = [np.flatnonzero(f.image[48, :, 0] > 150).mean() for f in frames[:15]]
    assert np.diff(bar) == pytest.approx([8] * 14, abs=1.5)
    assert [("bwdif" in line) for line in source.warnings] == [True]


def test_lost_frames_keep_their_place_in_the_filter(make, tmp_path):
    path = make.encode(
        tmp_path / "whole.mp4", map(interlaced, range(24)), options={"flags": "+ildct", "x264-params": "tff=1:scenecut=0", "bf": "0"},
    )  # fmt: skip
    make.rewrite(path, tmp_path / "a.mp4", lambda n, data: make.garbled(data) if n == 6 else data)
    with open_source(tmp_path / "a.mp4") as source:
        frames = list(source)
    assert [f.index for f in frames] == list(range(24))
    assert [f.ok for f in frames] == [True] * 6 + [False] * 6 + [True] * 12


def test_progressive_frames_are_left_alone(make, plain):
    with open_source(plain) as source:
        assert all(make.number_in(f.image) == f.index for f in source) and source.warnings == []


def pq(nits):
    """The code, 0 to 1, of a luminance by SMPTE ST 2084."""
    root = (np.asarray(nits) / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * root) / (1 + 18.6875 * root)) ** 78.84375


@pytest.mark.parametrize("declared", [True, False])
def test_images_in_pq_are_brought_to_the_usual_range(tmp_path, declared):
    """Bars of 1 to 1000 cd/m2: a white sheet of 203 cd/m2 is bright, not the grey that its code is."""
    nits = [1, 10, 50, 203, 1000]
    luma = np.repeat((64 + 876 * pq(nits)).round().astype(np.uint16), 16)
    frame = av.VideoFrame(80, 48, "yuv420p10le")
    for plane, row in zip(
        frame.planes, (luma, np.full(40, 512, np.uint16), np.full(40, 512, np.uint16)), strict=True
    ):
        lines = np.zeros((plane.height, plane.line_size // 2), np.uint16)
        lines[:, : len(row)] = row
        plane.update(lines.tobytes())
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx265", rate=25, options={"crf": "4", "x265-params": "log-level=none"}
        )
        stream.width, stream.height, stream.pix_fmt = 80, 48, "yuv420p10le"
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace = (9, 16 if declared else 1, 9)
        frame.color_primaries, frame.color_trc, frame.colorspace, frame.color_range = (
            9,
            context.color_trc,
            9,
            1,
        )
        for pts in range(3):
            frame.pts = pts
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with open_source(path) as source:
        bars = [int(value) for value in next(iter(source)).image[24, 8::16].mean(1)]
        warnings = source.warnings
    assert bars == sorted(bars)
    if declared:
        assert bars[0] < 40 and 135 < bars[3] < 200 and bars[4] - bars[2] > 90
        assert "tone mapped" in warnings[0]
    else:
        assert warnings == [] and bars == pytest.approx(255 * pq(nits), abs=4)


def test_tone_mapping_starts_at_once():
    """FFmpeg's scaler alone needs seconds for the first image."""
    frame = av.VideoFrame(160, 96, "yuv420p10le")
    frame.color_trc, frame.color_primaries, frame.colorspace = 16, 9, 9
    started = time.process_time()
    mapped = ToneMap()(frame)
    assert time.process_time() - started < 1 and int(mapped.color_trc) == 1


@pytest.mark.slow
def test_the_table_maps_as_ffmpegs_scaler_does():
    rng = np.random.default_rng(0)
    codes = cv2.resize(rng.integers(0, 700, (6, 8, 3)).astype(np.float32), (160, 96))
    frame = av.VideoFrame.from_ndarray((codes * 64).round().astype(np.uint16), "rgb48le").reformat(
        format="gbrp10le"
    )
    frame.color_trc, frame.color_primaries, frame.colorspace, frame.color_range = 16, 9, 0, 2
    to = "out_transfer=bt709:out_primaries=bt709:out_range=pc:intent=perceptual"
    graph, images = _graph(frame, [("scale", to), ("format", "gbrp10le")])
    images.push(frame)
    wanted = graph.vpull().reformat(format="rgb24").to_ndarray()
    difference = np.abs(ToneMap()(frame).reformat(format="rgb24").to_ndarray().astype(int) - wanted)
    assert difference.mean() < 2 and np.percentile(difference, 99) < 12
