from __future__ import annotations

import os
import sys
import time
from types import SimpleNamespace

import pytest

from skelstream.preview.terminal_input import HUNG_UP, InputSplitter, Keyboard

posix = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's")


def test_keys_and_answers_however_they_are_cut():
    sent = b"q\x1b[?62;4;22c\x1b[A \x1b_Gi=31;OK\x1b\\+\x1bP1$r0;48:2:1:2:3m\x1b\\\x1b[6;17;8t\x1bOPs\x1b[0n"
    whole = [
        "q", "\x1b[?62;4;22c", "\x1b[A", " ", "\x1b_Gi=31;OK\x1b\\", "+", "\x1bP1$r0;48:2:1:2:3m\x1b\\",
        "\x1b[6;17;8t", "\x1bOP", "s", "\x1b[0n",
    ]  # fmt: skip
    assert InputSplitter().feed(sent) == whole
    for cut in range(len(sent)):
        splitter = InputSplitter()
        assert splitter.feed(sent[:cut]) + splitter.feed(sent[cut:]) == whole
    splitter = InputSplitter()
    assert [item for i in range(len(sent)) for item in splitter.feed(sent[i : i + 1])] == whole


def test_escape_alone_and_before_a_key():
    splitter = InputSplitter()
    assert splitter.feed(b"\x1b") == []
    assert splitter.feed(b"q") == ["q"]
    assert InputSplitter().feed(b"\x1b\x1bq") == ["q"]


def test_an_answer_without_end_does_not_swallow_keys_for_ever():
    splitter = InputSplitter()
    assert splitter.feed(b"\x1bP" + b"x" * 5000)[-1] == "x"
    assert "q" in splitter.feed(b"q")


@posix
def test_a_keyboard_key_by_key_and_given_back():
    import termios

    terminal, keyboard = os.openpty()
    before = termios.tcgetattr(keyboard)
    got = []
    keys = Keyboard(keyboard, got.append)
    assert keys.available
    keys.start()
    os.write(terminal, b"q\x1b[0n")
    wait_for(lambda: len(got) == 2)
    assert got == ["q", "\x1b[0n"]
    assert not termios.tcgetattr(keyboard)[3] & (termios.ECHO | termios.ICANON)
    keys.stop()
    assert termios.tcgetattr(keyboard) == before
    keys.stop()  # a second time does no harm
    os.close(terminal)
    os.close(keyboard)


@posix
def test_a_terminal_that_is_closed_hangs_up():
    terminal, keyboard = os.openpty()
    got = []
    keys = Keyboard(keyboard, got.append)
    keys.start()
    os.close(terminal)
    wait_for(lambda: got)
    assert got == [HUNG_UP]
    keys.stop()
    os.close(keyboard)


def test_no_keyboard(tmp_path):
    with open(tmp_path / "none", "w+") as file:
        keys = Keyboard(file.fileno(), pytest.fail)
        assert not keys.available
        keys.start()
        keys.stop()


@posix
def test_windows_keys_come_through_msvcrt(monkeypatch):
    waiting = list("qs")
    console = SimpleNamespace(kbhit=lambda: bool(waiting), getwch=lambda: waiting.pop(0))
    monkeypatch.setitem(sys.modules, "msvcrt", console)
    terminal, keyboard = os.openpty()
    got = []
    keys = Keyboard(keyboard, got.append)
    with monkeypatch.context() as windows:
        windows.setattr(sys, "platform", "win32")
        keys.start()
        wait_for(lambda: got == ["q", "s"])
    keys.stop()
    os.close(terminal)
    os.close(keyboard)


def wait_for(condition, seconds=10):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.01)
