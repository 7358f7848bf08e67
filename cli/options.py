"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer


def _debug(ctx: typer.Context, value: bool) -> None:
    if value:
        ctx.find_root().obj = "debug"


Debug = Annotated[
    bool, typer.Option("--debug", callback=_debug, help="Show the whole traceback of an error.")
]
