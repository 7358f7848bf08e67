"""The one output of a command that writes a sequence: checked before the work, written after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from skelstream.errors import SettingsError

from .messages import put

if TYPE_CHECKING:
    from skelstream.sequences import SkeletonSequence


def check_output(
    output: str, format: str | None, overwrite: bool, inputs: Sequence[str | Path | None]
) -> None:
    """Check that an output has a format, is free and replaces no input; ``-`` is standard output, which takes JSON lines."""
    from skelstream.files.inputs import check_not_inputs
    from skelstream.formats import check_free, choose

    if output == "-":
        if format not in (None, "jsonl"):
            raise SettingsError("standard output takes JSON lines only", setting="format")
        return
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
    from skelstream.formats import FORMATS, WriteOptions, lines, save
    from skelstream.formats.registry import left_out

    if output == "-":
        for line in left_out(sequence, FORMATS["jsonl"]):
            note(line)
        for line in lines(sequence):
            put(line)
    else:
        save(sequence, output, format, overwrite, options=WriteOptions(note=note))
