"""Signals are tried in a process of their own: what a mistake leaves behind must not end the tests."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a signal ends the process there")

HEAD = """
import signal
from signal import SIGINT, SIGTERM, raise_signal
from skelstream.interrupts import interrupts

signal.signal(SIGINT, signal.default_int_handler)  # as in a terminal, whatever started the tests
"""


def run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", HEAD + program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_first_signal_is_recorded_and_stops_nothing():
    program = """
for number in (SIGINT, SIGTERM):
    with interrupts() as asked:
        before = asked()
        raise_signal(number)
        print(before, asked())
"""
    assert run(program).splitlines() == ["False True"] * 2


def test_a_second_ctrl_c_interrupts_at_once():
    program = """
try:
    with interrupts() as asked:
        raise_signal(SIGINT)
        raise_signal(SIGTERM)  # waits as the first did
        print("still here", asked())
        raise_signal(SIGINT)
        print("too far")
except KeyboardInterrupt:
    print("interrupted")
"""
    assert run(program).splitlines() == ["still here True", "interrupted"]


def test_handlers_are_restored_after_an_error():
    program = """
before = signal.getsignal(SIGINT), signal.getsignal(SIGTERM)
try:
    with interrupts():
        raise ValueError
except ValueError:
    print((signal.getsignal(SIGINT), signal.getsignal(SIGTERM)) == before)
"""
    assert run(program) == "True"
