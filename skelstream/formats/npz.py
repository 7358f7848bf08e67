"""Native file format: plain NumPy arrays in a zip without pickle, readable with ``numpy.load``."""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from skelstream.errors import FormatError
from skelstream.files.atomic import replacing
from skelstream.files.json import parse_json
from skelstream.files.values import mapping
from skelstream.formats.format import Format, ReadOptions, Sample, WriteOptions
from skelstream.formats.zipped import array_header, check_unpacked, get_array, put_array
from skelstream.sequences import SkeletonSequence
from skelstream.sequences.lifted import Lifted
from skelstream.sequences.sequence import ARRAYS

FORMAT_VERSION = 1
"""Version of the file format, stored as ``meta["version"]``; a sequence in memory has none."""

# Additional arrays of a filled or smoothed sequence, with a prefix; the measured ones keep the plain names.
_CLEAN = ("keypoints", "scores", "boxes", "person_scores", "frame", "track_start", "observed")
# Additional arrays of a lifted sequence; readers that do not know them ignore them.
_LIFTED = ("keypoints_3d", "observed_3d")
_PREFIXES = ("", "clean_")
NAMES = (
    *ARRAYS,
    *(f"clean_{name}" for name in _CLEAN),
    *(p + name for p in _PREFIXES for name in _LIFTED),
    "meta",
)
"""Names of all arrays that a file may contain, in its order."""


def write(sample: Sample, path: Path, options: WriteOptions) -> None:
    """Write ``skeletons.npz``, version 1: `skelstream.sequences.sequence.ARRAYS` and ``meta`` as JSON text.

    Measured values always have the plain names. A filled or smoothed sequence adds ``clean_keypoints``,
    ``clean_scores`` and so on, with its own number of rows; a lifted one adds ``keypoints_3d`` and
    ``observed_3d``.
    """
    sequence = sample.sequence
    measured = sequence if sequence.raw is None else sequence.raw
    arrays = {name: getattr(measured, name) for name in ARRAYS}
    if sequence.raw is not None:
        arrays |= {f"clean_{name}": getattr(sequence, name) for name in _CLEAN}
    for prefix, one in (("", measured), ("clean_", sequence)):
        if one.lifted is not None and (not prefix or sequence.raw is not None):
            arrays |= {
                prefix + "keypoints_3d": one.lifted.keypoints,
                prefix + "observed_3d": one.lifted.observed,
            }
    meta = {**sequence.meta, "version": FORMAT_VERSION}
    arrays["meta"] = np.array(json.dumps(meta, sort_keys=True, allow_nan=False))
    with replacing(path) as temporary, open(temporary, "xb") as file:
        put_arrays(file, arrays)


def put_arrays(file: BinaryIO, arrays: Mapping[str, np.ndarray]) -> None:
    """Write the arrays of such a file; equal arrays in the same order give equal bytes."""
    with zipfile.ZipFile(file, "w") as zipped:
        for name, array in arrays.items():
            put_array(zipped, name, array)


def read(path: Path, options: ReadOptions) -> SkeletonSequence:
    """Read ``skeletons.npz``, which contains its own times.

    Raises:
        FormatError: the file is of another format, damaged, or of a later version.
    """
    try:
        with open(path, "rb") as handle, zipfile.ZipFile(handle) as file:
            return _sequence(_Arrays(file, path))
    except (FormatError, FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except Exception as error:
        # Damaged bytes make zipfile, zlib and numpy raise too many exceptions to list.
        raise FormatError("not a skeletons.npz, or damaged; extract the video again") from error


class _Arrays:
    """Arrays of an open file. All headers are checked first; arrays that do not fit are not unpacked."""

    def __init__(self, file: zipfile.ZipFile, path: Path):
        self._file = file
        self._headers: dict[str, tuple[tuple[int, ...], np.dtype]] = {}
        stored = 0
        for entry in file.infolist():
            name = entry.filename.removesuffix(".npy")
            if name not in NAMES:
                continue
            if name in self._headers:
                raise FormatError(f"contains {name} twice")
            shape, dtype = self._headers[name] = array_header(file, entry)
            stored += math.prod(shape) * dtype.itemsize
        check_unpacked(stored, path.stat().st_size)

    def __contains__(self, name: str) -> bool:
        return name in self._headers

    def __getitem__(self, name: str) -> np.ndarray:
        return get_array(self._file, self._file.getinfo(f"{name}.npy"))

    def check(self, prefix: str, names: Iterable[str]) -> None:
        """Check, before the arrays are read, that their sizes fit each other."""
        sizes: dict[str, int] = {}
        for name in names:
            shape = self._headers[prefix + name][0]
            wanted = ("N", "V") if name == "observed" else ARRAYS[name][1]
            if len(shape) != len(wanted):
                raise FormatError(
                    f"{prefix}{name} has shape {shape}, expected ({', '.join(map(str, wanted))})"
                )
            for size, expected in zip(shape, wanted, strict=True):
                if isinstance(expected, str) and sizes.setdefault(expected, size) != size:
                    raise FormatError(
                        f"{prefix}{name} has shape {shape}, but {expected} is {sizes[expected]}"
                    )


def _sequence(file: _Arrays) -> SkeletonSequence:
    missing = [name for name in (*ARRAYS, "meta") if name not in file]
    if missing:
        raise FormatError(f"not a skeletons.npz: it has no {', '.join(missing[:3])}")
    file.check("", ARRAYS)
    text = file["meta"]
    if text.dtype.kind != "U" or text.ndim:
        raise FormatError("meta is not text")
    meta = mapping(parse_json(text.item(), "meta"), "meta")
    version = meta.pop("version", None)
    if version != FORMAT_VERSION:
        raise FormatError(
            f"has format version {version!r}, but this skelstream reads {FORMAT_VERSION}; upgrade skelstream"
        )
    arrays: dict[str, Any] = {name: file[name] for name in ARRAYS}
    sequence = SkeletonSequence(**arrays, meta=meta, lifted=_lifted(file, ""))
    if "clean_keypoints" not in file:
        return sequence
    missing = [f"clean_{name}" for name in _CLEAN if f"clean_{name}" not in file]
    if missing:
        raise FormatError(f"has clean_keypoints but no {', '.join(missing[:3])}")
    file.check("clean_", _CLEAN)
    cleaned: dict[str, Any] = {name: file[f"clean_{name}"] for name in _CLEAN}
    return replace(sequence, **cleaned, raw=sequence, lifted=_lifted(file, "clean_"))


def _lifted(file: _Arrays, prefix: str) -> Lifted | None:
    names = [prefix + name for name in _LIFTED]
    present = [name in file for name in names]
    if not all(present):
        if any(present):
            raise FormatError(f"has only one of {' and '.join(names)}")
        return None
    return Lifted(*(file[name] for name in names))


FORMAT = Format(
    "npz",
    (".npz",),
    "skelstream's own file: plain NumPy arrays",
    write,
    read,
    holds_3d=True,
    holds_names=True,
)
