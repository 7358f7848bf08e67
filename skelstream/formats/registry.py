"""Which formats there are, and how a name or an ending chooses one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from skelstream.errors import FormatError, OutputError
from skelstream.formats import npz
from skelstream.formats.format import Format, Sample, WriteOptions
from skelstream.sequences import SkeletonSequence

FORMATS: dict[str, Format] = {module.FORMAT.name: module.FORMAT for module in (npz,)}
"""Every format by name."""


def choose(path: Path, name: str | None = None) -> Format:
    """The format called ``name``, or else the one that ``path`` ends like; the longest ending wins.

    Raises:
        FormatError: no such format, or the ending does not say which one.
    """
    if name is not None:
        if name not in FORMATS:
            raise FormatError(f"unknown format {name!r}; known: {', '.join(FORMATS)}")
        return FORMATS[name]
    lower = path.name.lower()
    fitting = [(len(end), f.name) for f in FORMATS.values() for end in f.extensions if lower.endswith(end)]
    if fitting:
        return FORMATS[max(fitting)[1]]
    folders = [f for f in FORMATS.values() if f.folder and (path.is_dir() or not path.suffix)]
    if folders:
        return folders[0]
    raise FormatError(f"{path}: the ending does not say which format; name one of: {', '.join(FORMATS)}")


def load(path: str | Path, format: str | None = None) -> SkeletonSequence:
    """Read a sequence from any format that can be read.

    Args:
        path: the file or folder.
        format: a name of `FORMATS`; None: by the ending of the path.

    Raises:
        FormatError: the file is missing, damaged or foreign, or the format cannot be read.
    """
    path = Path(path)
    chosen = choose(path, format)
    if chosen.read is None:
        readable = ", ".join(f.name for f in FORMATS.values() if f.read)
        raise FormatError(f"{path}: format {chosen.name} is only written; these can be read: {readable}")
    return chosen.read(path)


def save(
    sequence: SkeletonSequence,
    path: str | Path,
    format: str | None = None,
    overwrite: bool = False,
    *,
    persons: int | None = None,
) -> None:
    """Write one sequence.

    Args:
        sequence: what to write.
        path: the file, or the folder for formats that make one.
        format: a name of `FORMATS`; None: by the ending of the path.
        overwrite: whether an existing file may be replaced.
        persons: slots of formats that give each person a slot.

    Raises:
        FormatError: the format cannot hold this sequence.
        OutputError: the file exists already or cannot be written.
    """
    path = Path(path)
    chosen = choose(path, format)
    _leave(chosen, path, overwrite)
    chosen.write(Sample(sequence, clip_name(sequence, path)), path, WriteOptions(persons))


def save_dataset(
    samples: Iterable[Sample],
    path: str | Path,
    format: str | None = None,
    overwrite: bool = False,
    *,
    classes: int | None = None,
    persons: int | None = None,
) -> None:
    """Join many sequences into one training set; the other arguments are those of `save`.

    Args:
        samples: sequences with names, labels and splits; read one by one.
        classes: number of classes, None if the samples have no labels.
    """
    path = Path(path)
    chosen = choose(path, format)
    if chosen.join is None:
        joining = ", ".join(f.name for f in FORMATS.values() if f.join)
        raise FormatError(f"{path}: format {chosen.name} holds one video; these hold many: {joining}")
    _leave(chosen, path, overwrite)
    chosen.join(samples, path, WriteOptions(persons, classes))


def clip_name(sequence: SkeletonSequence, path: Path) -> str:
    """What a consumer calls the clip: the source's name without its ending, else the output's."""
    source = Path(str(sequence.meta.get("source") or ""))
    return source.name.split(".")[0] or path.name.split(".")[0]


def _leave(chosen: Format, path: Path, overwrite: bool) -> None:
    for output in chosen.outputs(path):
        if output.exists() and not overwrite:
            raise OutputError(f"{output} exists; choose another name or pass --overwrite")
