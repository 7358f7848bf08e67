"""Video files of every kind."""

from __future__ import annotations

import os
import tracemalloc
from fractions import Fraction

import av
import numpy as np
import pytest

from skelstream.errors import SettingsError, SourceError
from skelstream.video import open_source
from skelstream.video.decoding import Decoder, gives_frame


def read(path, **options):
    with open_source(path, **options) as source:
        return list(source), source


def check_whole(make, frames, count, step=0.04):
    """Every frame is there, intact, at its place and time."""
    assert [f.index for f in frames] == list(range(count))
    assert [make.number_in(f.image) for f in frames] == list(range(count))
    np.testing.assert_allclose([f.time for f in frames], np.arange(count) * step, atol=1e-3)


def test_frames_have_numbers_times_and_images(make, plain):
    frames, source = read(plain)
    check_whole(make, frames, 60)
    info = source.info
    assert (info.name, info.height, info.width, info.rotation) == (str(plain), make.HEIGHT, make.WIDTH, 0)
    assert (info.fps, info.duration, info.frames, info.live) == (25, pytest.approx(2.4), 60, False)
    assert source.warnings == []
    for frame in frames:
        assert (
            frame.image.dtype == np.uint8 and frame.image.flags.c_contiguous and frame.image.flags.writeable
        )
        assert frame.image.shape == (make.HEIGHT, make.WIDTH, 3)


CODECS = [
    ("a.mkv", "libx264", {"bf": "3"}),
    ("a.ts", "libx264", {"bf": "3"}),
    ("a.avi", "libx264", {"bf": "3"}),
    ("a.avi", "mpeg4", {"bf": "2"}),
    ("a.avi", "mjpeg", {}),
    ("a.mov", "prores_ks", {}),
    ("a.mp4", "libx265", {"x265-params": "log-level=none:bframes=3"}),
    ("a.webm", "libvpx", {"cpu-used": "8", "auto-alt-ref": "1", "lag-in-frames": "12"}),
    ("a.webm", "libvpx-vp9", {"cpu-used": "8", "auto-alt-ref": "1", "lag-in-frames": "12"}),
    ("a.mpg", "mpeg2video", {"bf": "2"}),
    ("a.gif", "gif", {}),
]


@pytest.mark.parametrize(("name", "codec", "options"), CODECS, ids=[f"{n[2:]}-{c}" for n, c, _ in CODECS])
def test_containers_and_codecs(make, tmp_path, name, codec, options):
    formats = {"prores_ks": "yuv422p10le", "mjpeg": "yuvj420p", "gif": "rgb8"}
    path = make.encode(
        tmp_path / name,
        map(make.marked, range(30)),
        codec,
        options=options,
        pix_fmt=formats.get(codec, "yuv420p"),
    )
    frames, source = read(path)
    check_whole(make, frames, 30)
    assert source.warnings == []


@pytest.mark.parametrize(
    ("codec", "first", "expected"), [("vp8", 0x10, True), ("vp8", 0x00, False), ("h264", 0, True)]
)
def test_hidden_pictures_are_no_frames(codec, first, expected):
    assert gives_frame(av.Packet(bytes([first, 0, 0])), codec) is expected


def test_raw_h264_has_no_times(make, tmp_path):
    path = make.encode(tmp_path / "a.h264", map(make.marked, range(20)), form="h264", options={"bf": "3"})
    frames, source = read(path)
    check_whole(make, frames, 20)
    assert source.info.frames is None and source.info.fps == 25 and not source.info.live
    assert source.warnings == []


def test_a_rate_is_assumed_where_nothing_states_one(make, tmp_path):
    """MJPEG has no rate of its own: FFmpeg numbers its images as if they came 25 a second."""
    path = make.encode(
        tmp_path / "a.mjpeg", map(make.marked, range(8)), "mjpeg", pix_fmt="yuvj420p", form="mjpeg"
    )
    frames, source = read(path)
    assert [f.time for f in frames][-1] == pytest.approx(0.28)
    assert source.warnings == [
        f"{path}: its frames have no times; 25 per second are assumed, give the rate if it differs"
    ]


@pytest.mark.parametrize(("form", "codec"), [("h264", "libx264"), ("mjpeg", "mjpeg")])
def test_a_rate_is_for_videos_without_times(make, tmp_path, form, codec):
    path = make.encode(
        tmp_path / f"a.{form}",
        map(make.marked, range(20)),
        codec,
        pix_fmt="yuvj420p" if form == "mjpeg" else "yuv420p",
        form=form,
    )
    frames, source = read(path, fps=5)
    check_whole(make, frames, 20, step=0.2)
    assert source.info.fps == 5 and source.warnings == []
    frames, _ = read(path, fps=5, start=1, end=1.5)
    assert [f.index for f in frames] == [5, 6, 7] and frames[0].time == pytest.approx(1)


