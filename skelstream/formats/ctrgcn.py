"""CTR-GCN's npz."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from skelstream.atomic import replacing
from skelstream.errors import FormatError
from skelstream.formats.clips import PERSONS, clip_of
from skelstream.formats.format import Format, Sample, WriteOptions
from skelstream.formats.zipped import put_array

_SPLITS = {"train": "train", "test": "test", "val": "test", None: "train"}


def write(sample: Sample, path: Path, options: WriteOptions) -> None:
    """Write one sample; see `join`."""
    join([sample], path, options)


def join(samples: Iterable[Sample], path: Path, options: WriteOptions) -> None:
    """Write ``x_train``, ``y_train``, ``x_test``, ``y_test``.

    x is float32 (N, T, M * V * C), channels x / width - 0.5, y / height - 0.5, score of OpenPose's 18 joints.
    CTR-GCN counts a clip's frames that are not all zero and takes that many from the start, so frames without
    anyone are closed up. y is one-hot float32 (N, classes). Splits are train, and test or val; samples
    without a split are train. All samples lie in memory, as they do when CTR-GCN reads the file.

    Raises:
        FormatError: a sample has no label, which one-hot cannot express, or another split.
    """
    persons = options.persons or PERSONS
    x: dict[str, list[np.ndarray]] = {"train": [], "test": []}
    y: dict[str, list[int]] = {"train": [], "test": []}
    for sample in samples:
        if sample.label is None:
            raise FormatError(f"{sample.name}: ctrgcn needs a class for every clip; give --labels")
        if sample.split not in _SPLITS:
            raise FormatError(
                f"{sample.name}: ctrgcn knows the splits train, test and val, not {sample.split!r}"
            )
        split = _SPLITS[sample.split]
        clip = clip_of(sample, options, "ctrgcn")
        clip = clip[:, clip.any(axis=(0, 2, 3))]
        padded = np.zeros((options.frames, persons, *clip.shape[2:]), np.float32)
        padded[: clip.shape[1]] = clip.transpose(1, 0, 2, 3)
        x[split].append(padded.reshape(options.frames, -1))
        y[split].append(sample.label)
    classes = options.classes or 1 + max([label for labels in y.values() for label in labels], default=0)
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "x") as file:
        for split in x:
            shape = (len(x[split]), options.frames, persons * 18 * 3)
            put_array(file, f"x_{split}", np.array(x[split], np.float32).reshape(shape))
            put_array(file, f"y_{split}", np.eye(classes, dtype=np.float32)[np.array(y[split], int)])


FORMAT = Format("ctrgcn", (".ctrgcn.npz",), "CTR-GCN's npz", write, join=join)
