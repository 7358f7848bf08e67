"""Escaping of text of unknown origin, to show it safely."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Return ``text`` with unprintable characters escaped.

    Control characters, line ends, changes of the writing direction and undecodable bytes become escapes such
    as ``\x1b``; letters of every script stay.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def no_note(_: str) -> None:
    """Show nothing: the default of arguments that are called with each note."""
