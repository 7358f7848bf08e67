"""What a terminal sends: keys that a person pressed, and the terminal's answers to questions."""

from __future__ import annotations

import os
import re
import select
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

# An answer is a string (DCS, OSC, APC: up to ST) or a control sequence; so are arrow and function keys.
_SEQUENCE = re.compile(
    rb"\x1b[P_\]][^\x1b\x07]*(?:\x1b\\|\x07)"  # DCS, APC, OSC
    rb"|\x1b\[[0-?]*[ -/]*[@-~]"  # CSI
    rb"|\x1bO."  # SS3
)
_UNFINISHED = re.compile(rb"\x1b(?:[P_\]][^\x1b\x07]*\x1b?|\[[0-?]*[ -/]*|O)?\Z")
_LONGEST = 4096

HUNG_UP = "\x04"
"""Comes as a key when the keyboard is gone; it is also what Ctrl-D sends."""


class InputSplitter:
    """Takes a terminal's bytes apart into keys and sequences, however they are cut up on their way."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, received: bytes) -> list[str]:
        """One string a key (the character) or sequence (which begins with ESC)."""
        buffer, found = self._rest + received, []
        self._rest = b""
        while buffer:
            sequence = _SEQUENCE.match(buffer)
            if sequence:
                found.append(sequence[0].decode("latin-1"))
                buffer = buffer[sequence.end() :]
            elif _UNFINISHED.match(buffer) and len(buffer) < _LONGEST:
                self._rest = buffer
                break
            else:
                # A lone ESC before another key, or the first byte of a character that is no key of ours.
                found.append(buffer[:1].decode("latin-1"))
                buffer = buffer[1:]
        return [item for item in found if item != "\x1b"]


class Keyboard:
    """Reads a keyboard key by key, without echo, in a thread.

    Args:
        keyboard: file descriptor.
        received: called in the thread with each key (a character) and each sequence (which begins with ESC).

    Attributes:
        there: whether there is a keyboard at all.
    """

    def __init__(self, keyboard: int, received: Callable[[str], None]) -> None:
        self._keyboard, self._received = keyboard, received
        self._stopped = threading.Event()
        self.there = os.isatty(keyboard)
        self._thread: threading.Thread | None = None
        self._mode: list | None = None

    def start(self) -> None:
        if not self.there:
            return
        if sys.platform != "win32":
            self._take_over()
        read = self._read_windows if sys.platform == "win32" else self._read
        self._wake, self._waker = os.pipe()
        self._thread = threading.Thread(target=read, name="skelstream-keys", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        if self._thread is not None:
            self._stopped.set()
            os.write(self._waker, b".")
            self._thread.join()
            self._thread = None
            os.close(self._wake)
            os.close(self._waker)
        if self._mode is not None:
            import termios

            with suppress(termios.error):
                # Flushing keeps answers that come late from the shell.
                termios.tcsetattr(self._keyboard, termios.TCSAFLUSH, self._mode)
            self._mode = None

    def _take_over(self) -> None:
        import termios

        mode = termios.tcgetattr(self._keyboard)
        self._mode = [*mode[:6], list(mode[6])]
        mode[0] &= ~termios.IXON  # Ctrl-S would stop the image for good
        mode[3] &= ~(termios.ICANON | termios.ECHO)
        # Suspended, the program would leave the screen to a shell that cannot use it.
        mode[6][termios.VSUSP] = b"\x00"
        mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
        termios.tcsetattr(self._keyboard, termios.TCSADRAIN, mode)

    def _read(self) -> None:
        splitter = InputSplitter()
        while True:
            readable, _, _ = select.select([self._keyboard, self._wake], [], [])
            if self._wake in readable:
                return
            try:
                received = os.read(self._keyboard, 1024)
            except OSError:
                received = b""
            if not received:
                self._received(HUNG_UP)
                return
            for item in splitter.feed(received):
                self._received(item)

    def _read_windows(self) -> None:
        import msvcrt

        while not self._stopped.wait(0.05):
            while msvcrt.kbhit():
                self._received(msvcrt.getwch())
