"""Table of formats, and reading and writing with a format chosen by name or ending."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from skelstream.errors import FormatError, SettingsError
from skelstream.files.arguments import instance_argument, number_argument, path_argument
from skelstream.files.atomic import check_replaceable, check_writable
from skelstream.files.inputs import check_is_file
from skelstream.files.values import integer
from skelstream.formats import (
    alphapose,
    bvh,
    checkpoint,
    coco,
    csv,
    ctrgcn,
    deeplabcut,
    jsonl,
    kinetics,
    npz,
    openpose,
    parquet,
    pose,
    posetrack,
    pyskl,
    pyskl3d,
    results_json,
    sleap,
    stgcn,
    trc,
)
from skelstream.formats.format import ASSUMED_FPS, Format, ReadOptions, Sample, WriteOptions
from skelstream.formats.names import name_of, without_ending
from skelstream.formats.parts import note_body_only
from skelstream.plugins import plugins
from skelstream.sequences import Detections, SkeletonSequence
from skelstream.sequences.meta import names_of

_LISTED = (
    npz.FORMAT, jsonl.FORMAT, csv.FORMAT, parquet.FORMAT, openpose.FORMAT, pyskl.FORMAT, *stgcn.FORMATS,
    kinetics.FORMAT, ctrgcn.FORMAT, coco.FORMAT, posetrack.FORMAT, alphapose.FORMAT, pose.FORMAT,
    sleap.FORMAT, results_json.FORMAT, deeplabcut.FORMAT, trc.FORMAT,
    bvh.FORMAT, pyskl3d.FORMAT, checkpoint.FORMAT,
)  # fmt: skip
FORMATS: dict[str, Format] = plugins("skelstream.formats", Format, _LISTED)
"""Formats by name: skelstream's own, then those of other packages."""

# Endings of files, with which a folder would be taken for a file.
_FILE_ENDINGS = {f".{end.rpartition('.')[2]}" for format in FORMATS.values() for end in format.extensions} | {
    ".json",
    ".npy",
}


def choose(path: Path, name: str | None = None) -> Format:
    """Return the format to write, by its name or else by the ending of the path; the longest ending wins.

    An existing folder counts as OpenPose's.

    Raises:
        SettingsError: the format is unknown or read-only, or writes a folder and the path has a file's ending.
        FormatError: the ending is unknown.
    """
    if name is not None:
        if name not in FORMATS:
            raise SettingsError(f"unknown format {name!r}; known: {', '.join(FORMATS)}", setting="format")
        if FORMATS[name].write is None:
            raise SettingsError(f"{path}: format {name} is only read", setting="format")
        if FORMATS[name].folder and path.suffix.lower() in _FILE_ENDINGS:
            raise SettingsError(
                f"{path}: format {name} writes a folder; give a name without {path.suffix}", setting="output"
            )
        return FORMATS[name]
    found = format_of_ending(path, [format for format in FORMATS.values() if format.write])
    if found is None:
        written = ", ".join(format.name for format in FORMATS.values() if format.write)
        raise FormatError(
            f"{path}: the ending does not say which format; choose one of {written}", setting="format"
        )
    return found


def choose_for_many(path: Path, name: str | None = None, one_by_one: str = "") -> Format:
    """Return the format to write many videos in one training set, by its name or else by the ending of the path.

    Args:
        path: the output.
        name: name of the format; None to choose by the ending.
        one_by_one: end of the error's line that says how to convert the inputs one by one; empty for none.

    Raises:
        SettingsError: the format is unknown.
        FormatError: the format contains one video, or the ending is unknown.
    """
    joining = [format for format in FORMATS.values() if format.join]
    written = [format for format in FORMATS.values() if format.write]
    chosen = format_of_ending(path, written) if name is None else choose(path, name)
    if chosen is None or chosen.join is None:
        why = f"format {chosen.name} contains one video" if chosen else "the ending does not say which format"
        names = ", ".join(format.name for format in joining)
        raise FormatError(f"{path}: {why}; choose one for many videos: {names}{one_by_one}", setting="format")
    return chosen


def format_of_ending(path: Path, formats: Iterable[Format]) -> Format | None:
    """Return the one of the formats that the path's ending names; the longest ending wins. None if it names none.

    An existing folder counts as OpenPose's.
    """
    if path.is_dir():
        return openpose.FORMAT
    lower = path.name.lower()
    fitting = [(len(end), f.name) for f in formats for end in f.extensions if lower.endswith(end)]
    return FORMATS[max(fitting)[1]] if fitting else None


