"""Input from a terminal: pressed keys, and the terminal's answers to queries."""

from __future__ import annotations

import os
import re
import select
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

# Answers are strings (DCS, OSC, APC: up to ST) or control sequences; arrow and function keys are control
# sequences.
_SEQUENCE = re.compile(
    rb"\x1b[P_\]][^\x1b\x07]*(?:\x1b\\|\x07)"  # DCS, APC, OSC
    rb"|\x1b\[[0-?]*[ -/]*[@-~]"  # CSI
    rb"|\x1bO."  # SS3
)
_UNFINISHED = re.compile(rb"\x1b(?:[P_\]][^\x1b\x07]*\x1b?|\[[0-?]*[ -/]*|O)?\Z")
_LONGEST = 4096

HUNG_UP = "\x04"
"""Key received when the terminal has been closed; Ctrl-D sends the same."""


class InputSplitter:
    """Splitter of a terminal's bytes into keys and sequences, which may arrive in parts."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, received: bytes) -> list[str]:
        """Return one string for each key (the character) or sequence (which begins with ESC) in the bytes."""
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
                # A lone ESC before another key, or the first byte of a character that is not a known key.
                found.append(buffer[:1].decode("latin-1"))
                buffer = buffer[1:]
        return [item for item in found if item != "\x1b"]


class Keyboard:
    """Reader of a keyboard in a thread, key by key and without echo.

    Args:
        keyboard: file descriptor.
        received: function called in the thread with each key (a character) and sequence (which begins with
            ESC).

    Attributes:
        available: whether there is a keyboard at all.
    """

    def __init__(self, keyboard: int, received: Callable[[str], None]) -> None:
        self._keyboard, self._received = keyboard, received
        self._stopped = threading.Event()
        self.available = os.isatty(keyboard)
        self._thread: threading.Thread | None = None
        self._mode: list | None = None

    def start(self) -> None:
        """Start reading, if there is a keyboard."""
        if not self.available:
            return
        if sys.platform != "win32":
            self._take_over()
        read = self._read_windows if sys.platform == "win32" else self._read
        self._wake, self._waker = os.pipe()
        self._thread = threading.Thread(target=read, name="skelstream-keys", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop reading and restore the terminal's mode."""
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
                # Flushing keeps late answers out of the shell.
                termios.tcsetattr(self._keyboard, termios.TCSAFLUSH, self._mode)
            self._mode = None

    def _take_over(self) -> None:
        import termios

        mode = termios.tcgetattr(self._keyboard)
        self._mode = [*mode[:6], list(mode[6])]
        mode[0] &= ~termios.IXON  # Ctrl-S would freeze the image
        mode[3] &= ~(termios.ICANON | termios.ECHO)
        # A suspended program would leave the shell with an unusable screen.
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
        assert sys.platform == "win32"
        import msvcrt

        while not self._stopped.wait(0.05):
            while msvcrt.kbhit():
                self._received(msvcrt.getwch())
