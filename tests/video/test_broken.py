"""Damaged files: what is lost keeps its place, and nothing that follows shifts."""

from __future__ import annotations

import struct
from fractions import Fraction

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


def test_an_avi_that_counts_milliseconds_has_all_its_frames(tmp_path):
    path = tmp_path / "clip.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for number in range(10):
            frame = av.VideoFrame.from_ndarray(np.full((64, 96, 3), number * 9, np.uint8))
            frame.pts, frame.time_base = number * 40, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with open_source(path) as source:
        assert [round(frame.time, 3) for frame in source] == [round(n * 0.04, 3) for n in range(10)]
        assert source.warnings == []


def test_repeated_frames_are_no_loss(make, tmp_path):
    """AVI counts them, and they are gaps in time."""
    kept = [i for i in range(28) if i not in (5, 6, 17, 23)]
    path = make.encode(
        tmp_path / "a.avi",
        map(make.marked, kept),
        "mpeg4",
        times=[i / 25 for i in kept],
        tick=Fraction(1, 25),
    )
    frames, source = read(path)
    assert [round(f.time * 25) for f in frames] == kept and source.info.frames == 28
    assert source.warnings == []
    data = path.read_bytes()
    begin = data.index(b"movi")
    path.write_bytes(data[: begin + (len(data) - begin) // 2])
    frames, source = read(path)
    assert len(frames) < 24 and any("says 28 frames" in line for line in source.warnings)


def test_frames_that_an_edit_list_hides_are_no_loss(make, plain, tmp_path):
    path = tmp_path / "cut.mp4"
    with av.open(str(plain)) as old, av.open(str(path), "w") as new:
        before = old.streams.video[0]
        stream = new.add_stream_from_template(before)
        shift = int(1.2 / before.time_base)
        old.seek(shift, stream=before)
        for packet in old.demux(before):
            if packet.size:
                packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, stream
                new.mux(packet)
    frames, source = read(path)
    assert [make.number_in(f.image) for f in frames] == list(range(30, 60))
    assert source.info.frames == 36 and source.warnings == []


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


def flipped(path, target, seed, share=(0.1, 0.9), flips=8):
    """A copy with some bits flipped."""
    data, rng = bytearray(path.read_bytes()), np.random.default_rng(seed)
    for at in rng.integers(int(len(data) * share[0]), int(len(data) * share[1]), flips):
        data[at] ^= 1 << rng.integers(8)
    target.write_bytes(data)
    return target


def textured(number):
    """An image in which any damage can be seen."""
    y, x = np.mgrid[:96, :128]
    grey = 128 + 60 * np.sin((x + 2 * number) / 9) + 50 * np.cos((y - number) / 7)
    return np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.ts", "libx264", {"bf": "2"}),
        ("a.mkv", "libx264", {"bf": "0"}),
        ("a.webm", "libvpx-vp9", {"cpu-used": "8", "deadline": "realtime"}),
    ],
)
def test_frames_predicted_from_damaged_ones_are_marked(make, tmp_path, name, codec, options):
    path = make.encode(tmp_path / name, map(textured, range(48)), codec, options=options)
    intact = [f.image for f in read(path)[0]]
    shown = damaged = lost = 0
    for seed in range(1, 6):
        broken = flipped(path, tmp_path / f"{seed}{name}", seed)
        (frames, source), (again, _) = read(broken), read(broken)
        assert [f.ok for f in read(broken, threads=1)[0]] == [f.ok for f in frames]
        for frame, other in zip(frames, again, strict=True):
            assert (frame.index, frame.ok) == (other.index, other.ok)
            if frame.ok:
                assert np.array_equal(frame.image, other.image)
                shown += 1
                damaged += np.abs(frame.image.astype(int) - intact[round(frame.time * 25)]).max() > 24
            lost += not frame.ok
        assert all(f.ok for f in frames) or "failed to decode" in "".join(source.warnings)
    # Each codec lets some damage pass that looks to it like an image.
    assert shown > 50 and lost > 50 and damaged < 20


def test_intact_frames_before_a_truncation_are_kept(make, tmp_path):
    path = make.encode(
        tmp_path / "a.mp4", map(textured, range(60)),
        options={"bf": "3"}, muxer={"movflags": "frag_keyframe+empty_moov"},
    )  # fmt: skip
    data = path.read_bytes()
    for share in (0.55, 0.7, 0.9):
        path.write_bytes(data[: int(len(data) * share)])
        with av.open(str(path)) as container:
            stream, decoded = container.streams.video[0], 0
            stream.thread_type = "NONE"
            for packet in container.demux(stream):
                try:
                    decoded += len(packet.decode())
                except av.error.InvalidDataError:
                    continue
        frames, _ = read(path)
        assert decoded > 20 and sum(f.ok for f in frames) == decoded


def test_a_file_without_an_intact_image_gives_damaged_ones(make, tmp_path):
    path = make.encode(tmp_path / "whole.avi", map(textured, range(40)), "mpeg4", gop=100)
    make.rewrite(path, tmp_path / "a.avi", lambda n, data: make.garbled(data) if n == 0 else data)
    frames, source = read(tmp_path / "a.avi")
    assert any(f.ok for f in frames)
    assert any("no frame is intact" in line for line in source.warnings)


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
    """The head of the image is intact, so that a decoder conceals the rest of it without an error."""
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


def dropped(path, target, seed, count=2):
    """A copy of a transport stream without some of its video packets."""
    data = path.read_bytes()
    parts = [data[at : at + 188] for at in range(0, len(data), 188)]
    video = [n for n, p in enumerate(parts) if int.from_bytes(p[1:3]) & 0x1FFF == 0x100]
    lost = set(np.random.default_rng(seed).choice(video[8:-8], count, replace=False))
    target.write_bytes(b"".join(p for n, p in enumerate(parts) if n not in lost))
    return target


