"""``skelstream doctor``: a check of everything that skelstream needs on this machine."""

from __future__ import annotations

import json
import os
from typing import Annotated

import typer

from .messages import plain, stdout_console
from .options import Debug

_COLORS = {"fine": "green", "unavailable": "dim", "broken": "bold red"}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    debug: Debug = False,
) -> None:
    """Check versions, devices, weights, runtimes, cache, codecs and terminal.

    Takes some seconds, as each runtime processes a frame and a video of each
    codec is read. Exit status 1 if something is broken; missing optional
    parts are not errors.

    [bold]skelstream doctor[/]
    [bold]skelstream doctor --json > doctor.json[/]  to attach to an issue
    """
    os.environ.setdefault("SVT_LOG", "1")  # else the AV1 encoder prints its settings to standard error
    from skelstream import __version__
    from skelstream.diagnosis import State, diagnose

    checks = []
    for check in diagnose():
        checks.append(check)
        if not as_json:
            _print(check.area, check.name, check.state.value, check.detail)
    broken = [check for check in checks if check.state is State.BROKEN]
    if as_json:
        report = {
            "skelstream": __version__,
            "healthy": not broken,
            "checks": [check.to_dict() for check in checks],
        }
        typer.echo(json.dumps(report, indent=2))
    else:
        typer.echo(
            f"\n{len(broken)} broken: {', '.join(c.name for c in broken)}"
            if broken
            else "\nnothing is broken"
        )
    if broken:
        raise typer.Exit(1)


def _print(area: str, name: str, state: str, detail: str) -> None:
    color = _COLORS[state]
    stdout_console(highlight=False, soft_wrap=True).print(
        f"{area:<9} {plain(name):<18} [{color}]{state:<11}[/] {plain(detail)}"
    )
