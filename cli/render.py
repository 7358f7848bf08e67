"""``skelstream render``: skeletons on their video, as a video, an animation or a contact sheet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skelstream.errors import FormatError, SettingsError, SourceError
from skelstream.extraction.settings import ExtractionSettings

from .messages import plain, say, show_warnings, stdout_console
from .options import ClipName, Debug, NoCache, Overwrite, Quiet, with_settings

if TYPE_CHECKING:
    from skelstream.drawing.movie import Rendered
    from skelstream.sequences import SkeletonSequence


@with_settings("start", "end", "detect_every", "estimator.*")
def render(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SKELETONS", help="Skeleton file in any readable format, or a video to analyse."
        ),
    ],
    settings: ExtractionSettings,
    given: frozenset[str] = frozenset(),
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write .mp4 (H.264), .gif or .webp.")
    ] = None,
    video: Annotated[
        str | None, typer.Option(help="Draw on this video. Default: the one that the file names.")
    ] = None,
    clip: ClipName = None,
    sheet: Annotated[Path | None, typer.Option(help="Also write a contact sheet as PNG.")] = None,
    trails: Annotated[
        float, typer.Option(min=0, help="Draw each person's path over the last N seconds.")
    ] = 0.0,
    blur_faces: Annotated[
        bool,
        typer.Option("--blur-faces", help="Blur heads of found people; check the result yourself."),
    ] = False,
    skeleton_only: Annotated[
        bool, typer.Option("--skeleton-only", help="Draw on a plain background, without a video.")
    ] = False,
    ids: Annotated[
        bool, typer.Option("--ids/--no-ids", help="Label each track with its id and name.")
    ] = True,
    min_joint_score: Annotated[
        float, typer.Option(min=0, max=1, help="Leave out joints with a lower score.")
    ] = 0.0,
    width: Annotated[
        int | None, typer.Option(min=16, help="Limit the width in pixels. Default: 480 for GIF and WebP.")
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(min=0.1, max=50, help="Set images per second in GIF and WebP. Default: 12.5."),
    ] = None,
    sound: Annotated[bool, typer.Option("--sound/--no-sound", help="Keep the video's sound.")] = True,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    no_cache: NoCache = False,
    debug: Debug = False,
) -> None:
    """Draw skeletons on their video.

    Frames keep their times, and the video its sound. Lines are thicker on
    larger people and more opaque for higher scores; left limbs are lighter
    than right ones.
    """
    from skelstream.drawing.movie import MovieSettings
    from skelstream.drawing.movie import render as render_movie
    from skelstream.drawing.overlay import OverlaySettings
    from skelstream.drawing.sheet import sequence_sheet, write_png
    from skelstream.drawing.skeletons import Style
    from skelstream.files.atomic import check_writable
    from skelstream.files.inputs import check_not_inputs

    from .progress import InputProgress

    outputs = [path for path in (output, sheet) if path is not None]
    if not outputs:
        raise typer.BadParameter("give --output, --sheet or both", param_hint="--output")
    for path in outputs:
        check_writable(path, overwrite)
    check_not_inputs(outputs, [source])
    sequence, images = _skeletons_and_video(source, video, clip, skeleton_only, settings, given, quiet)
    check_not_inputs(outputs, [images])
    style = OverlaySettings(Style(labels=ids, min_score=min_joint_score), trails, blur_faces, skeleton_only)
    if output is not None:
        with InputProgress("rendering", quiet, "frames") as progress:
            movie = MovieSettings(settings.video.start, settings.video.end, width, rate, sound)
            done = render_movie(sequence, output, images, style, movie, progress.report)
        if not quiet:
            _print_summary(sequence, done, output)
    if sheet is not None:
        write_png(sheet, sequence_sheet(sequence, None if skeleton_only else images, settings=style))
        if not quiet:
            say(f"wrote {sheet}", err=False)


def _skeletons_and_video(
    source: str,
    video: str | None,
    clip: str | None,
    skeleton_only: bool,
    settings: ExtractionSettings,
    given: frozenset[str],
    quiet: bool,
) -> tuple[SkeletonSequence, str | None]:
    """Return the skeletons, and the source of their images; None if none is needed."""
    from skelstream.formats import read
    from skelstream.formats.registry import choose
    from skelstream.processing import with_identities

    try:
        choose(Path(source))
    except FormatError:
        return _analysed(source, settings, quiet), source
    if useless := sorted(given - {"start", "end"}):
        raise SettingsError(
            f"{source}: a file of skeletons, so that {useless[0]} has no effect; leave it out, or give the video",
            setting=useless[0],
        )
    sequence = with_identities(read(source, clip=clip))
    if video is None and not skeleton_only:
        name = str(sequence.meta.get("source") or "")
        if "\0" in name or not Path(name).exists():
            raise SourceError(
                f"{source}: its video {name or ''} does not exist;"
                " give one with --video, or use --skeleton-only"
            )
        video = name
    return sequence, video


def _analysed(source: str, settings: ExtractionSettings, quiet: bool) -> SkeletonSequence:
    """Return the skeletons of a video, extracted now."""
    from skelstream.extraction import run
    from skelstream.video import open_source

    from .estimator import estimator_maker
    from .progress import FrameProgress

    with open_source(source) as opened:
        live = opened.info.live
    if live:
        raise SourceError(
            f"{source} is live and cannot be read twice; record it first, then render the recording"
        )
    with FrameProgress(f"analysing {Path(source).name}", quiet) as progress:
        done = run(source, settings, None, estimator_maker(settings), report=progress.report)
    show_warnings(done.warnings)
    return done.sequence


def _print_summary(sequence: SkeletonSequence, done: Rendered, output: Path) -> None:
    from rich.filesize import decimal
    from rich.table import Table

    table = Table(show_header=False, box=None, pad_edge=False)
    height, width = done.size
    for name, value in (
        ("frames", f"{done.frames}, {done.seconds:.2f} s, {width} x {height}"),
        ("poses", f"{done.people} drawn, {len(sequence)} tracks in the file"),
        ("file", f"{plain(str(output))}, {decimal(output.stat().st_size)}"),
    ):
        table.add_row(f"[dim]{name}[/]", value)
    stdout_console().print(table)
