"""``skelstream view``: skeletons as a page for the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from skelstream.cli.options import Debug
from skelstream.cli.saying import say
from skelstream.errors import OutputError


def view(
    skeletons: Annotated[Path, typer.Argument(help="Skeletons in any format that can be read.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The HTML file to write.")],
    video: Annotated[
        Path | None,
        typer.Option(help="Video to play below the skeletons; the page refers to it by its path."),
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
    from skelstream.atomic import check_writable, replacing
    from skelstream.drawing.report import report_page, video_data, video_link
    from skelstream.formats import load

    if embed and video is None:
        raise typer.BadParameter("needs the --video to put into the page", param_hint="--embed")
    if output.exists() and not overwrite:
        raise OutputError(f"{output} exists; choose another name or pass --overwrite")
    check_writable(output)
    sequence = load(skeletons)
    link = None
    if video is not None:
        link = video_data(video) if embed else video_link(video, output)
    page = report_page(sequence, title or skeletons.name, link)
    with replacing(output) as temporary:
        temporary.write_text(page, encoding="utf-8")
    if not quiet:
        say(f"{output} written, {output.stat().st_size / 2**20:.1f} MiB", err=False)
