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
    more = "" if persons else "; a larger number of persons keeps more"
    kept = persons or options.persons or PERSONS
    if len(sequence) > kept:
        options.note(f"{sample.name}: {kept} of {len(sequence)} tracks kept{more}")
    if sequence.frames > options.frames:
        options.note(
            f"{sample.name}: {options.frames} of {sequence.frames} frames kept;"
            " a larger number of frames keeps more"
        )


def write_classes(folder: Path, options: WriteOptions) -> None:
    """Write the file of class names, if classes have names."""
    if options.class_names:
        lines = "".join(" ".join(name.split()) + "\n" for name in options.class_names)
        (folder / CLASSES).write_text(lines, encoding="utf-8")