def read(
    path: str | Path,
    format: str | None = None,
    fps: float | None = None,
    *,
    size: tuple[int, int] | None = None,
    clip: str | None = None,
    note: Callable[[str], None] | None = None,
) -> SkeletonSequence | Detections:
    """Read a sequence, or people without identities; the arguments are those of `load`.

    Raises:
        FormatError: the file is missing, damaged or of another format, or the format is write-only.
        SettingsError: the name of the format is unknown, or the frame rate is not above 0.
    """
    path = path_argument(path, "path")
    if "\0" in str(path):
        raise FormatError(f"{str(path)!r}: a file's name cannot hold a NUL character")
    if format is not None and format not in FORMATS:
        raise SettingsError(
            f"unknown format {format!r}; known: {', '.join(FORMATS)}", setting="source_format"
        )
    chosen = format_of_ending(path, FORMATS.values()) if format is None else FORMATS[format]
    if chosen is None or chosen.read is None:
        readable = ", ".join(f.name for f in FORMATS.values() if f.read)
        why = (
            "the ending does not say which format"
            if chosen is None
            else f"format {chosen.name} is only written"
        )
        raise FormatError(f"{path}: {why}; these can be read: {readable}")
    check_is_file(path)
    if clip is not None and not chosen.holds_clips:
        raise FormatError(
            f"{path}: a file of the format {chosen.name} holds one clip, without a name", setting="clip"
        )
    if fps is None:
        fps = ASSUMED_FPS
    try:
        fps = number_argument(fps, "fps", "a number of frames per second above 0", above=0)
    except SettingsError as error:
        raise SettingsError(str(error), setting="rate") from None
    notes = {} if note is None else {"note": lambda text: note(f"{path}: {text}")}
    try:
        return chosen.read(path, ReadOptions(fps, size, clip, **notes))
    except FormatError as error:
        other = _other_folder(path) if path.is_dir() else ""
        raise FormatError(f"{path}: {other or error}", setting=error.setting) from error
    except FileNotFoundError:
        raise FormatError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: cannot be read as text: {error}") from None
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror or error}") from None


def _other_folder(path: Path) -> str:
    """Return what a folder holds in place of OpenPose's JSON, and what to do; empty if it is unknown."""
    if (path / ".batch").is_dir():
        return (
            f"the folder of a batch; give one of its files, or see skelstream batch status {path}"
            " and skelstream convert"
        )
    if kinetics.label_file(path).is_file() or any(path.glob("*_label.json")):
        return "a folder of kinetics-skeleton, which is only written; give the file that it was made from"
    if any(path.glob("*_data.npy")):
        return "a folder of ST-GCN's arrays, which is only written; give the file that it was made from"
    if found := next((p for p in sorted(path.rglob("*.npz")) if p.is_file()), None):
        return f"a folder of skeleton files; give one of them, for example {found}"
    return ""


def load(
    path: str | Path,
    format: str | None = None,
    fps: float | None = None,
    *,
    size: tuple[int, int] | None = None,
    clip: str | None = None,
    note: Callable[[str], None] | None = None,
) -> SkeletonSequence:
    """Read a sequence from any readable format.

    Args:
        path: the file or folder.
        format: name in `FORMATS`; None to choose by the ending of the path.
        fps: frames per second of files without times; None for 30.
        size: (height, width) of the image in pixels, for files with positions relative to it.
        clip: name of the clip to read from a file with several.
        note: function called with one line for everything assumed or left out.

    Raises:
        FormatError: the file is missing, damaged or of another format; the format is write-only; or the
            people have no identities: `read` them and add identities with `skelstream.processing.with_identities`.
        SettingsError: the name of the format is unknown, or the frame rate is not above 0.
    """
    found = read(path, format, fps, size=size, clip=clip, note=note)
    if isinstance(found, Detections):
        raise FormatError(
            f"{path}: its people have no identities;"
            " use skelstream.processing.with_identities(skelstream.formats.read(path))"
        )
    return found


