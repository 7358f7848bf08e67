"""``skelstream eval``: keypoint scores on a COCO-format set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skelstream.errors import SettingsError
from skelstream.extraction.settings import ExtractionSettings

from .messages import complain, say, stdout_console, warn
from .options import Debug, NoCache, Overwrite, with_settings

if TYPE_CHECKING:
    from skelstream.evaluation.report import Evaluation
    from skelstream.evaluation.runner import Evaluated, EvaluationEvent


@with_settings("weights", "size", "orientations", "refine", "refiner", "device", "runtime", "precision")
def evaluate(
    annotations: Annotated[
        Path,
        typer.Option(help="Read this COCO annotation file, such as person_keypoints_val2017.json."),
    ],
    settings: ExtractionSettings,
    images: Annotated[Path | None, typer.Option(help="Read the set's images from this folder.")] = None,
    results: Annotated[
        Path | None, typer.Option(help="Score this COCO results file instead of an estimator.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Evaluate only the first N images.")] = None,
    scales: Annotated[
        str | None,
        typer.Option(help="Average over input size factors, such as 0.5,1,1.5; with --results: as used."),
    ] = None,
    flip: Annotated[
        bool | None,
        typer.Option("--flip/--no-flip", help="Average with the mirrored image; with --results: as used."),
    ] = None,
    turn: Annotated[
        int, typer.Option(help="Turn each image by 90, 180 or 270 degrees; the results are turned back.")
    ] = 0,
    bootstrap: Annotated[
        int, typer.Option(min=0, help="Set bootstrap draws for the 95 % intervals; 0: none.")
    ] = 1000,
    save_results: Annotated[
        Path | None, typer.Option(help="Write the poses to this file in COCO's results format.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write a Markdown report to this file.")] = None,
    worst: Annotated[
        Path | None,
        typer.Option(help="Write the images with the largest errors to this PNG, labelled beside estimated."),
    ] = None,
    worst_count: Annotated[int, typer.Option(min=1, help="Set the number of images in --worst.")] = 12,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    overwrite: Overwrite = False,
    no_cache: NoCache = False,
    debug: Debug = False,
) -> None:
    """Score poses on a COCO-format set: AP, errors by kind, PCK.

    Published figures of the same protocol are listed beside them. Ctrl-C scores
    the images processed so far.
    """
    from skelstream.evaluation.runner import EvaluationOptions, run, scoring_settings
    from skelstream.files.atomic import check_writable
    from skelstream.files.inputs import check_not_inputs
    from skelstream.video.image_folder import IMAGE_SUFFIXES

    from .estimator import make_estimator

    if images is None and (results is None or worst is not None):
        raise SettingsError(
            "give the folder of the set's images; only --results without --worst needs none", setting="images"
        )
    for path in (save_results, report, worst):
        if path is not None:
            check_writable(path, overwrite)
    check_not_inputs((save_results, report, worst), (annotations, results, images), IMAGE_SUFFIXES)
    options = EvaluationOptions(limit, bootstrap, _factors(scales), flip, turn)
    estimator = None if results else make_estimator(scoring_settings(settings.estimator, options))
    done = _show(run(annotations, images, estimator=estimator, results=results, options=options))
    _save_results(done, save_results)
    _print(done.evaluation, as_json)
    _write_report(done, report)
    _write_worst(done, images, worst, worst_count)
    if done.interrupted:
        from . import INTERRUPTED

        complain(f"interrupted; scored the first {len(done.coco_set.images)} of {done.wanted} images")
        raise typer.Exit(INTERRUPTED)


def _factors(scales: str | None) -> tuple[float, ...] | None:
    """Return the factors of ``--scales``; None without the option."""
    if scales is None:
        return None
    try:
        factors = tuple(float(scale) for scale in scales.split(","))
    except ValueError:
        factors = ()
    if not factors or not all(0.1 <= factor <= 8 for factor in factors):
        raise SettingsError(
            f"scales is {scales!r}: give factors from 0.1 to 8, such as 0.5,1,1.5", setting="scales"
        )
    return factors


def _show(events: Iterator[EvaluationEvent]) -> Evaluated:
    """Show the events with a progress bar over the images, and return the last event."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from skelstream.evaluation.runner import Evaluated, ImageEvaluated, Note

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(compact=True),
    )
    progress = Progress(*columns, console=Console(stderr=True))
    task = progress.add_task("images", rate="")
    try:
        for event in events:
            match event:
                case ImageEvaluated():
                    progress.start()
                    speed = progress.tasks[task].speed
                    rate = f"{speed:.1f}/s" if speed else ""
                    progress.update(task, completed=event.done, total=event.total, rate=rate)
                case Note():
                    progress.stop()
                    warn(event.message)
                case Evaluated():
                    return event
    finally:
        progress.stop()
    raise AssertionError("the evaluation ended without figures")


def _save_results(done: Evaluated, path: Path | None) -> None:
    from skelstream.evaluation.results import write_results

    if path is not None:
        write_results(path, done.results)
        say(f"wrote {path}")


def _write_report(done: Evaluated, path: Path | None) -> None:
    from skelstream.evaluation.report import write_report

    if path is not None:
        write_report(path, done.evaluation)
        say(f"wrote {path}")


def _write_worst(done: Evaluated, images: Path | None, path: Path | None, count: int) -> None:
    from skelstream.drawing.sheet import write_png
    from skelstream.evaluation.worst import montage, worst_images

    if path is None or images is None:
        return
    if worst := worst_images(done.evaluation.scores, count):
        write_png(path, montage(worst, done.coco_set, images))
        say(f"wrote {path}")
    else:
        say(f"{path}: not written, because no image has an error")


def _print(evaluation: Evaluation, as_json: bool) -> None:
    from skelstream.evaluation.report import as_data, tables

    if as_json:
        import json

        typer.echo(json.dumps(as_data(evaluation), indent=2))
        return
    from rich import box
    from rich.table import Table

    console = stdout_console()
    console.print(f"Protocol: {evaluation.protocol.line()}", markup=False, highlight=False)
    if evaluation.refinement is not None:
        console.print(evaluation.refinement.line(), markup=False, highlight=False)
    for failure in evaluation.unreadable:
        console.print(f"not read, scored as empty: {failure}", markup=False, highlight=False)
    for table in tables(evaluation):
        grid = Table(
            title=table.title,
            title_justify="left",
            box=box.SIMPLE_HEAD,
            collapse_padding=True,
            pad_edge=False,
        )
        for number, column in enumerate(table.columns):
            grid.add_column(column, justify="right" if number else "left", no_wrap=True)
        for row in table.rows:
            grid.add_row(*row)
        console.print(grid)
        for note in table.notes:
            console.print(note, markup=False, highlight=False)
