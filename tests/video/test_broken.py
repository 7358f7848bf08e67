"""Damaged files: what is lost keeps its place, and nothing that follows shifts."""

from __future__ import annotations

import struct

import av
import numpy as np
import pytest

from skelstream.video import open_source
from skelstream.video.decoding import Decoder, Input

CODECS = [
    ("a.mp4", "libx264", {"bf": "3"}),
    ("a.mkv", "libx264", {"bf": "0"}),
    ("a.mp4", "libx265", {"x265-params": "log-level=none:keyint=12:bframes=3"}),
    ("a.webm", "libvpx-vp9", {"cpu-used": "8", "deadline": "realtime"}),
    ("a.avi", "mjpeg", {}),
]


def read(path, **options):
    with open_source(path, **options) as source:
        return list(source), source


@pytest.fixture(scope="module", params=CODECS, ids=[f"{n[2:]}-{c}" for n, c, _ in CODECS])
def intact(request, make, tmp_path_factory):
    name, codec, options = request.param
    path = tmp_path_factory.mktemp(codec) / name
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    return make.encode(path, map(make.marked, range(60)), codec, options=options, pix_fmt=pix_fmt)


def damaged(make, intact, tmp_path, numbers):
    """A copy with these packets garbled, and the display numbers of the frames they were to give."""
    path = tmp_path / intact.name
    touched = make.rewrite(intact, path, lambda n, data: make.garbled(data) if n in numbers else data)
    with open_source(intact) as source:
        tick = 0.04
        base = source._decoder.stream.time_base
        start = source._decoder.stream.start_time or 0
    return path, {round(float((pts - start) * base) / tick) for pts in touched}


@pytest.mark.parametrize(
    "numbers", [{25}, {25, 26, 40}, {0}, {59}, {57, 58}, {13, 58}, set(range(20, 35))], ids=str
)
def test_garbled_packets(make, intact, tmp_path, numbers):
    path, lost = damaged(make, intact, tmp_path, numbers)
    frames, source = read(path)
    assert [f.index for f in frames] == list(range(60))
    np.testing.assert_allclose([f.time for f in frames], np.arange(60) * 0.04, atol=1e-3)
    failed = {f.index for f in frames if not f.ok}
    # Frames that refer to a lost one may be lost as well, up to the key frame of the next group at most.
    assert lost <= failed
    intact_groups = {
        n for n in range(60) if not any(n // 12 == x // 12 or n // 12 == x // 12 + 1 for x in lost)
    }
    assert not failed & intact_groups
    for frame in frames:
        if frame.ok and frame.index in intact_groups:
            assert make.number_in(frame.image) == frame.index
    assert any("failed to decode" in line and path.name in line for line in source.warnings)
    assert all("\n" not in line for line in source.warnings)


@pytest.mark.parametrize("numbers", [{25, 26, 40}, {58}, {52, 59}], ids=str)
def test_frame_threads_lose_no_more_than_one_thread(make, intact, tmp_path, numbers):
    path, _ = damaged(make, intact, tmp_path, numbers)
    outcomes = []
    for frame_threads in (True, False):
        decoder = Decoder(Input.of_file(path), 4, frame_threads)
        outcomes.append([(row.pts, row.frame is not None) for row in decoder.rows()])
        decoder.close()
    assert outcomes[0] == outcomes[1]
    assert len(outcomes[0]) == 60


def test_packets_that_are_missing_are_a_gap_in_time(make, plain, tmp_path):
    make.rewrite(plain, tmp_path / "a.mp4", lambda n, data: None if 36 <= n < 48 else data)
    frames, source = read(tmp_path / "a.mp4")
    assert [make.number_in(f.image) for f in frames] == [*range(36), *range(48, 60)]
    np.testing.assert_allclose(
        [f.time for f in frames], [n * 0.04 for n in (*range(36), *range(48, 60))], atol=1e-3
    )


def test_truncated_matroska(make, tmp_path):
    whole = make.encode(
        tmp_path / "whole.mkv", (make.marked(i % 256) for i in range(250)), options={"bf": "3"}
    )
    data = whole.read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) // 2])
    frames, source = read(tmp_path / "cut.mkv")
    assert 80 < len(frames) < 170
    good = [f for f in frames if f.ok]
    assert len(good) >= len(frames) - 2
    assert [make.number_in(f.image) for f in good] == [f.index for f in good]
    assert any("the last frame is at" in line for line in source.warnings)


