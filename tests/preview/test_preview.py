"""The live screen on a pseudo-terminal; its looks in tmux are tested with the command."""

from __future__ import annotations

import os
import re
import select
import signal
import struct
import sys
import threading
import time
from collections import deque

import pytest

from skelstream.errors import SourceError
from skelstream.formats import load
from skelstream.pipeline import Pipeline
from skelstream.preview.preview import preview
from skelstream.skeleton import OPENPOSE18
from skelstream.video import open_source

pytestmark = [
    pytest.mark.terminal,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's"),
]


class Person(threading.Thread):
    """Sits at a pseudo-terminal: waits for words on the screen and presses keys.

    Steps are (text to wait for, what to do then): keys to press, a size for the screen, or a function.
    """

    def __init__(self, steps, size=(80, 24)):
        super().__init__(daemon=True)
        self.master, self.slave = os.openpty()
        self.steps, self.seen, self.missed = deque(steps), b"", None
        self.resize(*size)

    def resize(self, columns, rows):
        import fcntl
        import termios

        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def run(self):
        until, at = time.monotonic() + 40, 0
        while True:
            if select.select([self.master], [], [], 0.5)[0]:
                try:
                    received = os.read(self.master, 65536)
                except OSError:
                    return
                self.seen += received
                if b"\x1b[c" in received:
                    os.write(self.master, b"\x1b[?62c")
                os.write(self.master, b"\x1b[0n" * received.count(b"\x1b[5n"))
            if not self.steps:
                continue
            text, action = self.steps[0]
            if re.search(text.encode(), re.sub(rb"\x1b\[[\d;]*m", b"", self.seen[at:])):
                at = len(self.seen)
                self.steps.popleft()
                self.act(action)
            elif time.monotonic() > until:
                self.missed = text
                self.steps.clear()
                os.kill(os.getpid(), signal.SIGINT)

    def act(self, action):
        if callable(action):
            action()
        elif isinstance(action, tuple):
            self.resize(*action)
        else:
            os.write(self.master, action.encode())


@pytest.fixture
def sit(monkeypatch, tmp_path):
    import termios

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLORTERM", "truecolor")
    people = []

    def show(opened, name, *steps, size=(80, 24), **options):
        person = Person(steps, size)
        people.append(person)
        before = termios.tcgetattr(person.slave)
        with open(person.slave, "rb", buffering=0, closefd=False) as slave:
            monkeypatch.setattr(sys, "stdin", slave)
            monkeypatch.setattr(sys, "stdout", slave)
            person.start()
            try:
                return preview(opened, OPENPOSE18, name, **options), person
            finally:
                monkeypatch.undo()
                monkeypatch.chdir(tmp_path)
                assert termios.tcgetattr(person.slave) == before
                until = time.monotonic() + 5
                while not person.seen.endswith(b"\x1b[?1049l") and time.monotonic() < until:
                    time.sleep(0.01)
                assert person.seen.endswith(b"\x1b[?25h\x1b[?1049l"), person.seen[-80:]
                assert person.missed is None, f"never saw {person.missed}"

    yield show
    for person in people:
        os.close(person.slave)
        person.join(5)
        os.close(person.master)


def images(folder):
    return sorted(folder.glob("*.png"))


def test_keys(sit, walk, bars, tmp_path):
    done, person = sit(
        lambda: Pipeline(walk, bars()), str(walk),
        ("people +2", " "),
        ("paused", "s"),
        ("png written", "b"),
        (r"\x1b\[2J", "-"),
        (r"\x1b\[2J", "+"),
        (r"\x1b\[2J", "r"),
        ("npz: .* frames", " "),
        ("ended", "q"),
    )  # fmt: skip
    assert done.frames == 40 and not done.source_ended
    assert b"8;2;36;36;42m" in person.seen  # the plain ground
    path, frames = done.recorded
    assert frames == 40 and load(path).frames == 40 and path.name.startswith("walk-")
    (picture,) = images(tmp_path)
    with open_source(picture) as source:
        assert next(iter(source)).image.shape == (64, 160, 3)


def test_every_frame_is_analysed_however_slow_the_terminal_is(sit, walk, bars, tmp_path):
    done, person = sit(
        lambda: Pipeline(walk, bars()), "walk.mp4", ("ended", "q"), output=tmp_path / "all.npz"
    )
    assert done.frames == 40 and done.recorded == (tmp_path / "all.npz", 40)
    drawn = person.seen.count(b"\x1b[?2026h")
    assert drawn > 5 and b"walk.mp4" in person.seen


def test_sizes(sit, walk, bars):
    sit(
        lambda: Pipeline(walk, bars()), str(walk),
        ("160x64, file", (40, 12)),
        ("q quit  ", (12, 3)),
        ("12x3 is too", (200, 60)),
        (r"\x1b\[60;1H.*space", "q"),
    )  # fmt: skip


def test_ctrl_c_keeps_what_was_recorded(sit, walk, bars, tmp_path):
    with pytest.raises(KeyboardInterrupt) as caught:
        sit(
            lambda: Pipeline(walk, bars()), str(walk),
            ("people +2", lambda: os.kill(os.getpid(), signal.SIGINT)), output=tmp_path / "walk.npz",
        )  # fmt: skip
    assert "walk.npz" in caught.value.__notes__[0] and load(tmp_path / "walk.npz").frames > 5


def test_a_network_that_breaks(sit, walk, bars, tmp_path):
    with pytest.raises(RuntimeError, match="broke"):
        sit(lambda: Pipeline(walk, bars(fail_at=20)), str(walk), ("ended", "q"), output=tmp_path / "walk.npz")
    assert load(tmp_path / "walk.npz").frames == 20


def test_a_source_that_is_not_there(sit, bars):
    with pytest.raises(SourceError, match=r"missing\.mp4 does not exist"):
        sit(lambda: Pipeline("missing.mp4", bars()), "missing.mp4", ("never", "q"))


def test_some_seconds(sit, walk, bars):
    done, _ = sit(lambda: Pipeline(walk, bars()), str(walk), ("never", "q"), seconds=0.5)
    assert done.frames < 40 and done.recorded is None


@pytest.mark.parametrize(
    "graphics, sign", [("kitty", b"\x1b_Ga=T"), ("sixel", b"\x1bP0;1;0q"), ("blocks256", b"48;5;")]
)
def test_other_graphics(sit, walk, bars, graphics, sign):
    _, person = sit(lambda: Pipeline(walk, bars()), str(walk), ("people +1", "q"), graphics=graphics)
    assert sign in person.seen
