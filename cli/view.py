"""``skelstream view``: skeletons as an HTML page."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from skelstream.errors import OutputError, SettingsError

from .messages import notes, say
from .options import ClipName, Debug, Overwrite, Quiet, Rate, Skeletons


def view(
    skeletons: Skeletons,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write to this HTML file. Default: NAME.html beside the input."),
    ] = None,
    video: Annotated[
        Path | None,
        typer.Option(
            help="Play this video below the skeletons. Default: the one that the file names. If browsers do not"
            " play its format (AVI, HEVC, ProRes and others), a copy is written beside the page."
        ),
    ] = None,
    skeleton_only: Annotated[
        bool, typer.Option("--skeleton-only", help="Play the skeletons on a plain ground, without a video.")
    ] = False,
    embed: Annotated[bool, typer.Option("--embed", help="Embed the video in the page.")] = False,
    clip: ClipName = None,
    rate: Rate = None,
    title: Annotated[str | None, typer.Option(help="Set the page's title. Default: the file's name.")] = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write a page that plays skeletons in a browser, without network access.

    [bold]skelstream view walk.npz -o walk.html[/]
    [bold]skelstream view walk.npz --video walk.mp4 --embed[/]  one file to pass on

    The page has a player, a timeline of the tracks, each joint's confidence,
    and the path of a chosen joint. Identities that are put right in it are
    saved as a file for skelstream edit.
    """
    from skelstream.batch.conversion import ConversionOptions, read_people
    from skelstream.files.atomic import check_writable, replacing
    from skelstream.files.inputs import check_not_inputs
    from skelstream.processing import with_identities
    from skelstream.viewer.playable import plays, sized, video_of
    from skelstream.viewer.report import report_page, video_data, video_link

    if skeleton_only and video is not None:
        raise SettingsError("it has no effect beside --skeleton-only; leave one out", setting="video")
    output = output or skeletons.with_suffix(".html")
    check_writable(output, overwrite)
    note = notes(quiet)
    sequence = with_identities(read_people(skeletons, ConversionOptions(clip=clip, rate=rate, note=note)))
    given = video is not None
    if not given and not skeleton_only:
        video = video_of(sequence)
        if video is None and not quiet:
            say(f"{skeletons}: its video {sequence.meta.get('source') or ''} is no file here, and the page has the"
                " skeletons alone; give one with --video")  # fmt: skip
    if embed and (video is None or skeleton_only):
        raise SettingsError("there is no video to embed: give one with --video", setting="embed")
    check_not_inputs([output], [skeletons, video])
    if video is not None:
        sequence, doubt = sized(sequence, video)
        if doubt and given:
            note(f"{skeletons}: {doubt}")
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