def save(
    sequence: SkeletonSequence,
    path: str | Path,
    format: str | None = None,
    overwrite: bool = False,
    *,
    label: int | None = None,
    options: WriteOptions | None = None,
) -> None:
    """Write one sequence.

    Args:
        sequence: the sequence.
        path: the file, or the folder for formats that write one.
        format: name in `FORMATS`; None to choose by the ending of the path.
        overwrite: whether an existing file may be replaced.
        label: class number from 0, for formats of training sets; -1 or None if unknown.
        options: options of writing, such as slots and length; None for the defaults.

    Raises:
        FormatError: the format cannot contain this sequence.
        OutputError: the file already exists or cannot be written.
    """
    path = path_argument(path, "path")
    instance_argument(sequence, SkeletonSequence, "sequence")
    chosen = choose(path, format)
    check_free(chosen, path, overwrite)
    known = None if label is None or label == -1 else integer(label, "label")
    sample = Sample(sequence, clip_name(sequence, path), known)
    write = chosen.write
    assert write is not None  # ensured by choose
    options = options or WriteOptions()
    for line in left_out(sequence, chosen):
        options.note(line)
    _note_parts(sample, chosen, options)
    _note_holes(sample, chosen, options)
    _with_path(path, lambda: write(sample, path, options))


def left_out(sequence: SkeletonSequence, chosen: Format) -> list[str]:
    """Return a line for each thing in a sequence that a format cannot hold, hands and faces apart."""
    notes = []
    if sequence.lifted is not None and not chosen.holds_3d:
        notes.append(f"format {chosen.name} has no 3D joints; they are left out")
    if names_of(sequence.meta) and not chosen.holds_names:
        notes.append(f"format {chosen.name} has no names of people; they are left out")
    return notes


def save_dataset(
    samples: Iterable[Sample],
    path: str | Path,
    format: str | None = None,
    overwrite: bool = False,
    *,
    options: WriteOptions | None = None,
) -> None:
    """Write many sequences, taken one by one, into one training set; the arguments are those of `save`.

    Raises:
        FormatError: the format holds one video, or cannot hold one of the sequences.
        OutputError: the file already exists or cannot be written.
        SettingsError: the name of the format is unknown.
    """
    path = path_argument(path, "path")
    chosen = choose_for_many(path, format)
    join = chosen.join
    assert join is not None  # ensured by choose_for_many
    check_free(chosen, path, overwrite)
    options = options or WriteOptions()

    def noted() -> Iterator[Sample]:
        for sample in samples:
            for line in left_out(sample.sequence, chosen):
                options.note(f"{sample.name}: {line}")
            _note_parts(sample, chosen, options)
            _note_holes(sample, chosen, options)
            yield sample

    _with_path(path, lambda: join(noted(), path, options))


def _note_parts(sample: Sample, chosen: Format, options: WriteOptions) -> None:
    """Say that hands and faces are left out of formats of bodies."""
    if not chosen.holds_parts:
        note_body_only(sample, chosen.name, options)


def _note_holes(sample: Sample, chosen: Format, options: WriteOptions) -> None:
    """Say where frames are missing between the rows of a sequence, for formats of training sets, which count rows."""
    steps = np.diff(sample.sequence.frame_index)
    if chosen.join is not None and len(steps) and steps.min() != steps.max():
        missing = int((steps // steps.min() - 1).sum())
        options.note(
            f"{sample.name}: {missing} frames are missing between its rows, which follow each other in format {chosen.name};"
            " --fps makes rows for them"
        )


def check_free(chosen: Format, path: Path, overwrite: bool) -> None:
    """Check that a format's files can be written.

    Raises:
        OutputError: a file exists and ``overwrite`` is false, or it cannot be written.
    """
    for output in chosen.outputs(path):
        check_writable(output, overwrite)
    if chosen.folder:
        check_replaceable(path, chosen.owns(path))


def clip_name(sequence: SkeletonSequence, path: Path) -> str:
    """Return the name of a clip in the written file: the source's name without its ending, else the output's."""
    source = name_of(str(sequence.meta.get("source") or ""))
    return source[-1] if source else without_ending(path.name)


def _with_path(path: Path, write: Callable[[], None]) -> None:
    """Call a function that writes, and add the path to its errors."""
    try:
        write()
    except FormatError as error:
        raise FormatError(f"{path}: {error}", setting=error.setting) from error


def is_folder(output: str, name: str | None = None) -> bool:
    """Return whether an output is a folder that results go into, one file each; some formats are folders themselves."""
    if name in FORMATS and FORMATS[name].folder:
        return False
    return output.endswith("/") or Path(output).is_dir()