def test_frames_of_another_size_are_mentioned(make, tmp_path):
    parts = [
        make.encode(tmp_path / f"{size}.ts", (make.marked(n, size, 2 * size) for n in range(6)))
        for size in (64, 128)
    ]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    frames, source = read(path)
    assert {f.image.shape for f in frames} == {(64, 128, 3)}
    assert source.warnings == [
        f"{path}: 6 frames are scaled to the size of the first; their keypoints are in pixels of that size"
    ]


def test_variable_frame_rate(make, tmp_path):
    times = np.cumsum([0, 33, 34, 120, 5, 900, 33, 33, 250, 33]) / 1000
    path = make.encode(tmp_path / "a.mp4", map(make.marked, range(10)), times=times, options={"bf": "2"})
    frames, _ = read(path)
    assert [make.number_in(f.image) for f in frames] == list(range(10))
    np.testing.assert_allclose([f.time for f in frames], times, atol=1e-3)


LATE = [3 + i * 0.04 for i in range(5)]


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "webm"])
def test_a_first_frame_that_starts_late_keeps_its_time(make, tmp_path, suffix):
    """ffprobe and browsers show these containers' own times."""
    codec = "libvpx-vp9" if suffix == "webm" else "libx264"
    path = make.encode(tmp_path / f"a.{suffix}", map(make.marked, range(5)), codec=codec, times=LATE)
    frames, source = read(path)
    np.testing.assert_allclose([f.time for f in frames], LATE, atol=1e-3)
    assert source.info.start == 0
    assert source.warnings == []


def test_the_clock_of_a_transport_stream_begins_with_its_first_stream(make, tmp_path):
    path = make.encode(tmp_path / "a.ts", map(make.marked, range(5)), times=LATE)
    frames, source = read(path)
    with av.open(path) as container:
        shown = [frame.time for frame in container.decode(video=0)]
    np.testing.assert_allclose([f.time for f in frames], np.arange(5) * 0.04, atol=1e-3)
    np.testing.assert_allclose([f.time + source.info.start for f in frames], shown, atol=1e-5)


def test_one_frame(make, tmp_path):
    frames, source = read(make.encode(tmp_path / "a.mp4", [make.marked(77)]))
    assert [(f.index, f.time, make.number_in(f.image)) for f in frames] == [(0, 0.0, 77)]
    assert source.warnings == []


@pytest.mark.parametrize(
    ("height", "width", "codec"), [(47, 127, "libx264"), (1, 33, "ffv1"), (49, 128, "libx264")]
)
def test_odd_sizes(make, tmp_path, height, width, codec):
    image = make.marked(5, height, width)
    frames, source = read(make.encode(tmp_path / "a.mkv", [image, image], codec, pix_fmt="yuv444p"))
    assert (source.info.height, source.info.width) == frames[1].image.shape[:2] == (height, width)
    if height > 1:
        assert make.number_in(frames[1].image) == 5


def test_odd_sizes_with_halved_chroma(make, tmp_path):
    path = make.encode(
        tmp_path / "a.mkv", [make.marked(9, 47, 127)] * 2, "libvpx-vp9", options={"cpu-used": "8"}
    )
    frames, _ = read(path)
    assert frames[0].image.shape == (47, 127, 3) and make.number_in(frames[0].image) == 9
    assert abs(int(frames[0].image[5, -1, 0]) - int(frames[0].image[5, -3, 0])) < 25


def test_metadata_that_is_no_text(make, tmp_path):
    def title(stream):
        stream.metadata["title"] = "T\u00e9" * 8
        stream.container.metadata["title"] = "T\u00e9" * 8

    path = make.encode(tmp_path / "a.mkv", map(make.marked, range(3)), prepare=title)
    data = path.read_bytes()
    assert data.count("T\u00e9".encode()) >= 16
    path.write_bytes(data.replace("T\u00e9".encode(), b"T\xff\xfe"))
    check_whole(make, read(path)[0], 3)


