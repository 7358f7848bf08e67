"""Check of the terminal: how ``skelstream preview`` would draw here."""

from __future__ import annotations

import os
import queue
import sys
from collections.abc import Iterator

from skelstream.diagnosis.check import Check, State, checked


def terminal() -> Iterator[Check]:
    """Yield one check of the terminal's graphics abilities, queried for at most a second."""
    yield checked("terminal", os.environ.get("TERM") or "TERM is not set", _abilities)


def _abilities() -> Check:
    name = os.environ.get("TERM") or "TERM is not set"
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return Check(
            "terminal", name, State.UNAVAILABLE, "not a terminal; preview would print a line a second"
        )
    from skelstream.preview.terminal import Terminal
    from skelstream.preview.terminal_image import choose_graphics

    with Terminal(queue.Queue()) as opened:
        found, (columns, rows) = opened.abilities, opened.size()
    cell = f"cells of {found.cell[0]} x {found.cell[1]} pixels" if found.cell else "cells of unknown size"
    graphics = [name for name in ("truecolor", "kitty", "sixel") if getattr(found, name)]
    detail = f"{columns} x {rows}, {cell}, {', '.join(graphics) or '256 colours'}; preview would draw with "
    return Check("terminal", name, State.FINE, detail + choose_graphics("auto", found))
