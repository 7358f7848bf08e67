"""Writer of CTR-GCN's npz."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from skelstream.errors import FormatError
from skelstream.files.atomic import replacing
from skelstream.formats.clips import PERSONS, clip_of, note_left_out
from skelstream.formats.format import Format, Sample, WriteOptions
from skelstream.formats.space import kinect_clip
from skelstream.formats.zipped import put_array
from skelstream.skeleton import NTU25

_TRAIN, _TEST, _VAL = "train", "test", "val"
# A frame whose sum is below the first number may count as empty in float32; then one value is changed by the
# second.
_ZERO_SUM, _NUDGE = 1e-3, 0.01


def write(sample: Sample, path: Path, options: WriteOptions) -> None:
    """Write one sample; see `join`."""
    join([sample], path, options)


def join(samples: Iterable[Sample], path: Path, options: WriteOptions) -> None:
    """Write ``x_train``, ``y_train``, ``x_test``, ``y_test``, and the same for every other split.

    x is float32 (N, T, M * V * C) with, as CTR-GCN's feeder demands, always M = 2 people (zeros for a missing
    one) and NTU's V = 25 joints. The C = 3 channels of lifted sequences are x, y, z in Kinect's axes, metres from
    each person's mid-hip; of others x / width - 0.5, y / height - 0.5, score. CTR-GCN counts a clip's frames whose
    sum is not 0 and takes that many from the start. Therefore frames without people are removed, and in a frame
    whose sum happens to be 0 one value of the third channel is changed by 0.01. y is one-hot, float32 (N,
    classes). Samples without a split go to train; val replaces a missing test split, since the feeder reads
    train and test. ``class_names`` lists the names of classes, if they have names. All samples are held in
    memory, as when CTR-GCN reads the file.

    Raises:
        FormatError: a sample has no label, which one-hot cannot express, another number of people than two is
            requested, or some samples are lifted and others are not.
    """
    if options.persons not in (None, PERSONS):
        raise FormatError(f"format ctrgcn always has {PERSONS} people, not {options.persons}")
    x: dict[str, list[np.ndarray]] = {_TRAIN: [], _TEST: []}
    y: dict[str, list[int]] = {_TRAIN: [], _TEST: []}
    kinds = set[bool]()
    for sample in samples:
        kinds.add(sample.sequence.lifted is not None)
        if len(kinds) > 1:
            raise FormatError(
                f"{sample.name}: some clips are lifted to 3D and others are not; lift all or none"
            )
        if sample.label is None:
            raise FormatError(
                f"{sample.name}: format ctrgcn needs a class for every clip; give labels", setting="labels"
            )
        split = sample.split or _TRAIN
        if sample.sequence.lifted is None:
            clip = clip_of(sample, options, "ctrgcn", NTU25.name, PERSONS)
        else:
            note_left_out(sample, options, PERSONS)
            clip = np.nan_to_num(kinect_clip(sample.sequence, NTU25, PERSONS)[:, : options.frames])
        clip = _without_zero_sums(clip[:, clip.any(axis=(0, 2, 3))])
        padded = np.zeros((options.frames, PERSONS, len(NTU25), 3), np.float32)
        padded[: clip.shape[1]] = clip.transpose(1, 0, 2, 3)
        x.setdefault(split, []).append(padded.reshape(options.frames, -1))
        y.setdefault(split, []).append(sample.label)
    if not x[_TEST] and x.get(_VAL):
        options.note("there is no test split: val is written as test, which CTR-GCN reads")
        x[_TEST], y[_TEST] = x.pop(_VAL), y.pop(_VAL)
    for split in (_TRAIN, _TEST):
        if not x[split]:
            options.note(
                f"no clip is in the split {split}: x_{split} is empty, and CTR-GCN reads train and test;"
                " give splits with the labels"
            )
    if kinds == {False}:
        options.note(
            "the third channel is the score, not z: set random_rot to False in CTR-GCN's training configuration,"
            " or lift the clips"
        )
    classes = max(options.classes or 1, *(1 + label for labels in y.values() for label in labels), 1)
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "x") as file:
        for split in x:
            shape = (len(x[split]), options.frames, PERSONS * len(NTU25) * 3)
            put_array(file, f"x_{split}", np.array(x[split], np.float32).reshape(shape))
            one_hot = np.zeros((len(y[split]), classes), np.float32)
            one_hot[np.arange(len(one_hot)), y[split]] = 1
            put_array(file, f"y_{split}", one_hot)
        if options.class_names:
            put_array(file, "class_names", np.array(options.class_names))


def _without_zero_sums(clip: np.ndarray) -> np.ndarray:
    """Change the clip (M, T, V, 3) so that no frame has a sum of 0."""
    for t in np.flatnonzero(np.abs(clip.sum(axis=(0, 2, 3))) < _ZERO_SUM):
        best = np.unravel_index(clip[:, t, :, 2].argmax(), (clip.shape[0], clip.shape[2]))
        value = clip[best[0], t, best[1], 2]
        clip[best[0], t, best[1], 2] = value - _NUDGE if value > 2 * _NUDGE else value + _NUDGE
    return clip


FORMAT = Format("ctrgcn", (".ctrgcn.npz",), "CTR-GCN's npz", write, join=join, holds_parts=False)