def test_cover_art_is_not_the_video(make, tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        cover = container.add_stream("mjpeg", rate=25)
        cover.pix_fmt, cover.width, cover.height = "yuvj420p", 640, 480
        cover.disposition = av.stream.Disposition.attached_pic
        video = container.add_stream("libx264", rate=25)
        video.pix_fmt, video.width, video.height = "yuv420p", make.WIDTH, make.HEIGHT
        container.mux(cover.encode(av.VideoFrame.from_ndarray(np.zeros((480, 640, 3), np.uint8), "rgb24")))
        for i in range(5):
            container.mux(video.encode(av.VideoFrame.from_ndarray(make.marked(i), "rgb24")))
        container.mux(video.encode(None))
        container.mux(cover.encode(None))
    with av.open(str(path)) as container:
        assert len(container.streams.video) == 2
    check_whole(make, read(path)[0], 5)


def test_the_size_may_change(make, tmp_path):
    parts = [
        make.encode(tmp_path / f"{w}.ts", map(make.marked, [1, 2], [48] * 2, [w] * 2)) for w in (128, 256)
    ]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(p.read_bytes() for p in parts))
    frames, source = read(path)
    assert [f.image.shape for f in frames] == [(48, 128, 3)] * 4
    assert [make.number_in(f.image) for f in frames[:2]] == [1, 2]
    later = frames[3].image
    assert later[:10].max() < 20 and later[-10:].max() < 20 and later[24].max() > 60
    assert [f.index for f in frames] == [0, 1, 2, 3]
    assert all(b.time > a.time for a, b in zip(frames, frames[1:], strict=False))


def test_every_and_bounds(make, plain):
    frames, source = read(plain, every=7)
    assert [f.index for f in frames] == [make.number_in(f.image) for f in frames] == list(range(0, 60, 7))
    frames, _ = read(plain, start=0.4, end=0.8)
    assert [f.index for f in frames] == [make.number_in(f.image) for f in frames] == list(range(10, 20))
    frames, source = read(plain, start=1.0, every=10)
    assert [f.index for f in frames] == [30, 40, 50] and source.info.frames == 60


SEEKS = [c for c in CODECS if not c[1].startswith(("gif", "prores"))]


@pytest.mark.parametrize(("name", "codec", "options"), SEEKS, ids=[f"{n[2:]}-{c}" for n, c, _ in SEEKS])
def test_seeking_gives_what_reading_from_the_start_gives(make, tmp_path, name, codec, options):
    path = make.encode(
        tmp_path / name,
        (make.marked(i) for i in range(60)),
        codec,
        options=options,
        pix_fmt="yuvj420p" if codec == "mjpeg" else "yuv420p",
    )
    whole, _ = read(path)
    for start in (0.0, 0.02, 0.5, 0.961, 1.0, 2.35):
        frames, _ = read(path, start=start)
        expected = [f for f in whole if f.time >= start]
        assert [(f.index, f.time) for f in frames] == [(f.index, f.time) for f in expected]
        assert all(np.array_equal(a.image, b.image) for a, b in zip(frames, expected, strict=True))


def test_seeking_does_not_decode_from_the_start(make, plain, monkeypatch):
    given = []
    rows = Decoder.rows
    monkeypatch.setattr(Decoder, "rows", lambda self: (given.append(row) or row for row in rows(self)))
    frames, _ = read(plain, start=2.0)
    assert [f.index for f in frames] == list(range(50, 60)) and len(given) == 12


@pytest.mark.parametrize("name", ["a.mp4", "a.ts"])
def test_interlaced(make, tmp_path, name):
    options = {"x264-params": "tff=1", "flags": "+ildct+ilme", "bf": "2"}
    path = make.encode(tmp_path / name, map(make.marked, range(30)), options=options)
    frames, source = read(path)
    check_whole(make, frames, 30)
    assert source._decoder.stream.codec_context.field_order > 1


def test_open_groups_of_pictures(make, tmp_path):
    options = {"x265-params": "log-level=none:open-gop=1:keyint=10:min-keyint=10:bframes=3:scenecut=0"}
    path = make.encode(tmp_path / "a.mp4", map(make.marked, range(40)), "libx265", options=options)
    check_whole(make, read(path)[0], 40)
    frames, _ = read(path, start=0.9)
    assert [f.index for f in frames] == [make.number_in(f.image) for f in frames] == list(range(23, 40))


def test_frames_are_given_once(plain):
    with open_source(plain) as source:
        assert len(list(source)) == 60
        with pytest.raises(SourceError, match="already"):
            iter(source)


def test_closing_stops_the_frames(plain):
    source = open_source(plain)
    frames = iter(source)
    next(frames)
    source.close()
    source.close()
    assert list(frames) == []


def test_one_thread_gives_the_same(plain):
    one, many = read(plain, threads=1)[0], read(plain)[0]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(one, many, strict=True))


