"""Clips of a fixed length, as the ST-GCN family reads them."""

from __future__ import annotations

import numpy as np

from skelstream.formats.format import Sample, WriteOptions
from skelstream.formats.rows import size_of
from skelstream.sequences import relative_to_image

PERSONS = 2
UNLABELLED = -1


def clip_of(sample: Sample, options: WriteOptions, format: str) -> np.ndarray:
    """The first frames of the most important tracks in OpenPose's 18 joints.

    Returns:
        float32 (M, T, V, 3): x / width - 0.5, y / height - 0.5, score; zeros where missing. T is the
        sequence's own length, at most ``options.frames``.
    """
    sequence, persons = sample.sequence, options.persons or PERSONS
    if len(sequence) > persons:
        options.note(f"{sample.name}: {persons} of {len(sequence)} tracks kept; --persons keeps more")
    if sequence.frames > options.frames:
        options.note(f"{sample.name}: {options.frames} of {sequence.frames} frames kept; --frames keeps more")
    height, width = size_of(sequence, format)
    dense = sequence.as_skeleton("openpose18").dense(persons)[:, : options.frames]
    return relative_to_image(dense, height, width)
