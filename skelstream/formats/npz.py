"""The native file: plain NumPy arrays in a zip, no pickle, readable with ``numpy.load``."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from skelstream.atomic import replacing
from skelstream.errors import FormatError
from skelstream.formats.format import Format, Sample, WriteOptions
from skelstream.formats.zipped import put_array
from skelstream.sequences import SkeletonSequence
from skelstream.sequences.builder import FORMAT_VERSION
from skelstream.sequences.sequence import ARRAYS

# A filled or smoothed sequence adds these beside the measured ones, which keep the plain names.
_CLEAN = ("keypoints", "scores", "boxes", "person_scores", "frame", "track_start", "observed")


def write(sample: Sample, path: Path, options: WriteOptions) -> None:
    """Write ``skeletons.npz``, version 1: `skelstream.sequences.sequence.ARRAYS` and ``meta`` as JSON text.

    Measured values have the plain names always. A sequence that was filled or smoothed adds
    ``clean_keypoints``, ``clean_scores`` and so on, of its own length.
    """
    sequence = sample.sequence
    measured = sequence if sequence.raw is None else sequence.raw
    arrays = {name: getattr(measured, name) for name in ARRAYS}
    if sequence.raw is not None:
        arrays |= {f"clean_{name}": getattr(sequence, name) for name in _CLEAN}
    meta = {**sequence.meta, "version": FORMAT_VERSION}
    arrays["meta"] = np.array(json.dumps(meta, sort_keys=True, allow_nan=False))
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "x") as file:
        for name, array in arrays.items():
            put_array(file, name, array)


def read(path: Path, rate: float) -> SkeletonSequence:
    """Read ``skeletons.npz``; it holds its own times.

    Raises:
        FormatError: the file is foreign, damaged, or of a later version.
    """
    try:
        with open(path, "rb") as handle, np.load(handle, allow_pickle=False) as file:
            return _sequence(file)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error
    except FileNotFoundError:
        raise FormatError(f"{path}: no such file") from None
    except Exception as error:
        # Damaged bytes make zipfile, numpy and json raise more kinds than can be listed.
        raise FormatError(f"{path}: not a skeletons.npz, or damaged; extract the video again") from error


def _sequence(file: np.lib.npyio.NpzFile) -> SkeletonSequence:
    if not isinstance(file, np.lib.npyio.NpzFile):
        raise FormatError("not a skeletons.npz: it holds a single array")
    absent = [name for name in (*ARRAYS, "meta") if name not in file]
    if absent:
        raise FormatError(f"not a skeletons.npz: it has no {', '.join(absent[:3])}")
    meta = json.loads(file["meta"].item())
    if not isinstance(meta, dict) or meta.get("version") != FORMAT_VERSION:
        found = meta.get("version") if isinstance(meta, dict) else None
        raise FormatError(
            f"file format version {found!r}, this skelstream reads {FORMAT_VERSION}; upgrade skelstream"
        )
    sequence = SkeletonSequence(**{name: file[name] for name in ARRAYS}, meta=meta)
    if "clean_keypoints" not in file:
        return sequence
    return replace(sequence, **{name: file[f"clean_{name}"] for name in _CLEAN}, raw=sequence)


FORMAT = Format("npz", (".npz",), "skelstream's own file: plain NumPy arrays", write, read)