def test_names_that_look_like_protocols(plain, tmp_path, monkeypatch):
    for name in ("a:b.mp4", "concat:x.mp4", "50%d.mp4", "[1]*.mp4", "0"):
        path = tmp_path / name
        path.write_bytes(plain.read_bytes())
        assert len(read(path)[0]) == 60
    monkeypatch.chdir(tmp_path)
    assert len(read("0")[0]) == 60


class TestErrors:
    def fails(self, path, match, **options):
        with pytest.raises(SourceError, match=match) as caught:
            open_source(path, **options)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def test_missing(self, tmp_path):
        assert "nothing.mp4" in self.fails(tmp_path / "nothing.mp4", "does not exist")

    def test_not_a_video(self, tmp_path):
        (tmp_path / "a.mp4").write_text("not a video " * 500)
        self.fails(tmp_path / "a.mp4", "not a video that FFmpeg can read")

    def test_empty(self, tmp_path):
        (tmp_path / "a.mp4").write_bytes(b"")
        self.fails(tmp_path / "a.mp4", "a.mp4")

    def test_only_sound(self, tmp_path):
        with av.open(str(tmp_path / "a.wav"), "w") as container:
            stream = container.add_stream("pcm_s16le", rate=8000)
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
            frame.sample_rate = 8000
            container.mux(stream.encode(frame))
        self.fails(tmp_path / "a.wav", "no video stream")

    def test_only_cover_art(self, make, tmp_path):
        with av.open(str(tmp_path / "a.mp4"), "w") as container:
            cover = container.add_stream("mjpeg", rate=25)
            cover.pix_fmt, cover.width, cover.height = "yuvj420p", 64, 48
            cover.disposition = av.stream.Disposition.attached_pic
            container.mux(cover.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "rgb24")))
            container.mux(cover.encode(None))
        self.fails(tmp_path / "a.mp4", "cover art")

    def test_nothing_decodes(self, make, plain, tmp_path):
        make.rewrite(plain, tmp_path / "a.mp4", lambda number, data: make.garbled(data))
        self.fails(tmp_path / "a.mp4", "no frame could be decoded")

    def test_zero_frames(self, make, plain, tmp_path):
        make.rewrite(plain, tmp_path / "a.mkv", lambda number, data: None)
        self.fails(tmp_path / "a.mkv", "a.mkv")

    @pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind this user")
    def test_no_permission(self, plain, tmp_path):
        path = tmp_path / "a.mp4"
        path.write_bytes(plain.read_bytes())
        path.chmod(0)
        self.fails(path, "cannot be read")

    def test_no_permission_says_so(self, plain, monkeypatch):
        def refuse(*_, **__):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(av, "open", refuse)
        self.fails(plain, "cannot be read: change its permissions")

    def test_start_after_the_end(self, plain):
        self.fails(plain, "its last is at 2.36 s", start=10)

    @pytest.mark.parametrize(
        "options",
        [
            {"every": 0},
            {"start": -1},
            {"start": 2, "end": 1},
            {"end": 0},
            {"start": float("nan")},
            {"fps": 0},
        ],
    )
    def test_senseless_bounds(self, plain, options):
        with pytest.raises(SettingsError, match=f"^{next(reversed(options))} is .*: give "):
            open_source(plain, **options)

    def test_unreachable_url(self):
        self.fails("http://127.0.0.1:9/a.mp4", "127.0.0.1:9/a.mp4 cannot be opened")

    def test_unknown_protocol(self):
        self.fails("gopher7://x/a.mp4", "cannot be opened")


def test_memory_does_not_grow(make, tmp_path):
    path = make.encode(tmp_path / "a.mp4", (make.marked(i % 256, 96, 128) for i in range(400)))
    with open_source(path) as source:
        frames = iter(source)
        for _ in range(50):
            next(frames)
        tracemalloc.start()
        for _ in frames:
            pass
        grown = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
    assert grown < 96 * 128 * 3 * 20


def test_a_stretched_pixel(make, tmp_path):
    def wide(stream):
        stream.codec_context.sample_aspect_ratio = Fraction(3, 2)

    frames, source = read(make.encode(tmp_path / "a.mp4", map(make.marked, range(4)), prepare=wide))
    assert (source.info.height, source.info.width) == (make.HEIGHT, make.WIDTH * 3 // 2)
    check_whole(make, frames, 4)


def test_a_rate_is_not_for_films(plain):
    with open_source(plain, fps=5) as source:
        assert len(list(source)) == 60 and "have their own times" in source.warnings[0]
