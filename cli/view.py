"""``skelstream view``: skeletons as an HTML page."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from skelstream.errors import OutputError

from .messages import say
from .options import Debug, Overwrite, Quiet


def view(
    skeletons: Annotated[Path, typer.Argument(help="Skeleton file in any readable format.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Write to this HTML file.")],
    video: Annotated[
        Path | None,
        typer.Option(
            help="Play this video below the skeletons. If browsers do not play its format (AVI, HEVC, ProRes"
            " and others), a copy is written beside the page."
        ),
    ] = None,
    embed: Annotated[bool, typer.Option("--embed", help="Embed the video in the page.")] = False,
    title: Annotated[str | None, typer.Option(help="Set the page's title. Default: the file's name.")] = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write a page that plays skeletons in a browser, without network access.

    The page has a player, a timeline of the tracks, each joint's confidence,
    and the path of a chosen joint.
    """
    from skelstream.files.atomic import check_writable, replacing
    from skelstream.files.inputs import check_not_inputs
    from skelstream.formats import read
    from skelstream.processing import with_identities
    from skelstream.viewer.playable import plays
    from skelstream.viewer.report import report_page, video_data, video_link

    if embed and video is None:
        raise typer.BadParameter("needs --video", param_hint="--embed")
    check_writable(output, overwrite)
    check_not_inputs([output], [skeletons, video])
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

        say(f"wrote {output}, {decimal(output.stat().st_size)}", err=False)


def _copy(video: Path, copy: Path, overwrite: bool, quiet: bool) -> Path:
    """Write a copy of the video that browsers play, and return its path."""
    from rich.console import Console
    from rich.progress import track

    from skelstream.files.atomic import check_writable
    from skelstream.files.inputs import check_not_inputs
    from skelstream.viewer.playable import playable_copy

    try:
        check_writable(copy, overwrite)
    except OutputError as error:
        error.add_note(f"it would be the playable copy of {video}, whose format browsers do not play")
        raise
    check_not_inputs([copy], [video])
    console = Console(stderr=True)
    playable_copy(
        video,
        copy,
        lambda frames, count: track(frames, "copying", count, console=console, transient=True, disable=quiet),
    )
    if not quiet:
        say(f"browsers do not play {video.name}; the page uses a playable copy without sound")
    return copy
