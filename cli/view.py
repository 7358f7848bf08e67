"""``skelstream view``: skeletons as a page for the browser."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from skelstream.errors import OutputError

from .messages import say
from .options import Debug


def view(
    skeletons: Annotated[Path, typer.Argument(help="Skeletons in any format that can be read.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The HTML file to write.")],
    video: Annotated[
        Path | None,
        typer.Option(
            help="Video to play below the skeletons; the page refers to it by its path. Of one that browsers do not"
            " play (AVI, HEVC, ProRes and others) a copy that they do is made beside the page."
        ),
    ] = None,
    embed: Annotated[
        bool, typer.Option("--embed", help="Put the video into the page, which then stands alone.")
    ] = False,
    title: Annotated[
        str | None, typer.Option(help="Title of the page, the file's name unless given.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a page that exists.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing.")] = False,
    debug: Debug = False,
) -> None:
    """Write a page that plays skeletons in a browser, without any network access.

    The page has a player, a timeline of the tracks, each joint's confidence, and the way of a chosen joint.
    """
    from skelstream.extraction.output import check_not_source
    from skelstream.files.atomic import check_writable, replacing
    from skelstream.formats import read
    from skelstream.processing import with_identities
    from skelstream.viewer.playable import plays
    from skelstream.viewer.report import report_page, video_data, video_link

    if embed and video is None:
        raise typer.BadParameter("needs the --video to put into the page", param_hint="--embed")
    check_writable(output, overwrite)
    for used in (skeletons, video):
        if used is not None:
            check_not_source(output, used)
    sequence = with_identities(read(skeletons))
    with TemporaryDirectory() as folder:
        if video is not None and video.is_file() and not plays(video):
            video = _copy(
                video,
                Path(folder) / "copy.mp4" if embed else output.with_suffix(".copy.mp4"),
                overwrite,
                quiet,
            )
        link = None
        if video is not None:
            link = video_data(video) if embed else video_link(video, output)
    page = report_page(sequence, title or skeletons.name, link)
    with replacing(output) as temporary:
        temporary.write_text(page, encoding="utf-8")
    if not quiet:
        from rich.filesize import decimal

        say(f"{output} written, {decimal(output.stat().st_size)}", err=False)


def _copy(video: Path, copy: Path, overwrite: bool, quiet: bool) -> Path:
    """A copy of the video that browsers play."""
    from rich.console import Console
    from rich.progress import track

    from skelstream.extraction.output import check_not_source
    from skelstream.files.atomic import check_writable
    from skelstream.viewer.playable import playable_copy

    try:
        check_writable(copy, overwrite)
    except OutputError as error:
        error.add_note(f"it would be a copy of {video}, which browsers do not play")
        raise
    check_not_source(copy, video)
    console = Console(stderr=True)
    playable_copy(
        video,
        copy,
        lambda frames, count: track(frames, "copying", count, console=console, transient=True, disable=quiet),
    )
    if not quiet:
        say(f"browsers do not play {video.name}; the page has a copy that they do, without sound")
    return copy
