from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time

import pytest

from skelstream.preview.terminal import Abilities, Terminal, abilities

pytestmark = [
    pytest.mark.terminal,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's"),
]

KITTY = ["\x1b_Gi=31;OK\x1b\\", "\x1bP1$r0;48:2:1:2:3m\x1b\\", "\x1b[6;20;9t", "\x1b[?62;52;c"]
XTERM = ["\x1bP1$r0;48:2::1:2:3m\x1b\\", "\x1b[6;13;6t", "\x1b[?64;1;2;4;6;9;15;22c"]


@pytest.mark.parametrize("answers, environment, expected", [
    (KITTY, {}, Abilities(True, True, False, (9, 20), True)),
    (XTERM, {}, Abilities(True, False, True, (6, 13), True)),
    (["\x1b[?1;2c"], {"TMUX": "/tmp/tmux-0/default,1,0"}, Abilities(True, answers=True)),
    (["\x1b[?62;22c"], {"COLORTERM": "truecolor"}, Abilities(True, answers=True)),
    (["\x1bP0$r\x1b\\", "\x1b[?1;2c"], {"COLORTERM": ""}, Abilities(answers=True)),
    (["\x1b_Gi=31;ENOTSUPPORTED:no\x1b\\", "\x1b[6;0;0t", "\x1b[?6c"], {}, Abilities(answers=True)),
    (["\x1b[?14;24c"], {}, Abilities(answers=True)),
    ([], {"COLORTERM": "24bit"}, Abilities(True)),
])  # fmt: skip
def test_what_the_answers_mean(answers, environment, expected):
    assert abilities(answers, environment) == expected


class Emulator:
    """The other end of a pseudo-terminal: keeps what was written, and answers."""

    def __init__(self, answers=b"\x1b[?62c", arrival=True):
        self.master, self.slave = os.openpty()
        self.written, self.answers, self.arrival = b"", answers, arrival
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        while True:
            try:
                received = os.read(self.master, 4096)
            except OSError:
                return
            if not received:
                return
            self.written += received
            if b"\x1b[c" in received:
                os.write(self.master, self.answers)
            if self.arrival:
                os.write(self.master, b"\x1b[0n" * received.count(b"\x1b[5n"))

    def mode(self):
        import termios

        return termios.tcgetattr(self.slave)

    def close(self):
        os.close(self.slave)
        self.thread.join(5)
        os.close(self.master)


@pytest.fixture
def emulator(monkeypatch):
    monkeypatch.delenv("COLORTERM", raising=False)
    monkeypatch.delenv("TMUX", raising=False)
    made = []

    def make(**options):
        made.append(Emulator(**options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def taken_over(emulator, inbox=None):
    return Terminal(queue.Queue() if inbox is None else inbox, emulator.slave, emulator.slave)


def given_back(emulator):
    """Cursor, wrapping and screen as they were."""
    sent = emulator.written
    return all(
        sent.rfind(b"\x1b[?%b" % on) > sent.rfind(b"\x1b[?%b" % off) >= 0
        for on, off in ((b"25h", b"25l"), (b"7h", b"7l"), (b"1049l", b"1049h"))
    ) and sent.endswith(b"\x1b[?1049l")  # fmt: skip


def settled(emulator):
    until = time.monotonic() + 5
    while not given_back(emulator) and time.monotonic() < until:
        time.sleep(0.01)
    return given_back(emulator)


def test_taken_over_asked_and_given_back(emulator):
    there = emulator(answers="".join(KITTY).encode("latin-1"))
    before = there.mode()
    with taken_over(there) as terminal:
        assert terminal.abilities == Abilities(True, True, False, (9, 20), True)
        assert there.mode() != before
    assert there.mode() == before and settled(there)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_given_back_after_an_error(emulator, error):
    there = emulator()
    before = there.mode()
    with pytest.raises(error), taken_over(there) as terminal:
        terminal.show(b"half a pict\x1b[38;2;1")
        raise error
    assert there.mode() == before and settled(there)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_given_back_on_a_signal_and_the_handlers_too(emulator, number):
    there, handler = emulator(), signal.getsignal(number)
    with pytest.raises(SystemExit) as caught, taken_over(there):
        os.kill(os.getpid(), number)
        time.sleep(5)
    assert caught.value.code == 128 + number
    assert settled(there) and signal.getsignal(number) is handler
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_screen_appears_in_one_piece_and_the_next_waits_for_it(emulator):
    there, inbox = emulator(), queue.Queue()
    with taken_over(there, inbox) as terminal:
        there.arrival = False
        terminal.show(b"image")
        time.sleep(0.1)
        assert b"\x1b[?2026himage\x1b[?2026l" in there.written
        assert not terminal.ready()
        os.write(there.master, b"\x1b[0n")
        assert inbox.get(timeout=5) == "" and terminal.ready()
        there.arrival = True


def test_a_terminal_that_stops_answering_is_not_waited_for_for_ever(emulator):
    there = emulator(arrival=False)
    with taken_over(there) as terminal:
        terminal.show(b"image")
        assert not terminal.ready()
        time.sleep(1.1)
        assert terminal.ready()


def test_an_answer_that_is_late_stays_out_of_the_shell(emulator):
    there = emulator(arrival=False)
    threading.Timer(0.4, os.write, (there.master, b"\x1b[0n")).start()
    with taken_over(there) as terminal:
        terminal.show(b"image")
    os.set_blocking(there.slave, False)
    with pytest.raises(BlockingIOError):
        os.read(there.slave, 10)


def test_a_terminal_without_answers_gets_no_questions_later(emulator):
    there = emulator(answers=b"")
    with taken_over(there) as terminal:
        assert terminal.abilities == Abilities()
        terminal.show(b"image")
        assert terminal.ready()
    assert settled(there) and b"\x1b[5n" not in there.written


def test_keys_arrive(emulator):
    there, inbox = emulator(), queue.Queue()
    with taken_over(there, inbox):
        os.write(there.master, b"q\x1b[A+")
        assert [inbox.get(timeout=5), inbox.get(timeout=5)] == ["q", "+"]


def test_size(emulator):
    import fcntl
    import struct
    import termios

    there = emulator()
    with taken_over(there) as terminal:
        fcntl.ioctl(there.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 99, 0, 0))
        assert terminal.size() == (99, 33)


def test_the_size_of_a_cell_as_the_kernel_has_it(emulator):
    import fcntl
    import struct
    import termios

    there = emulator(answers=b"\x1b[?63;4c")
    fcntl.ioctl(there.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 964, 684))
    with taken_over(there) as terminal:
        assert terminal.abilities == Abilities(sixel=True, cell=(8, 17), answers=True)
