"""``skelstream eval``: keypoint scores on a COCO-format set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skelstream.extraction.settings import ExtractionSettings

from .messages import say
from .options import Debug, with_settings

if TYPE_CHECKING:
    from skelstream.estimation.pose_estimator import PoseEstimator
    from skelstream.evaluation.annotations import CocoSet
    from skelstream.evaluation.protocol import EvalProtocol
    from skelstream.evaluation.refinement_gain import LookByLook
    from skelstream.evaluation.report import Evaluation
    from skelstream.evaluation.run import ImageEstimate
    from skelstream.settings import EstimatorSettings


@with_settings("weights", "size", "refine", "refiner", "device", "runtime", "precision")
def evaluate(
    annotations: Annotated[
        Path,
        typer.Option(help="COCO annotation file with person keypoints, as person_keypoints_val2017.json."),
    ],
    settings: ExtractionSettings,
    images: Annotated[Path | None, typer.Option(help="Folder of the set's images.")] = None,
    results: Annotated[
        Path | None, typer.Option(help="Score this COCO results file, of any tool, instead of the estimator.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N images.")] = None,
    scales: Annotated[
        str | None,
        typer.Option(
            help="Factors of the input size to average over, as 0.5,1,1.5. With --results: as they were."
        ),
    ] = None,
    flip: Annotated[
        bool | None,
        typer.Option("--flip/--no-flip", help="Average in the mirrored image. With --results: as they were."),
    ] = None,
    bootstrap: Annotated[
        int, typer.Option(min=0, help="Draws of images for the 95 % intervals; 0 leaves them out.")
    ] = 1000,
    save_results: Annotated[
        Path | None, typer.Option(help="Write the estimates in COCO's results format.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write a Markdown report.")] = None,
    worst: Annotated[
        Path | None, typer.Option(help="Write a PNG of the costliest images, as labelled and as estimated.")
    ] = None,
    worst_count: Annotated[int, typer.Option(min=1, help="Images on that sheet.")] = 12,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
    debug: Debug = False,
) -> None:
    """Score poses on a COCO-format set: AP, errors by kind, PCK, and published figures of the same protocol.

    An interrupt (Ctrl-C) scores the images done so far.
    """
    from dataclasses import replace

    from skelstream.drawing.sheet import write_png
    from skelstream.evaluation.annotations import load_annotations
    from skelstream.evaluation.protocol import EvalProtocol, describe_images
    from skelstream.evaluation.refinement_gain import LookByLook
    from skelstream.evaluation.report import evaluate as score_and_diagnose
    from skelstream.evaluation.report import write_report
    from skelstream.evaluation.results import read_results, write_results
    from skelstream.evaluation.run import check_images
    from skelstream.evaluation.worst import montage, worst_images
    from skelstream.files.atomic import check_writable

    from . import INTERRUPTED

    if images is None and (results is None or worst is not None):
        raise typer.BadParameter("needed unless only --results are scored", param_hint="--images")
    factors = _factors(scales)
    for path in (save_results, report, worst):
        if path is not None:
            check_writable(path, overwrite)
    coco_set = load_annotations(annotations)
    if limit is not None:
        coco_set = coco_set.head(limit)
    if images is not None:
        check_images(coco_set, images)

    wanted, unreadable = len(coco_set.images), ()
    both: LookByLook | None = None
    seen: list[int | str] = []
    if results is not None:
        # Of a part of the set, all others are left out on purpose.
        rows = read_results(results, coco_set, *([_note] if limit is None else []))
        protocol = EvalProtocol("", factors, flip, estimator=results.name)
    else:
        estimator, protocol = _estimator(_settings(settings.estimator, factors, bool(flip)))
        assert images is not None  # it was asked for above
        refined = settings.estimator.refinement.enabled
        both = (
            LookByLook(estimator, estimator.settings.detection.grouping.min_person_score) if refined else None
        )
        done = _run(both or estimator, coco_set, images)
        if not done:
            raise KeyboardInterrupt
        coco_set = coco_set.head(len(done))
        seen = [estimate.image_id for estimate in done if not estimate.failure]
        rows = [row for estimate in done for row in estimate.results]
        unreadable = tuple(estimate.failure for estimate in done if estimate.failure)
        assumed = [estimate.assumed for estimate in done if estimate.assumed]
        if assumed:
            more = f"; so are {len(assumed) - 1} more" if len(assumed) > 1 else ""
            _note(f"{assumed[0]}{more}")
    if save_results is not None:
        write_results(save_results, rows)
        say(f"wrote {save_results}")

    protocol = replace(protocol, images=describe_images(coco_set, len(unreadable)))
    evaluation = score_and_diagnose(coco_set, rows, protocol, bootstrap, unreadable)
    if both is not None:
        compared = both.compared(coco_set, seen, evaluation.scores.metrics["AP"])
        evaluation = replace(evaluation, looks=compared)
    _print(evaluation, as_json)
    if report is not None:
        write_report(report, evaluation)
        say(f"wrote {report}")
    if worst is not None and images is not None:
        if costly := worst_images(evaluation.scores, worst_count):
            write_png(worst, montage(costly, coco_set, images))
            say(f"wrote {worst}")
        else:
            say(f"not written, as no image cost anything: {worst}")
    if len(coco_set.images) < wanted:
        typer.secho(
            f"skelstream: interrupted; scored the first {len(coco_set.images)} of {wanted} images",
            fg="red",
            err=True,
        )
        raise typer.Exit(INTERRUPTED)


def _note(text: str) -> None:
    typer.secho(f"skelstream: {text}", fg="yellow", err=True)


def _factors(scales: str | None) -> tuple[float, ...] | None:
    """The numbers of ``--scales``."""
    if scales is None:
        return None
    try:
        factors = tuple(float(scale) for scale in scales.split(","))
    except ValueError:
        factors = ()
    if not factors or not all(0.1 <= factor <= 8 for factor in factors):
        raise typer.BadParameter(
            "factors from 0.1 to 8 with commas between, as 0.5,1,1.5", param_hint="--scales"
        )
    return factors


def _settings(settings: EstimatorSettings, scales: tuple[float, ...] | None, flip: bool) -> EstimatorSettings:
    """Return the estimator's settings for scoring: a gap costs as much as a wrong joint, so every joint is submitted."""
    from dataclasses import replace

    return replace(
        settings,
        detection=replace(settings.detection, scales=scales or (1.0,), flip=flip),
        refinement=replace(settings.refinement, min_joint_score=0.0, flip=flip),
    )


