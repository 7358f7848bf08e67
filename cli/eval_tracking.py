"""``skelstream eval-tracking``: tracking metrics of a skeleton file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .messages import stdout_console
from .options import Debug, Skeletons

if TYPE_CHECKING:
    from skelstream.evaluation.tracking import TrackingScores


def evaluate_tracking(
    skeletons: Skeletons,
    truth: Annotated[
        Path, typer.Option(help="Read ground truth in MOTChallenge's format: frame,id,x,y,w,h,confidence.")
    ],
    min_iou: Annotated[
        float,
        typer.Option(min=0.01, max=1, help="Set the least IoU of a tracked and a true box of one person."),
    ] = 0.5,
    margin: Annotated[
        float,
        typer.Option(min=0, help="Grow tracked boxes by this share per side, as they enclose joints only."),
    ] = 0.1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    debug: Debug = False,
) -> None:
    """Score tracks against ground truth: HOTA, MOTA, IDF1, switches, misses.

    [bold]skelstream eval-tracking skeletons.npz --truth MOT17-04/gt/gt.txt[/]
    """
    from skelstream.evaluation.tracking import score_file

    scores = score_file(skeletons, truth, min_iou, margin)
    if as_json:
        _print_json(scores)
    else:
        _print_table(scores)


def _print_json(scores: TrackingScores) -> None:
    import json
    import math
    from dataclasses import asdict

    # JSON has no NaN: without true people or matches there is no figure.
    figures = {name: value if math.isfinite(value) else None for name, value in asdict(scores).items()}
    typer.echo(json.dumps(figures, indent=2))


def _print_table(scores: TrackingScores) -> None:
    from rich.table import Table

    table = Table("figure", "", box=None)
    rows = {
        "HOTA": f"{100 * scores.hota:.1f} % (DetA {100 * scores.deta:.1f} %, AssA {100 * scores.assa:.1f} %)",
        "MOTA": f"{100 * scores.mota:.1f} %",
        "IDF1": f"{100 * scores.idf1:.1f} %",
        "identity switches": f"{scores.switches:,}",
        "fragmentations": f"{scores.fragmentations:,}",
        "misses": f"{scores.misses:,} of {scores.objects:,} true people in all frames",
        "false positives": f"{scores.false_positives:,}",
        "tracks": f"{scores.tracks:,} for {scores.identities:,} identities",
        "mostly tracked": f"{scores.mostly_tracked:,} identities (80 % of their frames or more)",
        "mostly lost": f"{scores.mostly_lost:,} identities (less than 20 % of their frames)",
        "mean overlap": f"{scores.overlap:.2f}",
    }
    for row in rows.items():
        table.add_row(*row)
    stdout_console(highlight=False).print(table)
