"""`Format`, the entry of the table of formats, with samples and options of reading and writing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from skelstream.files.text import no_note
from skelstream.formats.names import check_split
from skelstream.sequences import Detections, SkeletonSequence


@dataclass(frozen=True)
class Sample:
    """Sequence with its name, class and split in a training set.

    Attributes:
        sequence: the sequence.
        name: name of the clip in the written file, unique in a training set. It may contain dots and slashes.
        label: class number from 0; None if unknown.
        label_name: class name; None if unknown.
        split: name of the split of the training set, for instance ``train``; None without splits.

    Raises:
        FormatError: the split cannot be a part of a file name.
    """

    sequence: SkeletonSequence
    name: str
    label: int | None = None
    label_name: str | None = None
    split: str | None = None

    def __post_init__(self) -> None:
        if self.split is not None:
            check_split(self.split, self.name)


@dataclass(frozen=True)
class WriteOptions:
    """Options of writing a file.

    Attributes:
        persons: number M of slots in formats with one slot per person; None for the format's default.
        frames: number of frames in formats of a fixed length.
        classes: number of classes of the training set; None if there are no labels.
        class_names: names of the classes by number; None if they have numbers only.
        skeleton: joint set for formats that allow several; None for the format's default.
        note: function called with one line for everything that the format leaves out.
    """

    persons: int | None = None
    frames: int = 300
    classes: int | None = None
    class_names: tuple[str, ...] | None = None
    skeleton: str | None = None
    note: Callable[[str], None] = no_note


ASSUMED_FPS = 30.0
"""Default frame rate of files without times."""


@dataclass(frozen=True)
class ReadOptions:
    """Options of reading a file, for facts that the file lacks.

    Attributes:
        fps: frames per second, for files without times.
        size: (height, width) of the image in pixels, for files with positions relative to it; None if
            unknown.
        clip: name of the clip to read from a file with several.
        note: function called with one line for everything assumed or left out.
    """

    fps: float = ASSUMED_FPS
    size: tuple[int, int] | None = None
    clip: str | None = None
    note: Callable[[str], None] = no_note


def _owns_nothing(_: Path) -> Callable[[Path], bool]:
    return lambda file: False


def _one_file(path: Path) -> list[Path]:
    return [path]


@dataclass(frozen=True)
class Format:
    """File format.

    Attributes:
        name: name on the command line.
        extensions: endings of the file name that select this format; empty for a folder.
        summary: one-line description for lists.
        write: function that writes one sample; None if the format is read-only.
        read: function that reads a sequence, or detections if the file has no identities; None if the format
            is write-only. Its errors need not name the path.
        join: function that writes many samples into one training set; None if a file contains a single video.
        outputs: function from the given path to the paths that writing creates.
        folder: whether the path is a folder.
        owns: function from a folder to the predicate that tells which files in it belong to an earlier output.
        holds_clips: whether a file may contain several clips, of which one is read by its name.
        holds_3d: whether the format contains 3D joints.
        holds_names: whether the format contains the names of people.
        holds_parts: whether the format contains hands and faces, or notes them itself where it does not.
    """

    name: str
    extensions: tuple[str, ...]
    summary: str
    write: Callable[[Sample, Path, WriteOptions], None] | None = None
    read: Callable[[Path, ReadOptions], SkeletonSequence | Detections] | None = None
    join: Callable[[Iterable[Sample], Path, WriteOptions], None] | None = None
    outputs: Callable[[Path], list[Path]] = _one_file
    folder: bool = False
    owns: Callable[[Path], Callable[[Path], bool]] = _owns_nothing
    holds_clips: bool = False
    holds_3d: bool = False
    holds_names: bool = False
    holds_parts: bool = True
