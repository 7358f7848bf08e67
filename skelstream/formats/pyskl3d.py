"""Writer of PYSKL's annotation pickle in 3D, with NTU RGB+D's joints."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from skelstream.formats.clips import note_tracks_left_out
from skelstream.formats.format import Format, Sample, WriteOptions
from skelstream.formats.pyskl import write_annotations
from skelstream.formats.space import kinect_clip, require_lifted
from skelstream.skeleton import skeleton_named

_PERSONS = 2
_UNLABELLED = -1
# Place of the mid-hip, metres. PYSKL and MMAction2 take a person with the first joint at (0, 0, 0) for a missing one.
_ORIGIN = np.array([0, 0, 3], np.float32)


def write(sample: Sample, path: Path, options: WriteOptions) -> None:
    """Write a list with one annotation."""
    join([sample], path, options)


def join(samples: Iterable[Sample], path: Path, options: WriteOptions) -> None:
    """Write one annotation per sample: a bare list, or ``{'split', 'annotations'}`` if samples have splits.

    ``keypoint``, float32 (M, T, V, 3), is in metres in Kinect's axes (x left in the image, y up, z away), with
    every mid-hip 3 m before the camera; it contains the most important tracks, one per slot, zeros where missing.
    If classes have names, there are ``label_name``, and ``classes`` beside ``split``. Joints are NTU RGB+D's
    25, with hands at the wrists and feet at the ankles, or ``h36m17`` if requested.

    Raises:
        FormatError: a sequence was not lifted.
    """
    named = {"classes": list(options.class_names)} if options.class_names else {}
    write_annotations(samples, path, lambda sample: _annotation(sample, options), named)


def _annotation(sample: Sample, options: WriteOptions) -> dict[str, Any]:
    sequence = sample.sequence
    require_lifted(sequence, "pyskl3d")
    target = skeleton_named(options.skeleton or "ntu25")
    wanted = options.persons or _PERSONS
    note_tracks_left_out(sample, wanted, options)
    count = max(1, min(wanted, len(sequence)))
    dense = np.nan_to_num(kinect_clip(sequence, target, count) + _ORIGIN)
    return {
        "frame_dir": sample.name,
        "total_frames": sequence.frames,
        "label": _UNLABELLED if sample.label is None else sample.label,
        **({} if sample.label_name is None else {"label_name": sample.label_name}),
        "keypoint": dense,
    }


FORMAT = Format(
    "pyskl3d",
    (".3d.pkl",),
    "PYSKL's annotation pickle of lifted people, NTU RGB+D's joints",
    write,
    join=join,
    holds_3d=True,
    holds_parts=False,
)
