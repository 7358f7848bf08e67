"""Checks of inputs before they are read, and that outputs do not replace them."""

from __future__ import annotations

import glob
import os
from collections.abc import Collection, Iterable, Iterator
from itertools import combinations
from pathlib import Path

from skelstream.errors import FormatError, OutputError, SettingsError


def check_not_inputs(
    outputs: Iterable[Path | None],
    inputs: Iterable[str | Path | int | None],
    endings: Collection[str] | None = None,
) -> None:
    """Check that no existing output is an input, holds one or lies within one, and that no two outputs are one file.

    Args:
        outputs: files and folders to write; None is left out.
        inputs: files, folders, patterns, URLs and cameras to read; None is left out.
        endings: endings of the files that are read in a folder, with the dot and in small letters; None for all.

    Raises:
        OutputError: an output would replace what it is made from.
        SettingsError: two outputs are one file.
    """
    written = [path for path in outputs if path is not None]
    for first, second in combinations(written, 2):
        if os.path.realpath(first) == os.path.realpath(second):
            raise SettingsError(f"{first} and {second} would be one file; give two names", setting="output")
    read = [source for given in inputs for source in _paths(given)]
    for output in written:
        target = Path(os.path.realpath(output))
        inside = endings is None or output.suffix.lower() in endings
        for source in read if target.exists() else ():
            real = Path(os.path.realpath(source))
            if real.samefile(target) or target in real.parents or (inside and real in target.parents):
                raise OutputError(
                    f"{output} would replace the input {source}, or a part of it; choose another output"
                )


def check_is_file(path: Path) -> None:
    """Check that a path is no pipe or device, which could be without end; a path that does not exist passes.

    Raises:
        FormatError: it is one.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise FormatError(f"{path}: a pipe or device, not a file; write its content to a file first")


def _paths(given: str | Path | int | None) -> Iterator[str | Path]:
    if isinstance(given, str | Path):
        found = [given] if os.path.exists(given) else glob.glob(str(given), recursive=True)
        yield from (path for path in found if os.path.exists(path))
