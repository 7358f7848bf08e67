"""``skelstream lift``: joints in space from joints in the image."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .messages import say, warn
from .options import Debug


def lift(
    skeletons: Annotated[Path, typer.Argument(help="Skeletons in any format that can be read.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write. Default: NAME.3d.npz beside the input."),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(help="Name of a packaged model that lifts, or a weights file.", metavar="NAME"),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")] = "auto",
    mirrored: Annotated[
        bool,
        typer.Option("--mirrored/--no-mirrored", help="Average with the mirror image; half as fast without."),
    ] = True,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")] = False,
    debug: Debug = False,
) -> None:
    """Lift people to 3D: metres from the middle of the hips, beside the joints in the image.

    [bold]skelstream lift walk.npz -o walk3d.npz[/]
    [bold]skelstream extract walk.mp4 --lift -o walk3d.npz[/]  both at once

    Experimental: one camera tells neither how large somebody is nor where they stand; see docs/lifting.md.
    """
    from skelstream.errors import FormatError
    from skelstream.extraction.output import check_apart
    from skelstream.files.atomic import check_writable
    from skelstream.formats import choose, read, save
    from skelstream.network.model_file import LIFT
    from skelstream.processing import tracked
    from skelstream.processing.lifting.lift import lift as lifted
    from skelstream.processing.lifting.lifter import Lifter

    output = output or skeletons.with_suffix(".3d.npz")
    check_writable(output, overwrite)
    if not (chosen := choose(output)).space:
        raise FormatError(f"{output}: format {chosen.name} holds no 3D; write .npz, and convert that")
    check_apart(output, skeletons)
    sequence = tracked(read(skeletons, note=None if quiet else warn))
    known = len(sequence.meta.get("warnings") or [])
    sequence = lifted(sequence, Lifter(weights or LIFT, device, mirrored))
    save(sequence, output, overwrite=overwrite)
    if quiet:
        return
    for line in sequence.meta["warnings"][known:]:
        warn(line)
    facts = sequence.meta["lifting"]
    say(
        f"{facts['rows_lifted']:,} of {facts['rows']:,} rows of {len(sequence)} people lifted; wrote {output}"
    )
