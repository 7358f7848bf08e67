"""``skelstream preview``: a camera's, a stream's or a file's people live in the terminal."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .messages import say, warn
from .options import (
    Debug,
    Device,
    FirstLookEvery,
    Looks,
    Size,
    Weights,
    frames_between,
    second_look,
)

if TYPE_CHECKING:
    from skelstream.pipeline import Analysed
    from skelstream.preview.measuring import Measured
    from skelstream.preview.playback import Throughput
    from skelstream.preview.preview import Previewed

_GRAPHICS = ("auto", "kitty", "sixel", "blocks", "blocks256")  # the drawing module loads OpenCV


def _graphics(value: str) -> str:
    if value not in _GRAPHICS:
        raise typer.BadParameter(f"choose from {', '.join(_GRAPHICS)}")
    return value


def preview(
    source: Annotated[
        str, typer.Argument(help="A camera's number, device file or camera:NAME, a URL, or a video file.")
    ] = "0",
    display: Annotated[
        bool, typer.Option("--display/--no-display", help="Draw; or only measure, as fast as it goes.")
    ] = True,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="End so long after the first frame.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Record the skeletons from the start, to this file.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")] = False,
    device: Device = "auto",
    weights: Weights = None,
    size: Size = None,
    looks: Looks = "auto",
    first_look_every: FirstLookEvery = "auto",
    max_people: Annotated[
        int | None, typer.Option(min=1, help="At most so many people a frame: those seen most so far.")
    ] = None,
    graphics: Annotated[
        str,
        typer.Option(
            callback=_graphics,
            help="How to draw: auto asks the terminal; kitty, sixel, blocks (24-bit colours) or blocks256.",
        ),
    ] = "auto",
    debug: Debug = False,
) -> None:
    """See a camera's people in the terminal, with no window system, also over SSH.

    [bold]skelstream preview[/]  the first camera
    [bold]skelstream preview rtsp://camera/1[/]
    [bold]skelstream preview dance.mp4 --size 256[/]
    [bold]skelstream preview 0 --no-display --seconds 10[/]  how fast is it here?

    Keys: q quits, space pauses, s saves the image as PNG, r records all skeletons since the start, b shows
    the skeletons only, + and - change the size. Where standard output is no terminal, a line a second tells
    what is seen.
    """
    from skelstream.estimation.pose_estimator import SIZE, EstimatorSettings
    from skelstream.extraction.output import check_apart
    from skelstream.formats import check_free, choose
    from skelstream.pipeline import Pipeline, PipelineSettings

    from .estimator import make_estimator

    if output is not None:
        check_free(choose(output), output, overwrite)
        check_apart(output, source)
    again = second_look(looks)
    estimator = make_estimator(EstimatorSettings(weights, device, size or SIZE, second=again))
    settings = PipelineSettings(max_people=max_people, first_look_every=frames_between(first_look_every))

    def opened() -> Pipeline:
        return Pipeline(source, estimator, settings)

    kept = {"output": output, "overwrite": overwrite, "seconds": seconds}
    if display and draws():
        from skelstream.preview.preview import preview as show

        _tell(show(opened, estimator.skeleton, source, graphics=graphics, **kept), source)
    else:
        from skelstream.preview.measuring import measure

        done = measure(opened, Path(source).stem, report=_line if display else None, **kept)
        if done is not None:
            _summary(done)
        if done is None or done.interrupted:
            raise KeyboardInterrupt


def draws() -> bool:
    """Whether standard output is a terminal that images can be drawn on."""
    return sys.stdout.isatty() and (sys.platform == "win32" or os.environ.get("TERM", "") not in ("", "dumb"))


def _line(analysed: Analysed, throughput: Throughput) -> None:
    shown = analysed.tracked.track_ids[analysed.tracked.confirmed].tolist()
    ids = f" (ids {', '.join(map(str, shown))})" if shown else ""
    dropped = f", {throughput.dropped} frames dropped" if throughput.dropped else ""
    typer.echo(f"{analysed.frame.time:8.2f} s  {throughput.fps:5.1f} frames/s, people: {len(shown)}{ids}{dropped}")


def _warn(warnings: list[str]) -> None:
    for warning in warnings:
        warn(warning)


def _tell(done: Previewed, source: str) -> None:
    _warn(done.warnings)
    if done.source_ended:
        lost = f", {done.dropped} dropped" if done.dropped else ""
        say(f"{source} has gone after {done.seconds:.1f} s: {done.frames} frames seen{lost}")
    if done.recorded is not None:
        path, frames = done.recorded
        say(f"{path}: {frames} frames")


def _summary(done: Measured) -> None:
    import numpy as np

    _warn(done.warnings)
    info, throughput = done.info, done.throughput
    dropped = f", {throughput.dropped} dropped" if info.live else ""
    rows = [
        ("source", f"{info.name}, {info.width}x{info.height}, {'live' if info.live else 'file'}"),
        ("frames", f"{throughput.frames}{dropped}, in {done.seconds:.1f} s"),
    ]
    if done.seconds:
        rows.append(("frames/s", f"{(throughput.frames - 1) / done.seconds:.1f}"))
    if info.live:
        middle, most = np.percentile(done.latencies, (50, 95)) * 1000
        rows.append(("latency", f"{middle:.0f} ms, one frame in 20 over {most:.0f} ms"))
    rows.append(("people", f"{done.people:.1f} a frame, {done.tracks} tracks"))
    rows += [(f"  {stage}", f"{milliseconds:.1f} ms a frame") for stage, milliseconds in done.stages.items()]
    if done.recorded is not None:
        rows.append(("recorded", f"{done.recorded[0]}, {done.recorded[1]} frames"))
    for name, value in rows:
        say(f"{name:<15}{value}", err=False)
    if info.live and done.source_ended:
        say(f"{info.name} has gone after {done.seconds:.1f} s")
