"""A terminal taken over for a while and given back as it was, and what it is able to show."""

from __future__ import annotations

import os
import queue
import re
import select
import signal
import struct
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

from skelstream.preview.terminal_input import Keyboard

_ENTER = b"\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H\x1b[2J"  # other screen, no cursor, no wrapping
# First the end of whatever string was under way when something went wrong.
_LEAVE = b"\x1b\\\x1b[?2026l\x1b[0m\x1b[2J\x1b[?7h\x1b[?25h\x1b[?1049l"
# Kitty graphics? 24-bit colours (what is the ground, once set)? Size of a cell? Last, what all answer.
_ASK = b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[48;2;1;2;3m\x1bP$qm\x1b\\\x1b[0m\x1b[16t\x1b[c"
_SHOWN = b"\x1b[5n"
_ANSWER_SECONDS = 1.0
_SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


@dataclass(frozen=True)
class Abilities:
    """What a terminal says of itself.

    Attributes:
        truecolor: 24-bit colours.
        kitty, sixel: graphics that it shows.
        cell: pixels (width, height) of a character cell; None if unknown.
        answers: it answers questions at all.
    """

    truecolor: bool = False
    kitty: bool = False
    sixel: bool = False
    cell: tuple[int, int] | None = None
    answers: bool = False


def abilities(answers: Iterable[str], environment: Mapping[str, str]) -> Abilities:
    """What the answers to the questions mean; the environment can only add 24-bit colours.

    tmux takes 24-bit colours whatever it runs in, and has no answer about them.
    """
    answers = list(answers)
    color = environment.get("COLORTERM", "") in ("truecolor", "24bit") or "TMUX" in environment
    kitty = sixel = False
    cell = None
    for answer in answers:
        if re.match(r"\x1bP1\$r.*48[:;]2[:;]+1[:;]2[:;]3", answer):
            color = True
        elif re.match(r"\x1b_Gi=31[,;].*OK", answer):
            kitty = True
        elif size := re.fullmatch(r"\x1b\[6;(\d+);(\d+)t", answer):
            cell = int(size[2]), int(size[1])
        elif attributes := _attributes(answer):
            sixel = "4" in attributes
    cell = cell if cell and min(cell) > 0 else None
    return Abilities(color, kitty, sixel, cell, any(_attributes(answer) for answer in answers))


def _attributes(answer: str) -> list[str]:
    """A terminal's primary device attributes."""
    found = re.fullmatch(r"\x1b\[\?([\d;]*)c", answer)
    return found[1].split(";") if found else []


class Terminal:
    """The terminal in full-screen mode, inside a ``with``; it is given back however the block ends.

    SIGTERM and a hang-up end the block by ``SystemExit``, Ctrl-C by ``KeyboardInterrupt``.

    Args:
        inbox: each key that is pressed arrives here, a character.
        keyboard, screen: file descriptors.
    """

    def __init__(self, inbox: queue.Queue, keyboard: int | None = None, screen: int | None = None) -> None:
        self._inbox = inbox
        self._keyboard = sys.stdin.fileno() if keyboard is None else keyboard
        self._screen = sys.stdout.fileno() if screen is None else screen
        self._answers: queue.Queue[str] = queue.Queue()
        self._arrived, self._sent = threading.Event(), 0.0
        self._arrived.set()
        self._handlers: dict[int, Any] = {}
        self.abilities = Abilities()

    def __enter__(self) -> Terminal:
        self._keys = Keyboard(self._keyboard, self._received)
        if sys.platform == "win32":
            os.system("")  # switches the console's understanding of control sequences on
        try:
            for number in _SIGNALS:
                self._handlers[number] = signal.signal(number, _exit)
            self._keys.start()
            self._send(_ENTER)
            self.abilities = self._ask()
        except BaseException:
            self._restore()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def size(self) -> tuple[int, int]:
        """Columns and rows at this moment."""
        columns, rows = os.get_terminal_size(self._screen)
        return columns, rows

    def show(self, parts: bytes) -> None:
        """Sends a screen that appears in one piece (synchronised output, DEC private mode 2026)."""
        ask = _SHOWN if self.abilities.answers else b""
        if ask:
            self._arrived.clear()
            self._sent = time.monotonic()
        self._send(b"\x1b[?2026h" + parts + b"\x1b[?2026l" + ask)

    def ready(self) -> bool:
        """Whether what was shown last has arrived: over a slow line, screens must not queue up."""
        return self._arrived.is_set() or time.monotonic() - self._sent > _ANSWER_SECONDS

    def _received(self, item: str) -> None:
        if item == "\x1b[0n":
            self._arrived.set()
            self._inbox.put("")  # the reader may be waiting for the terminal to be ready
        elif item.startswith("\x1b"):
            self._answers.put(item)
        else:
            self._inbox.put(item)

    def _ask(self) -> Abilities:
        if sys.platform == "win32":
            return Abilities(
                truecolor=True
            )  # its consoles have it since 2017; their answers come as key presses
        if not self._keys.there:
            return abilities([], os.environ)
        self._send(_ASK)
        answers: list[str] = []
        until = time.monotonic() + _ANSWER_SECONDS
        while not any(_attributes(answer) for answer in answers):
            try:
                answers.append(self._answers.get(timeout=max(0.0, until - time.monotonic())))
            except queue.Empty:
                break
        self._send(b"\x1b[H\x1b[2J")  # a terminal may have printed what it did not understand
        said = abilities(answers, os.environ)
        return said if said.cell else replace(said, cell=self._cell())

    def _cell(self) -> tuple[int, int] | None:
        """Pixels of a cell as the kernel has them, for terminals that do not tell (xterm, by default)."""
        import fcntl
        import termios

        with suppress(OSError):
            size = fcntl.ioctl(self._screen, termios.TIOCGWINSZ, bytes(8))
            rows, columns, width, height = struct.unpack("HHHH", size)
            if rows and columns and width >= columns and height >= rows:
                return width // columns, height // rows
        return None

    def _send(self, data: bytes) -> None:
        # Straight to the descriptor: of a screen that was broken off, nothing is left in a buffer.
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._screen, view) :]
            except BlockingIOError:
                select.select([], [self._screen], [])

    def _restore(self) -> None:
        # A second Ctrl-C must not stop this half-way.
        numbers = [signal.SIGINT, *self._handlers]
        handlers = {number: signal.signal(number, signal.SIG_IGN) for number in numbers} | self._handlers
        try:
            with suppress(OSError):  # the terminal may be gone
                self._send(_LEAVE)
            # An answer that came later would be typed into the shell.
            self._arrived.wait(_ANSWER_SECONDS)
            self._keys.stop()
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)


def _exit(number: int, frame: object) -> None:
    raise SystemExit(128 + number)
