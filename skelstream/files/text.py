"""Text of unknown origin, made safe to show."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""``text`` with control characters and other unprintable characters as escapes.

    Control characters, line ends, changes of the writing direction and bytes that are no text become escapes such as
    ``\x1b``; letters of every script stay.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