def _estimator(
    settings: EstimatorSettings,
) -> tuple[PoseEstimator, EvalProtocol]:
    """The estimator, and how it measures; the images are named later."""
    from skelstream.evaluation.protocol import EvalProtocol

    from .estimator import make_estimator

    estimator = make_estimator(settings)
    protocol = EvalProtocol(
        images="",
        scales=settings.detection.scales,
        flip=settings.detection.flip,
        input_size=f"long side {settings.detection.size}",
        estimator=estimator.provenance.model,
        weights=estimator.provenance.weights_sha256,
        runtime=estimator.provenance.runtime,
        boxes=False,
    )
    return estimator, protocol


def _run(estimator: PoseEstimator | LookByLook, coco_set: CocoSet, folder: Path) -> list[ImageEstimate]:
    """The estimates, with a progress bar; after an interrupt, those done so far."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from skelstream.evaluation.run import estimate

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(compact=True),
    )
    done: list[ImageEstimate] = []
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("images", total=len(coco_set.images), rate="")
        try:
            for one in estimate(estimator, coco_set, folder, estimator.skeleton):
                done.append(one)
                speed = progress.tasks[task].speed
                progress.update(task, advance=1, rate=f"{speed:.1f}/s" if speed else "")
        except KeyboardInterrupt:
            progress.console.print("stopping")
    return done


def _print(evaluation: Evaluation, as_json: bool) -> None:
    from skelstream.evaluation.report import as_data, tables

    if as_json:
        import json

        typer.echo(json.dumps(as_data(evaluation), indent=2))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print(f"Protocol: {evaluation.protocol.line()}", markup=False, highlight=False)
    if evaluation.looks is not None:
        console.print(evaluation.looks.line(), markup=False, highlight=False)
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
