"""``skelstream preview``: a live view of a camera, stream or file in the terminal."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skelstream.extraction.settings import ExtractionSettings
from skelstream.lazy import importing

from .messages import say, show_warnings
from .options import Debug, NoCache, Overwrite, with_settings

if TYPE_CHECKING:
    from skelstream.pipeline import AnalysedFrame
    from skelstream.preview.measuring import Measured
    from skelstream.preview.playback import Throughput
    from skelstream.preview.preview import Previewed

_GRAPHICS = ("auto", "kitty", "sixel", "blocks", "blocks256")  # not imported: the drawing module loads OpenCV


def _graphics(value: str) -> str:
    if value not in _GRAPHICS:
        raise typer.BadParameter(f"choose from {', '.join(_GRAPHICS)}")
    return value


@with_settings("estimator.*", "detect_every", "max_people")
def preview(
    settings: ExtractionSettings,
    source: Annotated[
        str, typer.Argument(help="Camera number, device file, camera:NAME, URL or video file.")
    ] = "0",
    display: Annotated[
        bool, typer.Option("--display/--no-display", help="Draw, or only measure at full speed.")
    ] = True,
    seconds: Annotated[
        float | None,
        typer.Option(
            "--seconds", min=0.1, help="End this many seconds after the first frame.", metavar="SEC"
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Record the skeletons to this file.", metavar="PATH")
    ] = None,
    overwrite: Overwrite = False,
    graphics: Annotated[
        str,
        typer.Option(
            "--graphics",
            callback=_graphics,
            help="Draw with kitty, sixel, blocks (24-bit colours) or blocks256; auto: ask the terminal.",
            metavar="NAME",
        ),
    ] = "auto",
    no_cache: NoCache = False,
    debug: Debug = False,
) -> None:
    """Show people from a camera live in the terminal, also over SSH.

    [bold]skelstream preview[/]  first camera
    [bold]skelstream preview rtsp://camera/1[/]
    [bold]skelstream preview dance.mp4 --size 256[/]
    [bold]skelstream preview 0 --no-display --seconds 10[/]  measure the speed

    Keys: q quits, space pauses, s saves the image as PNG, r records all
    skeletons since the start, b shows skeletons only, + and - change the
    size. If standard output is not a terminal, one line per second lists the
    people.
    """
    from rich.console import Console

    with importing():
        from skelstream.files.inputs import check_not_inputs
        from skelstream.formats import check_free, choose
        from skelstream.pipeline import Pipeline

        from .estimator import make_estimator

    if output is not None:
        check_free(choose(output), output, overwrite)
        check_not_inputs([output], [source])
    with Console(stderr=True).status("loading the networks …"):
        estimator = make_estimator(settings.estimator)

    def open_pipeline() -> Pipeline:
        return Pipeline(source, estimator, settings)

    recording = {"output": output, "overwrite": overwrite, "seconds": seconds}
    if display and can_draw():
        from skelstream.preview.preview import preview as show

        _print_result(show(open_pipeline, estimator.skeleton, source, graphics=graphics, **recording), source)
    else:
        from skelstream.preview.measuring import measure

        done = measure(open_pipeline, Path(source).stem, report=_print_line if display else None, **recording)
        if done is not None:
            _print_summary(done)
        if done is None or done.interrupted:
            raise KeyboardInterrupt


def can_draw() -> bool:
    """Return whether standard output is a terminal that can show images."""
    return sys.stdout.isatty() and (sys.platform == "win32" or os.environ.get("TERM", "") not in ("", "dumb"))


def _print_line(analysed: AnalysedFrame, throughput: Throughput) -> None:
    shown = analysed.tracked.track_ids[analysed.tracked.confirmed].tolist()
    ids = f" (ids {', '.join(map(str, shown))})" if shown else ""
    dropped = f", {throughput.dropped} frames dropped" if throughput.dropped else ""
    typer.echo(
        f"{analysed.frame.time:8.2f} s  {throughput.fps:5.1f} frames/s, people: {len(shown)}{ids}{dropped}"
    )


def _print_result(done: Previewed, source: str) -> None:
    show_warnings(done.warnings)
    if done.source_ended:
        dropped = f", {done.dropped} dropped" if done.dropped else ""
        say(f"{source} ended after {done.seconds:.1f} s: {done.frames} frames analysed{dropped}")
    if done.recorded is not None:
        path, frames = done.recorded
        say(f"{path}: {frames} frames")


def _print_summary(done: Measured) -> None:
    import numpy as np

    show_warnings(done.warnings)
    info, throughput = done.info, done.throughput
    dropped = f", {throughput.dropped} dropped" if info.live else ""
    rows = [
        ("source", f"{info.name}, {info.width}x{info.height}, {'live' if info.live else 'file'}"),
        ("frames", f"{throughput.frames}{dropped}, in {done.seconds:.1f} s"),
    ]
    if done.seconds:
        rows.append(("frames/s", f"{(throughput.frames - 1) / done.seconds:.1f}"))
    if info.live:
        median, p95 = np.percentile(done.latencies, (50, 95)) * 1000
        rows.append(("latency", f"{median:.0f} ms median, {p95:.0f} ms 95th percentile"))
    rows.append(("people", f"{done.people:.1f} per frame, {done.tracks} tracks"))
    rows += [
        (f"  {stage}", f"{milliseconds:.1f} ms per frame") for stage, milliseconds in done.stages.items()
    ]
    if done.recorded is not None:
        rows.append(("recorded", f"{done.recorded[0]}, {done.recorded[1]} frames"))
    for name, value in rows:
        say(f"{name:<15}{value}", err=False)
    if info.live and done.source_ended:
        say(f"{info.name} ended after {done.seconds:.1f} s")
