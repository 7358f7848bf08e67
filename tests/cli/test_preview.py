"""Tests of the command in tmux and through a pipe, with a file and with a stream that ends."""

from __future__ import annotations

import re
import shlex
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from typer.testing import CliRunner

from skelstream.cli import app
from skelstream.cli.preview import can_draw
from skelstream.formats import load
from skelstream.video import open_source

pytestmark = [pytest.mark.terminal, pytest.mark.slow]

# The real command, with the stand-in estimator that finds bright bars.
PROGRAM = """
import importlib.util, sys
import skelstream.estimation.pose_estimator
spec = importlib.util.spec_from_file_location("bars", {conftest!r})
bars = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bars)
skelstream.estimation.pose_estimator.PoseEstimator = lambda *_, **__: bars.BarEstimator()
from skelstream.cli import main
main()
"""


@pytest.fixture
def run(bars, monkeypatch, tmp_path):
    monkeypatch.setattr("skelstream.estimation.pose_estimator.PoseEstimator", lambda *_, **__: bars())
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, ["preview", *map(str, arguments)])


class Stream:
    """A server that sends an MPEG-TS with a moving bar over TCP in real time, and then stops."""

    def __init__(self, draw, seconds, rate=20):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.settimeout(60)
        self.url = f"tcp://127.0.0.1:{self.server.getsockname()[1]}"
        self.draw, self.frames, self.rate = draw, round(seconds * rate), rate
        self.thread = threading.Thread(target=self.send, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.thread.join(20)
        self.server.close()

    def send(self):
        connection, _ = self.server.accept()
        with connection, connection.makefile("wb") as sent, av.open(sent, "w", format="mpegts") as container:
            stream = container.add_stream("mpeg2video", rate=self.rate)
            stream.width, stream.height, stream.pix_fmt = 160, 64, "yuv420p"
            # One frame per group of pictures: clients can start at any frame.
            stream.options = {"g": "1", "qscale": "3"}
            began = None
            for i in range(self.frames):
                image = self.draw(20 + i % 100)
                frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p")
                frame.pts = i
                container.mux(stream.encode(frame))
                began = time.monotonic() if began is None else began
                time.sleep(max(0.0, began + i / self.rate - time.monotonic()))
            container.mux(stream.encode(None))


def test_a_pipe_gets_a_line_per_second_and_a_summary(run, walk, bars, monkeypatch):
    slow = bars()
    find = slow.infer
    monkeypatch.setattr(slow, "infer", lambda inputs: (time.sleep(0.06), find(inputs))[1])
    monkeypatch.setattr("skelstream.estimation.pose_estimator.PoseEstimator", lambda *_, **__: slow)
    result = run(walk)
    assert result.exit_code == 0, result.output
    assert "\x1b" not in result.output
    assert re.search(r"\d\.\d\d s +\d+\.\d frames/s, people: [12] \(ids 1", result.output)
    assert re.search(r"frames +40, in ", result.output) and "2 tracks" in result.output


@pytest.mark.parametrize("name, expected", [("xterm-256color", True), ("dumb", False), ("", False)])
def test_a_dumb_terminal_gets_lines(monkeypatch, name, expected):
    monkeypatch.setenv("TERM", name)
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(isatty=lambda: True))
    assert can_draw() is expected
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(isatty=lambda: False))
    assert can_draw() is False


def test_no_display_measures_only(run, walk):
    result = run(walk, "--no-display", "--seconds", 10)
    assert result.exit_code == 0 and "people:" not in result.output
    assert re.search(r"source .*walk.mp4, 160x64, file", result.output)
    assert all(
        re.search(rf"{stage} +\d+\.\d ms per frame", result.output)
        for stage in ("decode", "refinement", "tracking")
    )
    assert "latency" not in result.output and not list(Path.cwd().glob("walk-*"))


def test_a_recording_without_a_display(run, walk, tmp_path):
    output = tmp_path / "out.npz"
    result = run(walk, "-o", output)
    assert result.exit_code == 0 and "40 frames" in result.output and load(output).frames == 40
    again = run(walk, "-o", output)
    assert again.exit_code == 1 and "--overwrite" in again.output
    assert run(walk, "-o", output, "--overwrite").exit_code == 0


def test_a_stream_that_ends(run, draw_bars, tmp_path):
    with Stream(draw_bars, 3) as stream:
        result = run(stream.url, "--no-display", "-o", tmp_path / "seen.npz")
    assert result.exit_code == 0, result.output
    frames, dropped = map(int, re.search(r"frames +(\d+), (\d+) dropped", result.output).groups())
    # The number of frames depends on the load of the machine.
    assert frames > 0 and frames + dropped <= 60 and "live" in result.output
    assert re.search(r"latency +\d+ ms", result.output) and f"{stream.url} ended after" in result.output
    assert load(tmp_path / "seen.npz").frames == frames


