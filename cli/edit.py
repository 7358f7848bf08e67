"""``skelstream edit``: identities put right by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from skelstream.errors import FormatError, SettingsError

from .messages import RESAMPLED, counted, note_left_out, notes, say
from .one_output import check_output, write_output
from .options import (
    ClipName,
    Debug,
    Format,
    ImageSize,
    Output,
    Overwrite,
    Quiet,
    Rate,
    Skeletons,
    SourceFormat,
    parsed_size,
)

_ORDER = "skelstream.order"
_PANEL = "Edits, applied in the order given, after those of the file"


class InOrder(TyperCommand):
    """A command that knows the order of its options across different ones."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments, and keep the names of the options in their order."""
        *_, order = self.make_parser(ctx).parse_args(args=list(args))
        ctx.meta[_ORDER] = [parameter.name for parameter in order]
        return super().parse_args(ctx, args)


def _edit(help: str, metavar: str) -> Any:
    return typer.Option(help=help, metavar=metavar, rich_help_panel=_PANEL)


def edit(
    ctx: typer.Context,
    skeletons: Skeletons,
    output: Output,
    edits: Annotated[
        Path | None,
        typer.Argument(help="File of edits, saved by the page of skelstream view.", metavar="EDITS"),
    ] = None,
    merge: Annotated[
        list[str] | None, _edit("Join tracks of one person; the first id stays.", "ID,ID")
    ] = None,
    split: Annotated[
        list[str] | None, _edit("Cut a track: from this frame on it has a new id.", "ID@FRAME")
    ] = None,
    swap: Annotated[list[str] | None, _edit("Exchange two ids from this frame on.", "ID,ID@FRAME")] = None,
    name: Annotated[list[str] | None, _edit("Name a track; kept in .npz files.", "ID=NAME")] = None,
    drop: Annotated[list[str] | None, _edit("Delete tracks.", "ID,...")] = None,
    keep: Annotated[list[str] | None, _edit("Delete all other tracks.", "ID,...")] = None,
    format: Format = None,
    source_format: SourceFormat = None,
    size: ImageSize = None,
    clip: ClipName = None,
    rate: Rate = None,
    quiet: Quiet = False,
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """Put identities right by hand: join, cut, exchange, name and delete tracks.

    [bold]skelstream edit walk.npz walk.edits.json -o right.npz[/]  edits made in skelstream view
    [bold]skelstream edit walk.npz -o right.npz --merge 1,7 --drop 4[/]
    [bold]skelstream edit walk.npz -o right.npz --swap 2,5@88 --split 3@120[/]
    [bold]skelstream edit walk.npz -o two.npz --keep 1,4 --name 4=Anna[/]

    Frames are numbered as in the file and in the page. Poses stay as they are.
    """
    from skelstream.batch.conversion import ConversionOptions, read_people
    from skelstream.editing import edited, read_edits
    from skelstream.editing.edits import moves_poses
    from skelstream.processing import with_identities

    given = {"merge": merge, "split": split, "swap": swap, "name": name, "drop": drop, "keep": keep}
    own = _edits_in_order(ctx.meta[_ORDER], given)
    if edits is None and not own:
        raise SettingsError(
            "there is nothing to edit: give a file of edits, or options such as --merge 1,7", setting="edits"
        )
    check_output(output, format, overwrite, [skeletons, edits])
    note = notes(quiet)
    filed = None if edits is None else read_edits(edits)
    options = ConversionOptions(
        source_format=source_format, size=parsed_size(size), clip=clip, rate=rate, note=note
    )
    sequence = with_identities(read_people(skeletons, options))
    try:
        if filed is not None:
            filed.check(sequence)
        all_edits = [*(filed.edits if filed else ()), *own]
        done = edited(sequence, all_edits)
    except FormatError as error:
        raise FormatError(f"{skeletons}: {error}") from error
    if done.raw is not None and moves_poses(all_edits):
        note(f"{skeletons}: {RESAMPLED}")
    gone = ["filled and smoothed values"] if sequence.raw is not None and done.raw is None else []
    gone += ["3D joints"] if sequence.lifted is not None and done.lifted is None else []
    note_left_out(skeletons, gone, note)
    write_output(done, output, format, overwrite, note)
    if not quiet:
        count = len(done.meta["edits"]) - len(sequence.meta.get("edits") or [])
        tracks, before = counted(len(done), "track"), counted(len(sequence), "track")
        became = tracks if len(done) == len(sequence) else f"{before} became {tracks}"
        say(f"{counted(count, 'edit')}: {became}")
        if output != "-":
            say(f"wrote {output}")


def _edits_in_order(order: list[str], given: dict[str, list[str] | None]) -> list[Any]:
    """Return the edits of the options in the order in which they stand on the command line."""
    if not any(given.values()):
        return []
    from skelstream.editing.edits import edit_from_text

    values = {kind: iter(texts or ()) for kind, texts in given.items()}
    return [edit_from_text(kind, next(values[kind])) for kind in order if kind in values]
