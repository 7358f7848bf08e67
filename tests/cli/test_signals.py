"""Tests of signals to a separate process."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

import pytest

from skelstream.cli.signals import end_at_once, interruptible
from skelstream.formats import load

pytestmark = pytest.mark.slow


def wait_for_frames(path, process):
    """Wait until the command processes frames, which take 10 s with the slow network."""
    until = time.monotonic() + 30
    lock = path.with_name(f".{path.name}.extracting.lock")
    while not lock.exists() and time.monotonic() < until:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    time.sleep(1.7)  # the first person waits for SciPy


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_frames_so_far_are_kept(start, walk, tmp_path, number):
    folder = tmp_path / "out"
    process = start("extract", walk, "-o", f"{folder}/", "-q", pause=0.25)
    wait_for_frames(folder / "walk.npz", process)
    process.send_signal(number)
    time.sleep(0.02)
    process.send_signal(number)  # an impatient second signal
    assert process.wait(30) == 128 + number
    assert b"frames so far are in" in process.stderr.read()
    assert sorted(p.name for p in folder.iterdir()) == ["walk.partial.npz"]
    assert 1 < load(folder / "walk.partial.npz").frames < 40


SIGNALS = """
import signal
from skelstream.cli.signals import handle_signals
from skelstream.errors import Stopped

signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
handle_signals()
assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
try:
    signal.raise_signal(signal.SIGTERM)
except Stopped as stopped:
    assert stopped.number == signal.SIGTERM and isinstance(stopped, KeyboardInterrupt)
else:
    raise AssertionError("SIGTERM was not obeyed")
signal.raise_signal(signal.SIGINT)  # a second signal
handle_signals()
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("stopped")
"""


def test_signal_handlers():
    """Run without pytest's fault handler, whose stack is too small after OpenVINO has used AMX."""
    done = subprocess.run([sys.executable, "-c", SIGNALS], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "stopped\n"), done.stderr


def test_two_processes_divide_the_clips(start, walk, tmp_path):
    clips = [tmp_path / f"{name}.mp4" for name in "abc"]
    for clip in clips:
        clip.write_bytes(walk.read_bytes())
    both = [start("extract", *clips, "-o", tmp_path / "out/", pause=0.01) for _ in range(2)]
    outputs = [process.communicate(timeout=60)[1].decode() for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [f"{name}.npz" for name in "abc"]
    assert sum(int(text.split(" extracted")[0].split()[-1]) for text in outputs) == 3


COMPILING = """
import hashlib, signal, sys
import skelstream.estimation.pose_estimator as module
from skelstream.cli import main

def compiling(*_):
    print("compiling", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 60_000_000)  # one call of C for a minute, as OpenVINO's

module.PoseEstimator = compiling
signal.signal(signal.SIGINT, signal.default_int_handler)  # as in a terminal, whatever started the tests
main()
"""


def test_ctrl_c_does_not_wait_for_a_network_to_be_compiled(walk, tmp_path):
    command = [sys.executable, "-c", COMPILING, "extract", str(walk), "-o", str(tmp_path / "out.npz")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"compiling\n"
        process.send_signal(signal.SIGINT)
        try:
            errors = process.communicate(timeout=10)[1]
        finally:
            process.kill()
    assert process.returncode == 130 and errors == b"skelstream: interrupted\n"
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == []


def test_an_error_in_the_other_thread_is_raised_in_the_main_one():
    def fail():
        raise ValueError("as it is")

    assert interruptible(lambda: threading.current_thread()) is not threading.main_thread()
    with pytest.raises(ValueError, match="as it is"):
        interruptible(fail)
    end_at_once(0)  # nothing is unfinished


BEFORE_A_COMMAND = """
import signal, sys
import skelstream.cli as cli

cli.app = lambda: signal.raise_signal(getattr(signal, sys.argv[1]))  # as long as the commands are being built
cli.main()
"""


@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_signal_before_a_command_has_begun(name, status):
    done = subprocess.run([sys.executable, "-c", BEFORE_A_COMMAND, name], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (status, "")
