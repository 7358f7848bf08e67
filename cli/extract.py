"""``skelstream extract``: extraction of skeleton sequences from videos."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from skelstream.errors import SettingsError
from skelstream.extraction.settings import ExtractionSettings
from skelstream.lazy import importing

from .messages import complain, described, program, put, say, show_warnings
from .options import Debug, NoCache, Overwrite, Quiet, with_settings

if TYPE_CHECKING:
    from skelstream.extraction.extraction import Extraction

_OUTPUT = "Output"


@with_settings("video.*", "detect_every", "estimator.*", "tracking.*", "postprocessing.*")
def extract(
    ctx: typer.Context,
    sources: Annotated[
        list[str],
        typer.Argument(help="Videos, image folders, URLs, cameras.", metavar="SOURCE..."),
    ],
    settings: ExtractionSettings,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            help="Write to a file, a folder, or - (JSON lines). Default: SOURCE.npz.",
            rich_help_panel=_OUTPUT,
            metavar="PATH",
        ),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            help="Set the format. Default: by the ending.",
            rich_help_panel=_OUTPUT,
            metavar="NAME",
        ),
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(
            "--sheet",
            help="Write a PNG of 12 frames with skeletons.",
            rich_help_panel=_OUTPUT,
            metavar="PATH",
        ),
    ] = None,
    quiet: Quiet = False,
    overwrite: Overwrite = False,
    no_cache: NoCache = False,
    debug: Debug = False,
) -> None:
    """Find and track people in videos, and write their skeletons.

    [bold]skelstream extract dance.mp4 -o dance.npz --sheet dance.png[/]
    [bold]skelstream extract clips/*.mp4 -o skeletons/[/]  continues where it stopped
    [bold]skelstream extract photos/ --no-tracking -o people.npz[/]
    [bold]skelstream extract rtsp://camera/1 -o - | my_recogniser[/]

    The same command continues interrupted work. Exit status: 1 if a source
    failed, 2 for a wrong option, 130 after Ctrl-C, 143 after SIGTERM.
    """
    with importing():
        from skelstream.formats import is_folder

    many = len(sources) > 1 or (output not in (None, "-") and is_folder(str(output), format))
    _check_options(output, format, sheet, many, settings)
    if output == "-":
        _stream(sources[0], settings)
    elif many:
        _extract_many(ctx, sources, Path(str(output)), settings, quiet, format=format, overwrite=overwrite)
    else:
        path = Path(output or f"{Path(sources[0]).stem}.npz")
        _extract_one(sources[0], settings, quiet, sheet, path=path, format=format, overwrite=overwrite)


def _check_options(
    output: str | None, format: str | None, sheet: Path | None, many: bool, settings: ExtractionSettings
) -> None:
    """Raise SettingsError if options exclude each other."""
    from dataclasses import replace

    from skelstream.settings import PostprocessingSettings

    if many and (output in (None, "-") or sheet is not None):
        raise SettingsError("several sources need a folder as output, without --sheet", setting="output")
    if output == "-":
        if sheet is not None or format not in (None, "jsonl"):
            raise SettingsError("standard output takes JSON lines only, without --sheet", setting="output")
        if replace(settings.postprocessing, smooth=False) != PostprocessingSettings():
            raise SettingsError(
                "JSON lines on standard output take no --fill, --skeleton, --fps, --person or --lift",
                setting="output",
            )


def _stream(source: str, settings: ExtractionSettings) -> None:
    with importing():
        from skelstream.formats import frame_line
        from skelstream.pipeline import Pipeline
        from skelstream.processing.one_euro import OneEuro

        from .estimator import estimator_maker

    with Pipeline(source, estimator_maker(settings), settings) as pipeline:
        one_euro = OneEuro(skeleton=pipeline.skeleton) if settings.postprocessing.smooth else None
        size = pipeline.info.height, pipeline.info.width
        for analysed in pipeline:
            tracked = one_euro.update(analysed.tracked) if one_euro else analysed.tracked
            put(frame_line(tracked, pipeline.skeleton, size))
        show_warnings(pipeline.warnings)


def _extract_one(
    source: str, settings: ExtractionSettings, quiet: bool, sheet: Path | None, **output_options: Any
) -> None:
    with importing():
        from skelstream.extraction import Output, run
        from skelstream.files.atomic import check_writable
        from skelstream.files.inputs import check_not_inputs
        from skelstream.formats import choose
        from skelstream.video.image_folder import IMAGE_SUFFIXES

        from .estimator import estimator_maker, say_if_slow
        from .progress import FrameProgress

    output = Output(**output_options)
    if sheet is not None:
        check_writable(sheet, output.overwrite)
        check_not_inputs([sheet, output.path], [source], IMAGE_SUFFIXES)
    output.check(source, settings)
    with FrameProgress(Path(source).name, quiet) as progress:
        done = run(source, settings, output, estimator_maker(settings), report=progress.report)
    show_warnings(done.warnings)
    files = [str(output.path)]
    readable = choose(output.path, output.format).read is not None
    if sheet is not None:
        from skelstream.drawing.sheet import sequence_sheet, write_png

        has_source_frames = done.sequence.meta.get("resampled", {}).get("frame_index") != "counted"
        write_png(sheet, sequence_sheet(done.sequence, source if has_source_frames else None))
        files.append(str(sheet))
    if not quiet:
        _print_summary(done, files, readable)
        say_if_slow(settings)


def _extract_many(
    ctx: typer.Context,
    sources: list[str],
    folder: Path,
    settings: ExtractionSettings,
    quiet: bool,
    **output_options: Any,
) -> None:
    with importing():
        from skelstream.extraction import run_many

        from .estimator import estimator_maker, say_if_slow
        from .progress import FrameProgress

    failed = done = existing = by_others = 0
    with FrameProgress(f"{len(sources)} sources", quiet, len(sources)) as progress:
        maker = estimator_maker(settings)
        for outcome in run_many(sources, folder, settings, maker, report=progress.report, **output_options):
            progress.source_done()
            if outcome.error is not None:
                failed += 1
                complain(described(outcome.error, ctx.command))
            elif outcome.by_other:
                by_others += 1
            elif outcome.extraction is None:
                existing += 1
            else:
                done += 1
                show_warnings(outcome.extraction.warnings)
    if not quiet:
        others = f"{by_others} by other processes, " if by_others else ""
        say(f"{done} extracted, {existing} done before, {others}{failed} failed; in {folder}")
        if done:
            say_if_slow(settings)
    if failed:
        raise typer.Exit(1)


def _print_summary(done: Extraction, files: list[str], readable: bool) -> None:
    """Print counts, times, the written files and, if skelstream reads the first one back, how to look at it."""
    from rich.console import Console
    from rich.table import Table

    from skelstream.sequences.summary import shots_of, tracklets_of

    sequence, times = done.sequence, done.times
    frames, lost = len(sequence.frame_time), int((~sequence.frame_ok).sum())
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_row("frames", f"{frames}" + (f", {lost} failed to decode" if lost else "")
                  + (f", {times.dropped} dropped" if times.dropped else ""))  # fmt: skip
    if (shots := shots_of(sequence)) > 1:
        table.add_row("shots", f"{shots}; each has tracks of its own")
    tracklets = tracklets_of(sequence)
    pieces = f", joined from {tracklets} tracklets" if tracklets else ""
    table.add_row("tracks", f"{len(sequence.track_ids)}{pieces}")
    poses = len(sequence.frame)
    table.add_row("poses", f"{poses} in these tracks, {poses / max(1, frames):.1f} per frame")
    if done.resumed:
        table.add_row("resumed after", f"{done.resumed} frames")
    if times.detections < frames - lost:
        table.add_row("detected", f"{times.detections} of {frames} frames")
    if times.crops:
        more = "; some people are refined twice, and some are then discarded" if times.crops > poses else ""
        over = f"; {times.unrefined} people not refined, because of the limit" if times.unrefined else ""
        table.add_row("refined", f"{times.crops} crops of people{more}{over}")
    for kind, found in times.parts.items():
        side = (
            f"; {times.opposed} look like those of the other side"
            if kind == "hands" and times.opposed
            else ""
        )
        table.add_row("faces" if kind == "face" else kind, f"{found} found{side}")
    rate = f", {frames / done.seconds:.1f} frames/s, loading included" if done.seconds else ""
    table.add_row("time", f"{done.seconds:.1f} s{rate}")
    busy = [
        f"{stage} {seconds:.1f} s"
        for stage, seconds in times.seconds.items()
        if stage != "refinement" or times.crops
    ]
    table.add_row("busy", f"{', '.join(busy)}; stages run at the same time, so their sum may exceed the time")
    Console(stderr=True).print(table)
    for path in files:
        say(f"wrote {path}")
    if readable:
        say(f"see it in a browser: {program()} view {shlex.quote(files[0])}")
