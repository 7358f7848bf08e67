"""Devices and URLs."""

from __future__ import annotations

import contextlib
import http.server
import socket
import sys
import threading
import time

import av
import cv2
import pytest

from skelstream.errors import SourceError
from skelstream.video import capture, decoding, open_source
from skelstream.video.capture import device_input
from skelstream.video.container import ContainerSource
from skelstream.video.decoding import Input
from skelstream.video.source import Selection


class Camera:
    def __init__(self, name, description, media_types):
        self.name, self.description, self.media_types = name, description, media_types


CAMERAS = [
    Camera("mic", "Studio Microphone", ["audio"]),
    Camera("front", "Integrated Camera", ["video"]),
    Camera("side", "USB Webcam", ["video"]),
]


@pytest.fixture
def cameras(monkeypatch):
    monkeypatch.setattr(capture.av.device, "enumerate_input_devices", lambda form: CAMERAS)


def test_linux(cameras):
    assert device_input("0", platform="linux").url == "/dev/video0"
    assert device_input("/dev/video7", platform="linux").url == "/dev/video7"
    found = device_input("webcam", fps=15, platform="linux")
    assert (found.url, found.format, found.options, found.path) == ("side", "v4l2", {"framerate": "15"}, None)


def test_macos():
    found = device_input("FaceTime HD", platform="darwin")
    assert (found.url, found.format, found.options) == (
        "FaceTime HD:none",
        "avfoundation",
        {"framerate": "30"},
    )


def test_windows(cameras):
    assert device_input("1", platform="win32").url == "video=side"
    assert device_input("integrated", platform="win32").url == "video=front"


def test_a_name_that_is_not_there(cameras):
    with pytest.raises(SourceError, match="camera Nikon was not found.*Integrated Camera, USB Webcam"):
        device_input("Nikon", platform="win32")


@pytest.mark.skipif(sys.platform != "linux", reason="device files are Linux's")
@pytest.mark.parametrize("source", [97, "97", "/dev/video97", "camera:97"])
def test_a_device_that_does_not_exist(source):
    with pytest.raises(SourceError, match="97.* does not exist") as caught:
        open_source(source)
    assert "\n" not in str(caught.value)


def test_a_live_source():
    made_up = Input("camera test", "testsrc=size=64x48:rate=25", format="lavfi")
    with ContainerSource(made_up, Selection(end=0.4)) as source:
        assert source.info.live and source.info.duration is None
        frames = list(source)
    assert [f.index for f in frames] == list(range(10))
    assert [f.time for f in frames] == pytest.approx([i / 25 for i in range(10)])
    assert all(f.image.shape == (48, 64, 3) for f in frames)


def test_a_url(make, plain):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _quiet(plain.parent))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        address = f"http://127.0.0.1:{server.server_port}"
        with open_source(f"{address}/{plain.name}") as source:
            frames = list(source)
        assert [make.number_in(f.image) for f in frames] == list(range(60))
        assert not source.info.live and source.info.frames == 60 and source.info.name.startswith("http:")
        with pytest.raises(SourceError, match="nothing.mp4 cannot be opened"):
            open_source(f"{address}/nothing.mp4")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _quiet(folder):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(folder))

        def log_message(self, *_):
            pass

    return Quiet


def test_a_stream_that_stalls_and_one_that_never_answers(plain, monkeypatch, tmp_path):
    monkeypatch.setattr(decoding, "_CONNECT_SECONDS", 0.5)
    monkeypatch.setattr(decoding, "_READ_SECONDS", 0.5)
    stream = tmp_path / "stream.ts"
    with av.open(str(plain)) as film, av.open(str(stream), "w") as out:
        copy = out.add_stream_from_template(film.streams.video[0])
        for packet in film.demux(video=0):
            if packet.dts is not None:
                packet.stream = copy
                out.mux(packet)
    held = []

    def serve(listener, content):
        connection, _ = listener.accept()
        connection.sendall(content)
        held.append(connection)  # open, and silent

    for content in (stream.read_bytes(), b""):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            threading.Thread(target=serve, args=(listener, content), daemon=True).start()
            url = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
            if content:
                with open_source(url) as source:
                    assert len(list(source)) > 30
                assert source.warnings == [f"{url}: it sent nothing for 0.5 seconds and was ended there"]
            else:
                with pytest.raises(
                    SourceError, match=r"did not answer within 0\.5 seconds: check the address"
                ):
                    open_source(url)
    for connection in held:
        connection.close()


class JpegCamera(http.server.BaseHTTPRequestHandler):
    """A camera that sends five JPEGs, 5 a second."""

    image = b""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace;boundary=frame")
        self.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(5):
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(self.image)}\r\n\r\n"
                self.wfile.write(head.encode() + self.image + b"\r\n")
                time.sleep(0.2)

    def log_message(self, *arguments):
        pass


def test_jpegs_of_a_camera_have_the_times_of_their_arrival(make, monkeypatch):
    """FFmpeg numbers them as if they came 25 a second."""
    monkeypatch.setattr(JpegCamera, "image", cv2.imencode(".jpg", make.marked(3))[1].tobytes())
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), JpegCamera)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with open_source(f"http://127.0.0.1:{server.server_address[1]}/video") as source:
            times = [frame.time for frame in source]
        with open_source(f"http://127.0.0.1:{server.server_address[1]}/video", fps=5) as given:
            assert [frame.time for frame in given] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8])
    finally:
        server.shutdown()
        server.server_close()
    assert len(times) == 5 and times[0] == 0 and times[-1] == pytest.approx(0.8, abs=0.3)
    assert "the times are those at which its frames arrive" in source.warnings[0]
    assert not any("arrive" in line for line in given.warnings)
