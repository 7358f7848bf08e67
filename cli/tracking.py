"""Options of the tracker that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from skelstream.tracking.settings import TrackerSettings

Tracking = Annotated[
    bool,
    typer.Option(
        "--tracking/--no-tracking",
        help="Follow people; or let each image stand alone, as photos do, and give everyone in it an id.",
    ),
]
TrackerName = Annotated[
    str | None,
    typer.Option("--tracker", help="Way of tracking: skelstream (the default), bytetrack or sort."),
]
MaxStep = Annotated[
    float | None,
    typer.Option(
        "--max-step",
        min=0,
        help="Nobody is followed over a longer step between two frames. Default: 1.5.",
        metavar="SECONDS",
    ),
]
MaxLost = Annotated[
    float | None,
    typer.Option(
        "--max-lost",
        min=0,
        help="Who stays away longer comes back with a new id. Default: 1.",
        metavar="SECONDS",
    ),
]
MinObservations = Annotated[
    int | None,
    typer.Option(
        "--min-observations",
        min=1,
        help="Frames in which someone must be seen to count, where frames are close. Default: 3.",
    ),
]


def tracker_settings(
    tracking: bool,
    name: str | None,
    max_step: float | None,
    max_lost: float | None,
    min_observations: int | None,
    min_score: float | None = None,
) -> TrackerSettings:
    """The settings that a command line asks for; those that it does not name are the tracker's own.

    Without tracking, ``min_score`` alone says who counts: there is no track for others to continue.
    """
    from dataclasses import replace

    from skelstream.tracking.settings import TrackerSettings

    ways = {
        "skelstream": TrackerSettings,
        "bytetrack": TrackerSettings.bytetrack,
        "sort": TrackerSettings.sort,
    }
    if name is not None and name not in ways:
        raise typer.BadParameter(f"choose from {', '.join(ways)}", param_hint="--tracker")
    chosen = {"max_step": max_step, "max_lost": max_lost, "min_observations": min_observations}
    given = {key: value for key, value in chosen.items() if value is not None}
    if not tracking:
        if name is not None or given:
            raise typer.BadParameter("leaves the tracker nothing to be set", param_hint="--no-tracking")
        given["max_step"] = 0.0
        if min_score is not None:
            given |= {"low_score": min_score, "high_certainty": 0.0}
    return replace(ways[name or "skelstream"](), **given)
