"""Full-screen use of a terminal, restored afterwards, and query of its graphics abilities."""

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

_ENTER = b"\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H\x1b[2J"  # alternate screen, no cursor, no wrapping
# Begins with the end of a string that may be incomplete after an error.
_LEAVE = b"\x1b\\\x1b[?2026l\x1b[0m\x1b[2J\x1b[?7h\x1b[?25h\x1b[?1049l"
# Kitty graphics? 24-bit colours (set a background and query it)? Size of a cell? Last, a query that all
# answer.
_QUERY = b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[48;2;1;2;3m\x1bP$qm\x1b\\\x1b[0m\x1b[16t\x1b[c"
_SHOWN = b"\x1b[5n"
_ANSWER_SECONDS = 1.0
_SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


@dataclass(frozen=True)
class Abilities:
    """Abilities of a terminal.

    Attributes:
        truecolor: whether it supports 24-bit colours.
        kitty, sixel: whether it supports kitty's graphics protocol, and sixel graphics.
        cell: (width, height) of a character cell in pixels; None if unknown.
        answers: whether it answers queries at all.
    """

    truecolor: bool = False
    kitty: bool = False
    sixel: bool = False
    cell: tuple[int, int] | None = None
    answers: bool = False


def abilities(answers: Iterable[str], environment: Mapping[str, str]) -> Abilities:
    """Return the abilities that a terminal's answers mean; the environment can only add 24-bit colours.

    tmux accepts 24-bit colours in any terminal, but does not answer the query about them.
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
    """Return the primary device attributes in an answer; empty if it is another answer."""
    found = re.fullmatch(r"\x1b\[\?([\d;]*)c", answer)
    return found[1].split(";") if found else []


class Terminal:
    """Context manager of a terminal in full-screen mode, which is restored however the block ends.

    SIGTERM and a hang-up end the block by ``SystemExit``, Ctrl-C by ``KeyboardInterrupt``.

    Args:
        inbox: queue that receives each pressed key as a character.
        keyboard, screen: file descriptors; None for standard input and output.

    Attributes:
        abilities: abilities of the terminal.
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
            os.system("")  # enables control sequences in the console
        try:
            for number in _SIGNALS:
                self._handlers[number] = signal.signal(number, _exit)
            self._keys.start()
            self._send(_ENTER)
            self.abilities = self._query()
        except BaseException:
            self._restore()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def size(self) -> tuple[int, int]:
        """Return the present numbers of columns and rows."""
        columns, rows = os.get_terminal_size(self._screen)
        return columns, rows

    def show(self, parts: bytes) -> None:
        """Send a screen that appears at once (synchronised output, DEC private mode 2026)."""
        query = _SHOWN if self.abilities.answers else b""
        if query:
            self._arrived.clear()
            self._sent = time.monotonic()
        self._send(b"\x1b[?2026h" + parts + b"\x1b[?2026l" + query)

    def ready(self) -> bool:
        """Return whether the last screen has arrived: over a slow line, screens must not queue up."""
        return self._arrived.is_set() or time.monotonic() - self._sent > _ANSWER_SECONDS

    def _received(self, item: str) -> None:
        if item == "\x1b[0n":
            self._arrived.set()
            self._inbox.put("")  # the reader may be waiting for the terminal to be ready
        elif item.startswith("\x1b"):
            self._answers.put(item)
        else:
            self._inbox.put(item)

    def _query(self) -> Abilities:
        if sys.platform == "win32":
            return Abilities(
                truecolor=True
            )  # supported by Windows consoles since 2017; their answers would arrive as key presses
        if not self._keys.available:
            return abilities([], os.environ)
        self._send(_QUERY)
        answers: list[str] = []
        until = time.monotonic() + _ANSWER_SECONDS
        while not any(_attributes(answer) for answer in answers):
            try:
                answers.append(self._answers.get(timeout=max(0.0, until - time.monotonic())))
            except queue.Empty:
                break
        self._send(b"\x1b[H\x1b[2J")  # a terminal may have printed unknown sequences
        found = abilities(answers, os.environ)
        return found if found.cell else replace(found, cell=self._cell())

    def _cell(self) -> tuple[int, int] | None:
        """Return the size of a cell from the kernel, for terminals that do not answer (xterm by default)."""
        import fcntl
        import termios

        with suppress(OSError):
            size = fcntl.ioctl(self._screen, termios.TIOCGWINSZ, bytes(8))
            rows, columns, width, height = struct.unpack("HHHH", size)
            if rows and columns and width >= columns and height >= rows:
                return width // columns, height // rows
        return None

    def _send(self, data: bytes) -> None:
        # Written to the descriptor directly, so that an interrupted screen leaves nothing in a buffer.
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._screen, view) :]
            except BlockingIOError:
                select.select([], [self._screen], [])

    def _restore(self) -> None:
        # A second Ctrl-C must not interrupt this.
        numbers = [signal.SIGINT, *self._handlers]
        handlers = {number: signal.signal(number, signal.SIG_IGN) for number in numbers} | self._handlers
        try:
            with suppress(OSError):  # the terminal may be gone
                self._send(_LEAVE)
            # A later answer would be typed into the shell.
            self._arrived.wait(_ANSWER_SECONDS)
            self._keys.stop()
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)


def _exit(number: int, frame: object) -> None:
    raise SystemExit(128 + number)
