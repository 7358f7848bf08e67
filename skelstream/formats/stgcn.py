"""Writer of ST-GCN's training array and label pickle, and of the variant of 2s-AGCN and MS-G3D."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np

from skelstream.files.atomic import replacing_folder
from skelstream.formats.clips import CLASSES, PERSONS, UNLABELLED, clip_of, write_classes
from skelstream.formats.format import Format, Sample, WriteOptions
from skelstream.formats.pickles import dump

_JOINTS = 18
_WHOLE = "all"


def join(samples: Iterable[Sample], path: Path, options: WriteOptions, *, format: str, y_sign: int) -> None:
    """Write a folder with ``<split>_data.npy`` and ``<split>_label.pkl`` (``all`` for samples without split).

    The array is float32 (N, C=3, T, V=18, M) with channels x / width - 0.5, y / height - 0.5 (negated for
    2s-AGCN) and score; zeros where missing and after the clip's end; one track per slot, most important
    first. The pickle is ``(names, labels)``; a label is -1 if unknown. ``classes.txt`` lists the class names,
    if classes have names.
    """
    with replacing_folder(path, _owns(path)) as folder, ExitStack() as open_files:
        writers: dict[str, _Split] = {}
        for sample in samples:
            split = sample.split or _WHOLE
            if split not in writers:
                file = open_files.enter_context(open(folder / f"{split}_data.npy", "xb"))
                writers[split] = _Split(file, options)
            clip = clip_of(sample, options, format)
            clip[..., 1] *= y_sign
            writers[split].add(sample, clip)
        for split, writer in writers.items():
            writer.finish()
            with open(folder / f"{split}_label.pkl", "xb") as file:
                dump((writer.names, writer.labels), file)
        write_classes(folder, options)


def _owns(folder: Path) -> Callable[[Path], bool]:
    """Return a predicate for pairs of an array and a label pickle, and for the list of classes."""

    def owns(file: Path) -> bool:
        array, labels = file.name.removesuffix("_data.npy"), file.name.removesuffix("_label.pkl")
        pair = (folder / f"{array}_label.pkl").is_file() or (folder / f"{labels}_data.npy").is_file()
        with_array = file.name == CLASSES and any(folder.glob("*_data.npy"))
        return file.parent == folder and (pair or with_array)

    return owns


def write(sample: Sample, path: Path, options: WriteOptions, *, format: str, y_sign: int) -> None:
    """Write one sample; see `join`."""
    join([sample], path, options, format=format, y_sign=y_sign)


class _Split:
    """Writer of an .npy file that grows clip by clip, so that the training set is never held in memory."""

    def __init__(self, file: IO[bytes], options: WriteOptions):
        self._file = file
        self._shape = (3, options.frames, _JOINTS, options.persons or PERSONS)
        self.names: list[str] = []
        self.labels: list[int] = []
        self._header()

    def add(self, sample: Sample, clip: np.ndarray) -> None:
        padded = np.zeros(self._shape, np.float32)
        padded[:, : clip.shape[1]] = clip.transpose(3, 1, 2, 0)
        self._file.write(padded.tobytes())
        self.names.append(sample.name)
        self.labels.append(UNLABELLED if sample.label is None else sample.label)

    def finish(self) -> None:
        self._file.seek(0)
        self._header()

    def _header(self) -> None:
        # NumPy pads the header so that the first axis can grow in place.
        fields = {"descr": "<f4", "fortran_order": False, "shape": (len(self.names), *self._shape)}
        np.lib.format.write_array_header_1_0(self._file, fields)


def _format(name: str, y_sign: int, summary: str) -> Format:
    choices = {"format": name, "y_sign": y_sign}
    return Format(
        name, (), summary, partial(write, **choices), join=partial(join, **choices), folder=True, owns=_owns,
        holds_parts=False,
    )  # fmt: skip


FORMATS = (
    _format("stgcn", 1, "ST-GCN's (N, C, T, V, M) array and label pickle, in a folder"),
    _format("agcn", -1, "ST-GCN's array for 2s-AGCN and MS-G3D, with y negated"),
)
