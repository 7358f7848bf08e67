"""Classes and splits of a training set, from a CSV file or from the folders of the clips."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from skelstream.errors import FormatError
from skelstream.files.inputs import check_is_file
from skelstream.files.text import no_note, printable
from skelstream.formats.format import Sample
from skelstream.formats.names import Name, check_split, distinct, name_of
from skelstream.sequences import SkeletonSequence

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
# One-hot labels of more classes would not fit into memory.
_MOST_CLASSES = 10_000
_SHOWN = 40
# Cells without a label; words that mean unknown in a column of numbers.
_EMPTY, _UNKNOWN = ("", "nan", "<na>"), ("na", "n/a", "none", "null")
_SPLIT_FOLDERS = {"training": "train", "valid": "val", "validation": "val", "testing": "test"}
_SPLIT_FOLDERS |= {split: split for split in ("train", "val", "test")}


@dataclass(frozen=True)
class Label:
    """Class and split of a clip.

    Attributes:
        index: class number from 0; None if unknown.
        name: class name; None if unknown or if classes have numbers only.
        split: name of the split; None if unknown.
    """

    index: int | None
    name: str | None
    split: str | None


@dataclass(frozen=True)
class Labels:
    """Classes and splits of all clips.

    Attributes:
        of: labels by the clip's name or path.
        classes: number of classes.
        names: class names by number; None if classes have numbers only.
        source: origin of the labels in messages.
    """

    of: dict[Name, Label]
    classes: int
    names: tuple[str, ...] | None = None
    source: str = "the label file"
    _longest: int = field(init=False, repr=False, default=1)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_longest", max(map(len, self.of), default=1))

    def find(self, path: Path) -> Name | None:
        """Return the key of a clip's label: the one with the same name and the most matching folders before it.

        A key without dots also matches files by their name up to the first dot. None if no key matches.
        """
        name = name_of(path.absolute())
        for count in range(min(self._longest, len(name)), 0, -1):
            if name[-count:] in self.of:
                return name[-count:]
        first = (name[-1].split(".")[0],)
        return first if first in self.of else None

    def described(self) -> list[str]:
        """Return lines that list the classes with their numbers."""
        if self.names is None:
            return [f"{self.classes} classes, numbered 0 to {self.classes - 1}"] if self.classes else []
        shown = [f"{i} {printable(name)}" for i, name in enumerate(self.names[:_SHOWN])]
        more = f" and {len(self.names) - _SHOWN} more, listed in the file" if len(self.names) > _SHOWN else ""
        lines = [f"classes: {', '.join(shown)}{more}"]
        words = [name for name in self.names if not _NUMBER.fullmatch(name)]
        if 0 < len(words) < len(self.names):
            lines.append(
                f"{printable(words[0])} is not a number, so numeric labels count as names and are renumbered"
            )
        return lines


def read_labels(path: Path) -> Labels:
    """Read a CSV file with the columns ``name``, ``label`` and, if there are splits, ``split``.

    ``name`` is the clip's file name or the end of its path, with or without the ending. If all labels are
    numbers, they are class numbers from 0, written 2 or 2.0; -1, an empty cell and nan mean an unknown label.
    Otherwise labels are class names, numbered in alphabetical order.

    Raises:
        FormatError: a column is missing; a line has no name, repeats one or has more values than columns; or
            a number is not a class number.
    """
    check_is_file(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows = list(_rows(text, path))
    except FileNotFoundError:
        raise FormatError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"{path}: cannot be read as CSV: {error}") from error
    keys = [name_of(name) for name, *_ in rows]
    for number, (key, (_, _, split)) in enumerate(zip(keys, rows, strict=True), 2):
        if not key:
            raise FormatError(f"{path}, line {number}: name is empty")
        if split:
            check_split(split, f"{path}, line {number}")
    for key, count in Counter(keys).items():
        if count > 1:
            raise FormatError(
                f"{path}: {printable('/'.join(key))} is labelled {count} times; keep one line for it"
            )
    return numbered(keys, [row[1] for row in rows], [row[2] for row in rows], str(path))


def labels_of_folders(inputs: Sequence[Path]) -> Labels:
    """Return labels from folders: the clip's folder is its class, the folder above its split if named train, val or test.

    Raises:
        FormatError: a clip is in no folder, or all are directly in folders of splits.
    """
    keys = [name_of(path.absolute()) for path in inputs]
    for path, key in zip(inputs, keys, strict=True):
        if len(key) < 2:
            raise FormatError(f"{path}: is not in a folder that could name its class; move it into one")
    if all(split_of_folder(key[-2]) for key in keys):
        raise FormatError(
            f"{inputs[0].parent}: is the folder of a split, not of a class; put class folders in it"
        )
    above = [key[-3] if len(key) > 2 else "" for key in keys]
    splits = [split_of_folder(name) for name in above]
    return numbered(keys, [key[-2] for key in keys], splits, "the folders")


def split_of_folder(name: str) -> str:
    """Return the split that a folder's name stands for; empty if it is no split."""
    return _SPLIT_FOLDERS.get(name.lower(), "")


