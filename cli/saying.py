"""Lines for the user, in which names from outside are text and nothing else."""

from __future__ import annotations

import logging

import typer

from skelstream.text import printable


def say(text: str, color: str | None = None, err: bool = True) -> None:
    """A line, on standard error unless it is what the command was asked for."""
    typer.secho(printable(text), fg=color, err=err)


def warn(text: str) -> None:
    """Something the user should know, which stops nothing."""
    say(f"skelstream: {text}", "yellow")


def complain(text: str) -> None:
    """What went wrong."""
    say(f"skelstream: {text}", "red")


def log_to_stderr() -> None:
    """Shows what the library tells its log."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
    logger = logging.getLogger("skelstream")
    logger.setLevel(logging.DEBUG)
    logger.handlers = [handler]


def plain(text: str) -> str:
    """Text for a rich table or bar that takes markup."""
    from rich.markup import escape

    return escape(printable(text))
