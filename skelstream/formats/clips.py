"""Clips of a fixed length for the ST-GCN family."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from skelstream.formats.format import Sample, WriteOptions
from skelstream.formats.rows import size_of
from skelstream.processing import relative_to_image

PERSONS = 2
UNLABELLED = -1


CLASSES = "classes.txt"
"""File name of the class names of a training set in a folder; line i names class i, as in MMAction2's label
maps."""


def clip_of(
    sample: Sample,
    options: WriteOptions,
    format: str,
    skeleton: str = "openpose18",
    persons: int | None = None,
) -> np.ndarray:
    """Return the first frames of the most important tracks.

    Args:
        sample: the sequence.
        options: options with the numbers of persons and frames.
        format: name of the format in messages.
        skeleton: joint set of the clip.
        persons: number M of slots; None for that of the options.

    Returns:
        float32 (M, T, V, 3): x / width - 0.5, y / height - 0.5, score; zeros where missing. T is the
        sequence's own length, at most ``options.frames``.
    """
    sequence = sample.sequence
    note_left_out(sample, options, persons)
    persons = persons or options.persons or PERSONS
    height, width = size_of(sequence, format)
    dense = sequence.as_skeleton(skeleton).dense(persons)[:, : options.frames]
    return relative_to_image(dense, height, width)


def note_left_out(sample: Sample, options: WriteOptions, persons: int | None = None) -> None:
    """Note the tracks and frames of a sample that a clip leaves out; see `clip_of`."""
    sequence = sample.sequence
    if persons is None:
        note_tracks_left_out(sample, options.persons or PERSONS, options)
    elif len(sequence) > persons:
        options.note(
            f"{sample.name}: {persons} of {len(sequence)} tracks kept, as the format always has {persons}"
        )
    note_frames_left_out(sample, options)


def note_frames_left_out(sample: Sample, options: WriteOptions) -> None:
    """Note the frames of a sample beyond the length of the options."""
    count = sample.sequence.frames
    if count > options.frames:
        options.note(
            f"{sample.name}: {options.frames} of {count} frames kept; convert with --frames {count} to keep all"
        )


def note_tracks_left_out(sample: Sample, kept: int, options: WriteOptions) -> None:
    """Note the tracks of a sample beyond the number of slots."""
    count = len(sample.sequence)
    if count > kept:
        options.note(
            f"{sample.name}: {kept} of {count} tracks kept, the most important ones;"
            f" convert with --persons {count} to keep all"
        )


def write_classes(folder: Path, options: WriteOptions) -> None:
    """Write the file of class names, if classes have names."""
    if options.class_names:
        lines = "".join(" ".join(name.split()) + "\n" for name in options.class_names)
        (folder / CLASSES).write_text(lines, encoding="utf-8")