def _rows(text: str, path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield name, label and split of each line of a table separated by commas, semicolons or tabs."""
    header = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=header.count)
    lines = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    columns = [unicodedata.normalize("NFC", name).strip() for name in next(lines, [])]
    missing = {"name", "label"} - set(columns)
    if missing:
        raise FormatError(f"{path}: has no column {' and '.join(sorted(missing))}")
    at = [columns.index(name) if name in columns else None for name in ("name", "label", "split")]
    for cells in lines:
        if any(cell.strip() for cell in cells[len(columns) :]):
            raise FormatError(
                f"{path}, line {lines.line_num}: has more values than columns;"
                f" quote values that contain {delimiter!r}"
            )
        if any(cell.strip() for cell in cells):
            name, label, split = (
                unicodedata.normalize("NFC", cells[i]).strip() if i is not None and i < len(cells) else ""
                for i in at
            )
            yield name, label, split


def numbered(keys: list[Name], labels: list[str], splits: list[str], source: str) -> Labels:
    """Number the labels: class numbers stay, class names are numbered in alphabetical order.

    Args:
        keys: names of the clips.
        labels, splits: label and split of each clip; empty if unknown.
        source: origin of the labels in messages.

    Raises:
        FormatError: a number is not a class number, or there are too many classes.
    """
    given = {label for label in labels if not _is_empty(label)}
    # Words that mean unknown are ordinary classes among names, but not among numbers.
    if all(_NUMBER.fullmatch(label) for label in given if label.lower() not in _UNKNOWN):
        given = {label for label in given if label.lower() not in _UNKNOWN}
        numbers = {label: _class_number(label, source) for label in given}
        names = None
        classes = 1 + max(numbers.values(), default=-1)
    else:
        # Numbers among names are sorted by value, 2 before 10.
        names = tuple(sorted(given, key=lambda label: (*_order(label), label)))
        numbers = {label: i for i, label in enumerate(names)}
        classes = len(names)
    if classes > _MOST_CLASSES:
        raise FormatError(
            f"{source}: {classes} classes exceed the limit of {_MOST_CLASSES}; number them from 0"
        )
    of = {}
    for key, label, split in zip(keys, labels, splits, strict=True):
        known = numbers.get(label)
        of[key] = Label(known, label if names and known is not None else None, split or None)
    return Labels(of, classes, names, source)


def _is_empty(label: str) -> bool:
    return label.lower() in _EMPTY or (bool(_NUMBER.fullmatch(label)) and float(label) == -1)


def _class_number(label: str, source: str) -> int:
    number = float(label)
    if not 0 <= number < 2**31 or not number.is_integer():
        raise FormatError(
            f"{source}: label {label} is not a class number; they start from 0, and -1 means unknown"
        )
    return int(number)


def _order(label: str) -> tuple[int, float]:
    return (0, float(label)) if _NUMBER.fullmatch(label) else (1, 0.0)


def labelled(
    inputs: Sequence[Path],
    labels: Labels | None,
    read: Callable[[Path], SkeletonSequence],
    note: Callable[[str], None] = no_note,
) -> Iterator[Sample]:
    """Return an iterator over the samples of a training set, which reads each clip when it is needed.

    Args:
        inputs: paths of the clips.
        labels: classes and splits of the clips; None for a set without labels.
        read: function that reads a clip.
        note: function called with the lines of `remarks`, and with one about labels of other clips.

    Raises:
        FormatError: immediately, if an input is given twice, has no label line, or shares one with another
            input.
    """
    names = distinct(list(inputs))
    for name, count in Counter(names).items():
        if count > 1:
            raise FormatError(f"{name} is given {count} times; remove or rename all but one")
    if labels is None:
        return (Sample(read(path), name) for path, name in zip(inputs, names, strict=True))
    found: dict[Name, Path] = {}
    for path in inputs:
        key = labels.find(path)
        if key is None:
            raise FormatError(f"{path}: {labels.source} has no line for {name_of(path)[-1]}")
        if key in found:
            raise FormatError(
                f"{path}: {labels.source} has one line, {'/'.join(key)}, for this and {found[key]};"
                " write the folder before the name"
            )
        found[key] = path
    for line in remarks(labels, list(found)):
        note(line)
    if spare := [printable("/".join(key)) for key in labels.of if key not in found]:
        note(f"{labels.source} has lines for other clips than these: {_listed(spare, 3)}")
    known = [labels.of[key] for key in found]
    return (
        Sample(read(path), name, label.index, label.name, label.split)
        for path, name, label in zip(inputs, names, known, strict=True)
    )


def remarks(labels: Labels, keys: list[Name]) -> Iterator[str]:
    """Yield lines about a training set: class numbers, classes without a clip, clips without a label.

    Args:
        labels: classes and splits.
        keys: keys of the clips in the set.
    """
    yield from labels.described()
    used = [labels.of[key] for key in keys]
    present = {label.index for label in used}
    if empty := [i for i in range(labels.classes) if i not in present]:
        shown = [str(i) if labels.names is None else f"{i} {printable(labels.names[i])}" for i in empty]
        yield f"no clip is of class {_listed(shown)}"
    if unknown := sum(label.index is None for label in used):
        yield f"{unknown} of {len(used)} clips have no label"
    if any(label.split for label in used) and not all(label.split for label in used):
        yield f"{sum(label.split is None for label in used)} of {len(used)} clips are in no split"


def _listed(words: list[str], most: int = _SHOWN) -> str:
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return f"{', '.join(words[:most])}{more}"
