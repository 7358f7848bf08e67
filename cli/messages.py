"""Lines for the user, in which names from outside are text and nothing else."""

from __future__ import annotations

import logging
from collections.abc import Callable

import typer

from skelstream.files.text import printable


def say(text: str, color: str | None = None, err: bool = True) -> None:
    """A line, on standard error unless it is what the command was asked for."""
    typer.secho(printable(text), fg=color, err=err)


def warn(text: str) -> None:
    """Something the user should know, which stops nothing."""
    say(f"skelstream: {text}", "yellow")


def complain(text: str) -> None:
    """What went wrong."""
    say(f"skelstream: {text}", "red")


class _Said(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        say(f"{record.name}: {record.getMessage()}")


def show_log() -> Callable[[], None]:
    """Shows what the library tells its log, from here on; returns what ends that."""
    handler, logger = _Said(), logging.getLogger("skelstream")
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.DEBUG)

    def end() -> None:
        logger.removeHandler(handler)
        logger.setLevel(level)

    return end


def plain(text: str) -> str:
    """Text for a rich table or bar that takes markup."""
    from rich.markup import escape

    return escape(printable(text))
