"""The one output of a command that writes a sequence: checked before the work, written after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .messages import put

if TYPE_CHECKING:
    from skelstream.sequences import SkeletonSequence


def check_output(
    output: str, format: str | None, overwrite: bool, inputs: Sequence[str | Path | None]
) -> None:
    """Check that an output has a format, is free and replaces no input; ``-`` is standard output."""
    from skelstream.files.inputs import check_not_inputs
    from skelstream.formats import check_free, choose

    if output != "-":
        chosen = choose(Path(output), format)
        check_free(chosen, Path(output), overwrite)
        check_not_inputs(chosen.outputs(Path(output)), inputs)


def write_output(
    sequence: SkeletonSequence,
    output: str,
    format: str | None,
    overwrite: bool,
    note: Callable[[str], None],
) -> None:
    """Write a sequence to its file, or as JSON lines to standard output.

    ``note`` is called with one line for everything that is left out.
    """
    from skelstream.formats import WriteOptions, lines, save

    if output == "-":
        for line in lines(sequence):
            put(line)
    else:
        save(sequence, output, format, overwrite, options=WriteOptions(note=note))
