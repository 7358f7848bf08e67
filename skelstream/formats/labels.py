"""Classes and splits of a training set, from a CSV file."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from skelstream.errors import FormatError
from skelstream.formats.format import Sample
from skelstream.sequences import SkeletonSequence


@dataclass(frozen=True)
class Label:
    """What a line says about a clip; ``index`` counts classes from 0, None if unknown."""

    index: int | None
    name: str | None
    split: str | None


@dataclass(frozen=True)
class Labels:
    """All lines: clip name to label, and the number of classes."""

    of: dict[str, Label]
    classes: int


def read_labels(path: Path) -> Labels:
    """Read a CSV file with the columns ``name``, ``label`` and, if there are splits, ``split``.

    ``name`` is the clip's file name up to its first dot. Labels that are all whole numbers are class numbers
    from 0; else they are class names, numbered in alphabetical order.

    Raises:
        FormatError: a column is missing, or a line is incomplete or repeats a name.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            lines = csv.DictReader(file)
            absent = {"name", "label"} - set(lines.fieldnames or ())
            if absent:
                raise FormatError(f"{path}: has no column {' and '.join(sorted(absent))}")
            rows = [
                (clip_key(row["name"] or ""), (row["label"] or "").strip(), (row.get("split") or "").strip())
                for row in lines
            ]
    except FileNotFoundError:
        raise FormatError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"{path}: cannot be read as CSV: {error}") from error
    for number, (name, label, _) in enumerate(rows, 2):
        if not name or not label:
            raise FormatError(f"{path}, line {number}: name or label is empty")
    for name, count in Counter(name for name, *_ in rows).items():
        if count > 1:
            raise FormatError(f"{path}: {name} is labelled {count} times")
    if all(label.isdecimal() for _, label, _ in rows):
        numbers = {label: int(label) for _, label, _ in rows}
        named = False
    else:
        numbers = {label: i for i, label in enumerate(sorted({label for _, label, _ in rows}))}
        named = True
    labels = {n: Label(numbers[label], label if named else None, split or None) for n, label, split in rows}
    return Labels(labels, 1 + max(numbers.values(), default=-1))


def clip_key(name: str) -> str:
    """A file's name up to its first dot: what labels and training sets call a clip."""
    return Path(name.strip()).name.split(".")[0]


def labelled(
    inputs: Sequence[Path], labels: Labels | None, read: Callable[[Path], SkeletonSequence]
) -> Iterator[Sample]:
    """Samples of a training set, each read only when its turn comes.

    Raises:
        FormatError: at once if two inputs share a name or one has no label.
    """
    names = [clip_key(path.name) for path in inputs]
    count = Counter(names)
    for path, name in zip(inputs, names, strict=True):
        if count[name] > 1:
            raise FormatError(f"{path}: another input is called {name} too; rename one")
        if labels is not None and name not in labels.of:
            raise FormatError(f"{path}: the label file has no line for {name}")

    def samples() -> Iterator[Sample]:
        for path, name in zip(inputs, names, strict=True):
            label = labels.of[name] if labels else Label(None, None, None)
            yield Sample(read(path), name, label.index, label.name, label.split)

    return samples()
