"""What a format is, and what it is given to write."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from skelstream.sequences import Detections, SkeletonSequence


@dataclass(frozen=True)
class Sample:
    """A sequence and what a training set says about it.

    Attributes:
        sequence: the sequence.
        name: what the consumer calls the clip; unique in a training set. It may have dots and slashes.
        label: class number from 0, or None if unknown.
        label_name: class name, or None.
        split: name of the part of the training set, for instance ``train``, or None.
    """

    sequence: SkeletonSequence
    name: str
    label: int | None = None
    label_name: str | None = None
    split: str | None = None


def _quiet(_: str) -> None:
    pass


@dataclass(frozen=True)
class WriteOptions:
    """Settings of writing a file.

    Attributes:
        persons: slots M of formats that give each person a slot; None: the format's own default.
        frames: frames that formats of a fixed length hold.
        classes: number of classes of the training set, or None if there are no labels.
        class_names: of those classes, by number, or None if they have numbers only.
        skeleton: the joint set that was asked for, which formats without one of their own keep; None: their default.
        note: told in a line whatever the format left out.
    """

    persons: int | None = None
    frames: int = 300
    classes: int | None = None
    class_names: tuple[str, ...] | None = None
    skeleton: str | None = None
    note: Callable[[str], None] = _quiet


ASSUMED_FPS = 30.0
"""Frames per second of files that hold no times, unless something better is known."""


@dataclass(frozen=True)
class ReadOptions:
    """Settings of reading a file, for what it does not say itself.

    Attributes:
        fps: frames per second, for files that hold no times.
        size: (height, width) of the image in pixels, for files that hold shares of it, or None.
        clip: which clip of a file that holds many.
        note: told in a line whatever was assumed or left out.
    """

    fps: float = ASSUMED_FPS
    size: tuple[int, int] | None = None
    clip: str | None = None
    note: Callable[[str], None] = _quiet


def _one_file(path: Path) -> list[Path]:
    return [path]


@dataclass(frozen=True)
class Format:
    """A file layout.

    Attributes:
        name: as on the command line.
        extensions: endings of the file name that choose this format; empty for a folder.
        summary: one line for listings.
        read: a path to a sequence, or to detections if the file holds no identities; None if the format is only
            written. Its errors need not name the path.
        write: writes one sample; None if the format is only read.
        join: writes many samples into one training set, or None if a file holds a single video.
        outputs: the paths that writing to a path makes.
        folder: whether the path is a folder.
        space: whether it holds people in 3D.
    """

    name: str
    extensions: tuple[str, ...]
    summary: str
    write: Callable[[Sample, Path, WriteOptions], None] | None = None
    read: Callable[[Path, ReadOptions], SkeletonSequence | Detections] | None = None
    join: Callable[[Iterable[Sample], Path, WriteOptions], None] | None = None
    outputs: Callable[[Path], list[Path]] = _one_file
    folder: bool = False
    space: bool = False