def differs(image, intact):
    """Whether an image is none of the intact ones."""
    return min(np.abs(image.astype(int) - other).max() for other in intact) > 24


@pytest.mark.parametrize("codec", ["libx264", "libx265", "mpeg2video", "mpeg4"])
def test_packets_lost_from_a_transport_stream_are_seen(make, tmp_path, codec):
    options = {"x265-params": "log-level=none:keyint=12:bframes=2"} if codec == "libx265" else {"bf": "2"}
    path = make.encode(tmp_path / "a.ts", map(textured, range(48)), codec, options=options)
    intact = [f.image for f in read(path)[0]]
    shown = 0
    for seed in range(6):
        frames, source = read(dropped(path, tmp_path / "b.ts", seed))
        shown += sum(differs(f.image, intact) for f in frames if f.ok)
        assert any("failed to decode" in line for line in source.warnings)
        assert sum(f.ok for f in frames) > 4
    assert shown < 3


def test_two_joined_transport_streams_are_no_damage(make, tmp_path):
    parts = [
        make.encode(tmp_path / f"{i}.ts", map(textured, range(40)), "mpeg4").read_bytes() for i in (0, 1)
    ]
    (tmp_path / "a.ts").write_bytes(b"".join(parts))
    frames, source = read(tmp_path / "a.ts")
    assert len(frames) == 80 and all(f.ok for f in frames) and not source.warnings


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.ts", "mpeg4"), ("a.avi", "mpeg4"), ("a.ts", "mpeg2video"), ("a.mkv", "libx264"), ("a.wmv", "wmv2")]
    + [("a.flv", "flv"), ("a.mov", "qtrle")],
)  # fmt: skip
def test_a_video_that_begins_between_key_frames(make, tmp_path, name, codec):
    pixels = "rgb24" if codec == "qtrle" else "yuv420p"
    options = {"bf": "2"} if name == "a.ts" else {}
    path = make.encode(
        tmp_path / f"whole{name}", map(textured, range(48)), codec, options=options, pix_fmt=pixels
    )
    intact = [f.image for f in read(path)[0]]
    for count in (1, 5, 17):
        make.rewrite(path, tmp_path / name, lambda n, data, count=count: None if n < count else data)
        frames, _ = read(tmp_path / name)
        assert sum(f.ok for f in frames) >= 24
        assert not any(differs(f.image, intact) for f in frames if f.ok)
        if codec != "libx264":  # its decoder begins with the first key frame
            assert not frames[0].ok and not frames[0].index


def test_a_flipped_bit_contradicts_the_checksums_of_ffv1(make, tmp_path):
    for kind in ("1", "2"):
        options = {"level": "3", "slicecrc": kind, "slices": "4", "strict": "experimental"}
        path = make.encode(tmp_path / "a.mkv", map(textured, range(24)), "ffv1", options=options, gop=6)
        intact = [f.image for f in read(path)[0]]
        for seed in range(3):
            broken = flipped(path, tmp_path / "b.mkv", seed, flips=1)
            (frames, source), (again, _) = read(broken), read(broken)
            assert [f.ok for f in frames] == [f.ok for f in again]
            assert 1 <= sum(not f.ok for f in frames) <= 12  # a slice resets nothing but at key frames
            assert not any(differs(f.image, intact) for f in frames if f.ok)
            assert "failed to decode" in source.warnings[0]


@pytest.mark.parametrize(
    "options", [{"level": "1"}, {"level": "3", "slicecrc": "0"}, {"level": "3"}], ids=str
)
def test_intact_ffv1_of_any_version(make, tmp_path, options):
    path = make.encode(tmp_path / "a.mkv", map(textured, range(8)), "ffv1", options=options)
    frames, source = read(path)
    assert len(frames) == 8 and all(f.ok for f in frames) and not source.warnings


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.flv"])
def test_a_last_frame_that_is_shown_long_is_no_loss(make, tmp_path, name):
    path = make.encode(
        tmp_path / name, map(make.marked, range(6)), times=[10.0 * i for i in range(6)],
        prepare=lambda stream: setattr(stream, "rate", Fraction(1, 10)),
    )  # fmt: skip
    frames, source = read(path)
    assert [round(f.time) for f in frames] == [0, 10, 20, 30, 40, 50] and not source.warnings


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.flv"])
@pytest.mark.parametrize("lost", [False, True])
def test_pictures_that_begin_after_the_sound(make, tmp_path, name, lost):
    """The container is longer than the pictures, but both end together; unless the last pictures are lost."""
    video = make.encode(tmp_path / "video.mp4", map(make.marked, range(75)))
    with av.open(str(video)) as old, av.open(str(tmp_path / name), "w") as new:
        pictures, sound = (
            new.add_stream_from_template(old.streams.video[0]),
            new.add_stream("aac", rate=48000),
        )
        sound.layout = "mono"
        packets = []
        for number, packet in enumerate(p for p in old.demux(video=0) if p.size):
            packet.pts, packet.dts = (t + round(3 / packet.time_base) for t in (packet.pts, packet.dts))
            packet.stream = pictures
            packets += [packet] * (not lost or number < 36)
        for at in range(0, 6 * 48000, 1024):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            frame.sample_rate, frame.pts, frame.time_base = 48000, at, Fraction(1, 48000)
            packets += sound.encode(frame)
        for packet in sorted(packets, key=lambda p: p.dts * p.time_base):
            new.mux(packet)
    frames, source = read(tmp_path / name)
    assert len(frames) == (36 if lost else 75)
    # Only FLV has no length of the pictures alone.
    assert [("the last frame is at" in line) for line in source.warnings] == [True] * (
        lost and name == "a.flv"
    )
