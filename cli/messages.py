"""Lines for the user, in which text from outside is printed as text and nothing else."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress

import typer

from skelstream.errors import OutputError
from skelstream.files.text import printable


def say(text: str, color: str | None = None, err: bool = True) -> None:
    """Print a line, to standard error unless it is the command's result."""
    typer.secho(printable(text), fg=color, err=err)


def warn(text: str) -> None:
    """Print a warning, which does not stop the command."""
    say(f"skelstream: {text}", "yellow")


def show_warnings(lines: Iterable[str]) -> None:
    """Print warnings, a line each."""
    for line in lines:
        warn(line)


def complain(text: str) -> None:
    """Print an error."""
    say(f"skelstream: {text}", "red")


def put(line: str) -> None:
    """Print a line of results to standard output.

    Raises:
        OutputError: standard output cannot be written.
        BrokenPipeError: its reader has gone.
    """
    try:
        print(line, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        with suppress(OSError):  # unwritten output must not be tried again at exit
            sys.stdout.close()
        raise OutputError(f"standard output cannot be written ({error.strerror})") from None


class _LogLines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        say(f"{record.name}: {record.getMessage()}")


def show_log() -> Callable[[], None]:
    """Print the library's log from now on; return a function that ends this."""
    handler, logger = _LogLines(), logging.getLogger("skelstream")
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.DEBUG)

    def end() -> None:
        logger.removeHandler(handler)
        logger.setLevel(level)

    return end


def plain(text: str) -> str:
    """Return text for a rich table or bar that takes markup."""
    from rich.markup import escape

    return escape(printable(text))
