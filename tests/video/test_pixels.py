"""Colours, shapes and orientation."""

from __future__ import annotations

import struct
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from skelstream.video import open_source
from skelstream.video.pixels import Upright, fit

LIMITED, FULL = 1, 2
BT709, BT601 = 1, 6


def first(path):
    with open_source(path) as source:
        return next(iter(source)).image.astype(int), source.info


def ramp(fmt: str, full: bool) -> av.VideoFrame:
    """256 columns of grey, 0 to 255, in a YUV format of 8 or 10 bits."""
    frame = av.VideoFrame(256, 64, fmt)
    frame.color_range = FULL if full else LIMITED
    bits = 10 if "10" in fmt else 8
    low, span = (0, 2**bits - 1) if full else (16 << bits - 8, 219 << bits - 8)
    luma = np.round(low + np.arange(256) * span / 255)
    for number, plane in enumerate(frame.planes):
        values = np.zeros(
            (plane.height, plane.line_size // (2 if bits > 8 else 1)), np.uint16 if bits > 8 else np.uint8
        )
        values[:, : plane.width] = luma if number == 0 else 1 << bits - 1
        plane.update(values.tobytes())
    return frame


def encode_frame(path, frame, codec="ffv1", **tags):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options={"qp": "0"} if codec == "libx264" else {})
        stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, frame.format.name
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("fmt", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv444p10le"])
def test_grey_ramps_are_not_stretched(tmp_path, fmt, full):
    path = encode_frame(
        tmp_path / "a.mkv",
        ramp(fmt, full),
        "libx264",
        color_range=FULL if full else LIMITED,
        colorspace=BT709,
    )
    image, _ = first(path)
    assert np.abs(image - np.arange(256)[None, :, None]).max() <= 2


def test_the_old_name_for_full_range(tmp_path):
    path = encode_frame(tmp_path / "a.avi", ramp("yuvj420p", True), "mjpeg", qmin=1, qmax=1)
    image, _ = first(path)
    assert np.abs(image - np.arange(256)[None, :, None]).max() <= 4


def test_untagged_frames_have_limited_range():
    frame = ramp("yuv420p", False)
    frame.color_range = 0
    image = Upright(frame, None).image(frame).astype(int)
    assert np.abs(image - np.arange(256)[None, :, None]).max() <= 2


@pytest.mark.parametrize("colour", [(200, 30, 40), (20, 190, 60), (40, 50, 210)])
@pytest.mark.parametrize(
    ("matrix", "height"), [(BT709, 64), (BT601, 64), (None, 64), (BT601, 720), (None, 720)]
)
def test_colours_by_matrix(matrix, height, colour):
    frame = av.VideoFrame(64, height, "yuv444p")
    frame.color_range = LIMITED
    if matrix is not None:
        frame.colorspace = matrix
    red, blue = (
        (0.2126, 0.0722) if (matrix or (BT709 if height >= 720 else BT601)) == BT709 else (0.299, 0.114)
    )
    r, g, b = (c / 255 for c in colour)
    luma = red * r + (1 - red - blue) * g + blue * b
    values = (16 + 219 * luma, 128 + 112 * (b - luma) / (1 - blue), 128 + 112 * (r - luma) / (1 - red))
    for plane, value in zip(frame.planes, values, strict=True):
        plane.update(bytes([round(value)]) * plane.buffer_size)
    image = Upright(frame, None).image(frame)
    np.testing.assert_allclose(image[height // 2, 32], colour, atol=4)


@pytest.mark.parametrize("fmt", ["rgb24", "gray", "bgra", "gbrp10le", "gray16le"])
def test_formats_that_are_not_yuv(tmp_path, fmt):
    grey = np.repeat(np.tile(np.arange(256, dtype=np.uint8), (16, 1))[:, :, None], 3, axis=2)
    frame = av.VideoFrame.from_ndarray(grey, "rgb24").reformat(format=fmt, dst_color_range=FULL)
    name, codec = ("a.mov", "png") if fmt == "rgb24" else ("a.mkv", "ffv1")
    image, _ = first(encode_frame(tmp_path / name, frame, codec))
    assert np.abs(image - grey).max() <= 2


def test_a_palette(make, tmp_path):
    path = make.encode(tmp_path / "a.gif", [make.marked(90)] * 2, "gif", pix_fmt="rgb8")
    image, _ = first(path)
    assert make.number_in(image) == 90


CORNERS = np.full((48, 64, 3), 128, np.uint8)
CORNERS[:16, :16], CORNERS[:16, -16:], CORNERS[-16:, :16] = 255, (255, 0, 0), (0, 0, 255)


@pytest.mark.parametrize("mirror", [False, True], ids=["plain", "mirrored"])
@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("codec", ["libx264", "libvpx-vp9"])
def test_display_matrix(make, tmp_path, turn, mirror, codec):
    path = make.encode(
        tmp_path / "a.mp4",
        [CORNERS] * 3,
        codec,
        prepare=lambda s: s.set_display_rotation(turn, hflip=mirror),
        pix_fmt="yuv444p",
    )
    expected = np.rot90(CORNERS, turn // 90)
    expected = expected[:, ::-1] if mirror else expected
    image, info = first(path)
    assert (info.height, info.width) == image.shape[:2] == expected.shape[:2]
    assert np.abs(image - expected).mean() < 4
    if not mirror:
        assert info.rotation == turn


def test_a_phone_video_whose_header_was_patched(make, tmp_path):
    """The matrix as phones write it, without the muxer's help: a quarter turn clockwise."""
    path = make.encode(tmp_path / "a.mp4", [CORNERS] * 3, pix_fmt="yuv444p")
    data = bytearray(path.read_bytes())
    one, unit = 1 << 16, 1 << 30
    at = data.index(b"tkhd") + 4 + 40
    assert struct.unpack_from(">9i", data, at) == (one, 0, 0, 0, one, 0, 0, 0, unit)
    struct.pack_into(">9i", data, at, 0, one, 0, -one, 0, 0, 48 << 16, 0, unit)
    path.write_bytes(data)
    image, info = first(path)
    assert (info.height, info.width, info.rotation) == (64, 48, 270)
    assert np.abs(image - np.rot90(CORNERS, -1)).mean() < 4


def test_a_stretched_pixel_is_stretched_before_the_turn(make, tmp_path):
    def prepare(stream):
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        stream.set_display_rotation(90)

    image, info = first(make.encode(tmp_path / "a.mp4", [CORNERS] * 3, prepare=prepare))
    assert (info.height, info.width) == image.shape[:2] == (85, 48)


def test_absurd_aspect_ratios_are_ignored():
    frame = av.VideoFrame.from_ndarray(CORNERS, "rgb24")
    for aspect in (None, Fraction(0), Fraction(1000), Fraction(1, 1000)):
        upright = Upright(frame, aspect)
        assert (upright.height, upright.width) == (48, 64)


def test_fit():
    white = np.full((10, 20, 3), 255, np.uint8)
    assert fit(white, 10, 20) is white
    tall = fit(white, 40, 20)
    assert tall[15:25].min() == 255 and tall[:15].max() == tall[25:].max() == 0
    wide = fit(white, 5, 40)
    assert wide[:, 15:25].min() == 255 and wide[:, :15].max() == wide[:, 25:].max() == 0
    assert cv2.countNonZero(fit(np.full((1, 3000, 3), 255, np.uint8), 4, 4)[:, :, 0]) == 4