def test_truncated_mp4_with_its_header_in_front(make, tmp_path):
    whole = make.encode(tmp_path / "whole.mp4", (make.marked(i % 256) for i in range(250)))
    fast = tmp_path / "fast.mp4"
    with av.open(str(whole)) as old, av.open(str(fast), "w", options={"movflags": "faststart"}) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(old.streams.video[0]):
            if packet.size:
                packet.stream = stream
                new.mux(packet)
    data = fast.read_bytes()
    fast.write_bytes(data[: len(data) * 2 // 3])
    frames, source = read(fast)
    assert 80 < len(frames) <= 250
    good = [f for f in frames if f.ok]
    assert len(good) > 80 and [make.number_in(f.image) for f in good] == [f.index for f in good]
    assert len(source.warnings) >= 2 and any("250 frames" in line for line in source.warnings)


def test_a_header_that_counts_wrong(make, tmp_path):
    path = make.encode(tmp_path / "a.avi", map(make.marked, range(20)), "mjpeg", pix_fmt="yuvj420p")
    data = bytearray(path.read_bytes())
    at = data.index(b"strh") + 8 + 32  # dwLength of the stream header
    assert struct.unpack_from("<I", data, at)[0] == 20
    struct.pack_into("<I", data, at, 23)
    path.write_bytes(data)
    frames, source = read(path)
    assert [make.number_in(f.image) for f in frames] == list(range(20))
    assert any("says 23 frames, there are 20" in line for line in source.warnings)


def test_seeking_in_a_damaged_file_keeps_the_numbers(make, intact, tmp_path):
    path, _ = damaged(make, intact, tmp_path, {5, 6, 15})
    whole, _ = read(path)
    part, _ = read(path, start=1.2)
    assert [(f.index, f.time, f.ok) for f in part] == [
        (f.index, f.time, f.ok) for f in whole if f.time >= 1.2
    ]


def test_nothing_is_left_out_by_every(make, plain, tmp_path):
    make.rewrite(plain, tmp_path / "a.mkv", lambda n, data: make.garbled(data) if n in (24, 25) else data)
    frames, _ = read(tmp_path / "a.mkv", every=2)
    assert [f.index for f in frames] == list(range(0, 60, 2))


def test_frames_that_are_flagged_as_corrupt(make, plain, tmp_path):
    """The head of the picture is intact, so that a decoder conceals the rest of it without an error."""
    spoil = {12, 24, 36, 48}
    lost = make.rewrite(
        plain,
        tmp_path / "a.mp4",
        lambda n, d: d[: len(d) // 2] + make.garbled(d[len(d) // 2 :]) if n in spoil else d,
    )
    frames, _ = read(tmp_path / "a.mp4")
    assert len(frames) == 60 and len(lost) == 4
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        ticks = round(0.04 / stream.time_base)
        flagged = set()
        for packet in container.demux(stream):
            try:
                flagged |= {f.pts // ticks for f in packet.decode() if f.is_corrupt}
            except av.error.InvalidDataError:
                continue
    assert flagged and flagged <= {f.index for f in frames if not f.ok}


def test_a_raw_stream_without_times(make, tmp_path):
    whole = make.encode(tmp_path / "whole.mp4", map(make.marked, range(40)), options={"bf": "0"}, gop=1)
    spoil = {10, 38, 39}
    data = []
    with av.open(str(whole)) as container:
        stream = container.streams.video[0]
        annexb = av.bitstream.BitStreamFilterContext("h264_mp4toannexb", stream)
        for packet in container.demux(stream):
            data += [bytes(p) for p in annexb.filter(packet if packet.size else None)]
    for number in spoil:
        # Past the parameter sets, only the start code and the slice's type stay.
        at = data[number].rindex(b"\0\0\1") + 4
        data[number] = data[number][:at] + b"\xff" * (len(data[number]) - at)
    (tmp_path / "a.h264").write_bytes(b"".join(data))
    frames, _ = read(tmp_path / "a.h264")
    assert len(frames) == 40
    assert {f.index for f in frames if not f.ok} == spoil
    assert all(make.number_in(f.image) == f.index for f in frames if f.ok)