@pytest.mark.parametrize("arguments, message", [
    (("nothing.mp4",), "nothing.mp4 does not exist"),
    (("walk.mp4", "-o", "nowhere/out.npz"), "folder nowhere does not exist"),
    (("walk.mp4", "-o", "out.xyz"), "out.xyz"),
    (("walk.mp4", "--graphics", "oil"), "kitty"),
    (("97",), "97"),
])  # fmt: skip
def test_errors_are_one_line(run, walk, arguments, message):
    result = run(*arguments)
    assert result.exit_code in (1, 2) and message in result.output and "Traceback" not in result.output


class Tmux:
    """A shell in a tmux server of its own."""

    def __init__(self, folder, columns, rows):
        self.command = ["tmux", "-S", str(folder / "tmux"), "-f", "/dev/null"]
        self.tmux("new-session", "-d", "-x", str(columns), "-y", str(rows), "env PS1='$ ' sh")

    def tmux(self, *arguments):
        done = subprocess.run([*self.command, *arguments], capture_output=True, text=True, check=True)
        return done.stdout

    def type(self, line):
        self.tmux("send-keys", "-l", line)
        self.tmux("send-keys", "Enter")

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def screen(self, colors=False):
        return self.tmux("capture-pane", "-p", *["-e"] * colors)

    def wait(self, pattern, seconds=60):
        until = time.monotonic() + seconds
        while not re.search(pattern, screen := self.screen(), re.M):
            assert time.monotonic() < until, f"{pattern} did not come:\n{screen}"
            time.sleep(0.1)
        return screen


@pytest.fixture
def tmux(tmp_path):
    if shutil.which("tmux") is None:
        pytest.skip("no tmux here")
    opened = []

    def make(columns, rows):
        opened.append(Tmux(tmp_path, columns, rows))
        opened[-1].type(f"cd {shlex.quote(str(tmp_path))}; clear; echo before")
        opened[-1].wait("^before")
        return opened[-1]

    yield make
    for one in opened:
        subprocess.run([*one.command, "kill-server"], capture_output=True, check=False)


@pytest.fixture
def command(tmp_path, request):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(conftest=str(Path(__file__).parents[1] / "conftest.py")))
    return lambda *arguments: shlex.join([sys.executable, str(program), "preview", *map(str, arguments)])


def test_a_file_is_shown_in_tmux(tmux, command, walk, tmp_path):
    shell = tmux(80, 24)
    shell.type(f"stty -a > before; {command(walk)}; echo status $?; stty -a > after")
    shell.wait("^.*people +[12]")
    screen = shell.wait(r"speed +\d\.\d\d x")  # the first value may be any number
    assert "▀" * 20 in screen and "q quit" in screen.splitlines()[23] and "160x64, file" in screen
    colors = set(re.findall(r"38;2;(\d+);(\d+);(\d+)", shell.screen(colors=True)))
    assert len(colors) > 10
    shell.keys("s")
    shell.wait("png written")
    shell.keys("r")
    shell.wait(r"walk-.*npz: \d+ frames")
    shell.wait("ended")
    shell.tmux("resize-window", "-x", "40", "-y", "12")
    shell.wait(r"q quit  1 person  \d+\.\d frames/s")
    shell.tmux("resize-window", "-x", "80", "-y", "24")
    shell.wait("people +1")
    shell.keys("q")
    screen = shell.wait("^status 0")
    assert "before" in screen and "▀" not in screen and re.search(r"walk-.*npz: 40 frames", screen)
    shell.type("echo typed")
    shell.wait("^typed")
    assert (tmp_path / "before").read_text() == (tmp_path / "after").read_text()
    (picture,), (skeletons,) = tmp_path.glob("*.png"), tmp_path.glob("walk-*.npz")
    with open_source(picture) as source:
        assert np.ptp(next(iter(source)).image) > 100
    assert load(skeletons).frames == 40


def test_a_stream_that_ends_in_tmux(tmux, command, draw_bars, tmp_path):
    shell = tmux(100, 30)
    with Stream(draw_bars, 8) as stream:
        shell.type(f"{command(stream.url, '-o', 'seen.npz')}; echo status $?")
        screen = shell.wait("people +1")
        assert re.search(r"latency +\d+ ms", screen) and "160x64, live" in screen
        assert re.search(r"dropped +\d+ of \d+", screen) and "● seen.npz" in screen
        screen = shell.wait("^status 0")
    assert "ended after" in screen and "▀" not in screen
    frames = int(re.search(r"seen\.npz: (\d+) frames", screen)[1])
    assert frames > 20 and load(tmp_path / "seen.npz").frames == frames


def test_ctrl_c_ends_the_preview_in_tmux(tmux, command, walk):
    shell = tmux(80, 24)
    line = (
        f"stty -a > before; {command(walk)}; echo status $?; stty -a > after; cmp before after && echo same"
    )
    shell.type(line)
    shell.wait("people +1")
    shell.keys("C-c")
    screen = shell.wait("^same")
    assert "interrupted" in screen and "status 130" in screen and "▀" not in screen


def test_the_loading_of_the_networks_is_shown(run, walk, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "loading the networks" in run(walk, "--no-display").stderr
