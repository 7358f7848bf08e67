"""Messages to the user; control characters and markup in names and file contents are escaped."""

from __future__ import annotations

import logging
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from skelstream.errors import OutputError, SkelstreamError
from skelstream.files.text import no_note, printable

if TYPE_CHECKING:
    from rich.console import Console


def say(text: str, color: str | None = None, err: bool = True) -> None:
    """Print a line to standard error, or to standard output if ``err`` is false."""
    typer.secho(printable(text), fg=color, err=err)


def warn(text: str) -> None:
    """Print a warning, which does not stop the command."""
    say(f"skelstream: {text}", "yellow")


def notes(quiet: bool) -> Callable[[str], None]:
    """Return the function for the library's notes: ``warn``, or one that shows nothing."""
    return no_note if quiet else warn


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, such as ``1 track`` or ``1,204 tracks``."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


RESAMPLED = "it was resampled along the old identities; where these change from one person to another, a pose may mix both"
"""A line for files whose identities change after poses were made between the measured frames."""


def note_left_out(path: Path, gone: list[str], note: Callable[[str], None]) -> None:
    """Note what a file loses because its identities change, for example ``["3D joints"]``; nothing for an empty list."""
    if gone:
        note(f"{path}: its {' and '.join(gone)} belong to the old identities and are left out")


def show_warnings(lines: Iterable[str]) -> None:
    """Print warnings, one line each."""
    for line in lines:
        warn(line)


def complain(text: str) -> None:
    """Print an error."""
    say(f"skelstream: {text}", "red")


def program() -> str:
    """Return the command's name if the shell finds it, else its path as it was called, quoted for the shell."""
    called = Path(sys.argv[0])
    return (
        "skelstream"
        if shutil.which("skelstream") or called.stem != "skelstream"
        else shlex.quote(str(called))
    )


def described(error: SkelstreamError, command: Any) -> str:
    """Return an error's message with the option of its setting in place of ``setting=True``, or at the end.

    Args:
        error: the error.
        command: the command that failed, or a group of commands.
    """
    for part in (command, *getattr(command, "commands", {}).values()):
        for parameter in part.params if part else ():
            if parameter.name == error.setting:
                text, option, keyword = str(error), parameter.opts[0], f"{error.setting}=True"
                return text.replace(keyword, option) if keyword in text else f"{text} ({option})"
    return str(error)


def put(line: str) -> None:
    """Print a line of results to standard output.

    Raises:
        OutputError: standard output cannot be written.
        BrokenPipeError: the reader of standard output has ended.
    """
    try:
        print(line, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        with suppress(OSError):  # Python must not write the rest again at exit
            sys.stdout.close()
        raise OutputError(f"standard output cannot be written ({error.strerror})") from None


def stdout_console(**options: Any) -> Console:
    """Return rich's console of standard output, which raises BrokenPipeError if the reader has ended, as ``put`` does.

    Args:
        options: arguments of rich's ``Console``.
    """
    from rich.console import Console

    class Stdout(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return Stdout(**options)


class _LogLines(logging.Handler):
    """A handler that prints each record of the log as a line."""

    def emit(self, record: logging.LogRecord) -> None:
        say(f"{record.name}: {record.getMessage()}")


def show_log() -> Callable[[], None]:
    """Start printing the library's log, and return a function that stops it."""
    handler, logger = _LogLines(), logging.getLogger("skelstream")
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.DEBUG)

    def stop() -> None:
        logger.removeHandler(handler)
        logger.setLevel(level)

    return stop


def plain(text: str) -> str:
    """Return text with rich's markup escaped."""
    from rich.markup import escape

    return escape(printable(text))
