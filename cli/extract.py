"""``skelstream extract``: videos to skeleton sequences."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from skelstream.errors import OutputError

from .messages import complain, say, warn
from .options import (
    Debug,
    Device,
    Every,
    Fill,
    FirstLookEvery,
    ImageRate,
    Joints,
    Lift,
    Looks,
    MaxPeople,
    MinScore,
    Person,
    Precision,
    Rate,
    RegionSides,
    Runtime,
    SecondLook,
    Size,
    SlowMotion,
    Smooth,
    Weights,
    estimator_settings,
    frames_between,
)
from .tracking import (
    MaxLost,
    MaxStep,
    MinObservations,
    TrackerName,
    Tracking,
    tracker_settings,
)

if TYPE_CHECKING:
    from skelstream.estimation.pose_estimator import PoseEstimator
    from skelstream.extraction.extraction import Extraction
    from skelstream.pipeline import PipelineSettings


def extract(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="Video files, folders or patterns of images, URLs, or a camera's number.",
            metavar="SOURCE...",
        ),
    ],
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            help="File to write (its ending decides the format), a folder for several sources, or - for JSON lines"
            " on standard output as frames are done. Default: the source's name with .npz, here.",
        ),
    ] = None,
    format: Annotated[
        str | None, typer.Option(help="Format of the output, if its ending does not say it.")
    ] = None,
    device: Device = "auto",
    runtime: Runtime = "auto",
    precision: Precision = "auto",
    weights: Weights = None,
    size: Size = None,
    looks: Looks = "auto",
    second: SecondLook = None,
    first_look_every: FirstLookEvery = "1",
    start: Annotated[float | None, typer.Option(min=0, help="Seconds to begin at.")] = None,
    end: Annotated[float | None, typer.Option(min=0, help="Seconds to stop at.")] = None,
    every: Every = 1,
    rate: ImageRate = None,
    max_people: MaxPeople = None,
    min_score: MinScore = None,
    region: RegionSides = None,
    slow_motion: SlowMotion = 1.0,
    tracking: Tracking = True,
    tracker: TrackerName = None,
    max_step: MaxStep = None,
    max_lost: MaxLost = None,
    min_observations: MinObservations = None,
    skeleton: Joints = None,
    fill: Fill = None,
    smooth: Smooth = False,
    fps: Rate = None,
    person: Person = None,
    lift: Lift = False,
    sheet: Annotated[
        Path | None, typer.Option(help="Also write a PNG of skeletons drawn on a dozen of the frames.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
    debug: Debug = False,
) -> None:
    """Find people in videos, follow them, and write their skeletons.

    [bold]skelstream extract dance.mp4 -o dance.npz --sheet dance.png[/]
    [bold]skelstream extract clips/*.mp4 -o skeletons/[/]  goes on where it was stopped
    [bold]skelstream extract frames/ --rate 25 -o walk.npz[/]
    [bold]skelstream extract photos/ --no-tracking -o people.npz[/]
    [bold]skelstream extract rtsp://camera/1 -o - | my_recogniser[/]

    Ctrl-C, SIGTERM and a hang-up keep the frames so far in NAME.partial.npz. Each minute they go to NAME.checkpoint, from
    which the same command goes on after a kill or a power cut, and which convert reads. The exit status is 1 if a source failed,
    130 after Ctrl-C, 143 after SIGTERM, 129 after a hang-up. Several processes may share a folder of results.
    """
    from skelstream.extraction.output import check_apart
    from skelstream.files.atomic import check_writable
    from skelstream.geometry.region import Region
    from skelstream.network.model_file import LIFT
    from skelstream.pipeline import PipelineSettings
    from skelstream.processing.postprocessing import Postprocessing

    from .estimator import make_estimator

    part = PipelineSettings(
        start=start,
        end=end,
        every=every,
        fps=rate,
        region=None if region is None else Region.parsed(region),
        slow_motion=slow_motion,
        max_people=max_people,
        first_look_every=frames_between(first_look_every),
        tracking=tracker_settings(tracking, tracker, max_step, max_lost, min_observations, min_score),
    )
    written = {
        "format": format,
        "postprocessing": Postprocessing(skeleton, fill, smooth, fps, person, LIFT if lift else None),
        "overwrite": overwrite,
    }
    many = len(sources) > 1 or _is_folder(output, format)
    if many and (output in (None, "-") or sheet is not None):
        raise typer.BadParameter("several sources need -o FOLDER, and no --sheet", param_hint="--output")
    if output == "-" and (sheet is not None or format not in (None, "jsonl")):
        raise typer.BadParameter(
            "standard output takes JSON lines only, and no --sheet", param_hint="--output"
        )
    if output == "-" and (skeleton, fill, fps, person, lift) != (None, None, None, None, False):
        raise typer.BadParameter(
            "what is written frame by frame cannot wait for --fill, --skeleton, --fps, --person or --lift",
            param_hint="--output",
        )
    if sheet is not None:
        if output is not None and sheet.absolute() == Path(output).absolute():
            raise typer.BadParameter("would take the place of the output", param_hint="--sheet")
        check_writable(sheet, overwrite)
        check_apart(sheet, sources[0])

    settings = estimator_settings(weights, device, size, min_score, runtime, precision, looks, second)

    def estimator() -> PoseEstimator:
        return make_estimator(settings)

    if output == "-":
        _lines(sources[0], estimator, part, smooth)
    elif many:
        _many(sources, Path(str(output)), estimator, part, written, quiet)
    else:
        _one(sources[0], output, estimator, part, written, sheet, quiet)


def _is_folder(output: str | None, format: str | None) -> bool:
    """Whether results go into ``output``, each by its source's name; some formats are folders themselves."""
    from skelstream.formats import FORMATS

    if output in (None, "-") or (format in FORMATS and FORMATS[format].folder):
        return False
    return output.endswith("/") or Path(output).is_dir()


def _lines(source: str, estimator: Any, part: PipelineSettings, smooth: bool) -> None:
    from skelstream.formats import frame_line
    from skelstream.pipeline import Pipeline
    from skelstream.processing.one_euro import OneEuro
    from skelstream.skeleton import OPENPOSE18

    euro = OneEuro() if smooth else None
    with Pipeline(source, estimator, part) as pipeline:
        size = pipeline.info.height, pipeline.info.width
        for analysed in pipeline:
            tracked = euro.update(analysed.tracked) if euro else analysed.tracked
            _put(frame_line(tracked, OPENPOSE18, size))
        _warn(pipeline.warnings)


def _put(line: str) -> None:
    try:
        print(line, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        with suppress(OSError):  # what could not be written now must not be tried again at exit
            sys.stdout.close()
        raise OutputError(f"standard output cannot be written ({error.strerror})") from None


def _one(
    source: str,
    output: str | None,
    estimator: Any,
    part: PipelineSettings,
    written: dict,
    sheet: Path | None,
    quiet: bool,
) -> None:
    from skelstream.drawing.sheet import sequence_sheet, write_png
    from skelstream.extraction.extraction import run

    from .progress import FrameProgress

    path = Path(output or f"{Path(source).stem}.npz")
    with FrameProgress(Path(source).name, quiet) as progress:
        done = run(source, estimator, path, part, report=progress.report, **written)
    _warn(done.warnings)
    files = [str(path)]
    if sheet is not None:
        counted = done.sequence.meta.get("resampled", {}).get("frame_index") == "counted"
        write_png(sheet, sequence_sheet(done.sequence, None if counted else source))
        files.append(str(sheet))
    if not quiet:
        _summary(done, files)


def _many(
    sources: list[str], folder: Path, estimator: Any, part: PipelineSettings, written: dict, quiet: bool
) -> None:
    from skelstream.extraction.many import run_many

    from .progress import FrameProgress

    failed = done = skipped = elsewhere = 0
    with FrameProgress(f"{len(sources)} sources", quiet, len(sources)) as progress:
        for outcome in run_many(sources, estimator, folder, part, report=progress.report, **written):
            progress.source_done()
            if outcome.error is not None:
                failed += 1
                complain(str(outcome.error))
            elif outcome.elsewhere:
                elsewhere += 1
            elif outcome.extraction is None:
                skipped += 1
            else:
                done += 1
                _warn(outcome.extraction.warnings)
    if not quiet:
        others = f"{elsewhere} with another process, " if elsewhere else ""
        say(f"{done} extracted, {skipped} there already, {others}{failed} failed; in {folder}")
    if failed:
        raise typer.Exit(1)


def _warn(warnings: list[str]) -> None:
    for warning in warnings:
        warn(warning)


def _summary(done: Extraction, written: list[str]) -> None:
    from rich.console import Console
    from rich.table import Table

    sequence = done.sequence
    frames, lost = len(sequence.frame_time), int((~sequence.frame_ok).sum())
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_row("frames", f"{frames}" + (f", {lost} failed to decode" if lost else "")
                  + (f", {done.times.dropped} dropped" if done.times.dropped else ""))  # fmt: skip
    table.add_row("people", f"{len(sequence.frame) / max(1, frames):.1f} a frame")
    table.add_row("tracks", f"{len(sequence.track_ids)}")
    if done.times.crops:
        over = f", {done.times.passed_over} passed over" if done.times.passed_over else ""
        table.add_row("looked at again", f"{done.times.crops}{over}")
    if done.resumed:
        table.add_row("gone on after", f"{done.resumed} frames")
    if done.times.first_looks < frames - lost:
        table.add_row("first looks", f"{done.times.first_looks} of {frames} frames")
    rate = f"{frames / done.seconds:.1f} frames/s" if done.seconds else ""
    table.add_row("time", f"{done.seconds:.1f} s", rate)
    for stage, seconds in done.times.seconds.items():
        if stage == "second look" and not done.times.crops:
            continue
        table.add_row(f"  {stage}", f"{seconds:.1f} s", f"{frames / seconds:.1f} frames/s" if seconds else "")
    Console(stderr=True).print(table)
    for path in written:
        say(f"wrote {path}")
