"""``skelstream lift``: lifting of skeletons to 3D."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .messages import say, warn
from .options import ClipName, Debug, Device, Overwrite, Quiet, Skeletons


def lift(
    skeletons: Skeletons,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write to this file. Default: NAME.3d.npz beside the input."),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(help="Use these lifting weights: a model's name or a file.", metavar="NAME"),
    ] = None,
    device: Device = "auto",
    mirrored: Annotated[
        bool,
        typer.Option(
            "--mirrored/--no-mirrored", help="Average with the mirror image; twice as fast without."
        ),
    ] = True,
    clip: ClipName = None,
    quiet: Quiet = False,
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """Lift poses to 3D, in metres from the mid-hip, beside the 2D keypoints.

    [bold]skelstream lift walk.npz -o walk3d.npz[/]
    [bold]skelstream extract walk.mp4 --lift -o walk3d.npz[/]  in one step

    Experimental: one camera shows neither size nor distance of a person; see
    the documentation on 3D.
    """
    from skelstream.errors import FormatError
    from skelstream.files.atomic import check_writable
    from skelstream.files.inputs import check_not_inputs
    from skelstream.formats import choose, read, save
    from skelstream.processing import with_identities
    from skelstream.processing.lifting.lift import lift as lifted
    from skelstream.processing.lifting.lifter import Lifter
    from skelstream.settings.models import LIFTER

    output = output or skeletons.with_suffix(".3d.npz")
    check_writable(output, overwrite)
    if not (chosen := choose(output)).holds_3d:
        raise FormatError(f"{output}: format {chosen.name} holds no 3D; write .npz and convert that file")
    check_not_inputs([output], [skeletons])
    sequence = with_identities(read(skeletons, clip=clip, note=None if quiet else warn))
    warning_count = len(sequence.meta.get("warnings") or [])
    sequence = lifted(sequence, Lifter(weights or LIFTER, device, mirrored))
    save(sequence, output, overwrite=overwrite)
    if quiet:
        return
    for line in sequence.meta["warnings"][warning_count:]:
        warn(line)
    facts = sequence.meta["lifting"]
    say(
        f"{facts['rows_lifted']:,} of {facts['rows']:,} poses of {len(sequence)} tracks lifted;"
        f" wrote {output}"
    )
