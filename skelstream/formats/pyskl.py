"""PYSKL's and MMAction2's annotation pickle."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from skelstream.atomic import replacing
from skelstream.formats.format import Format, Sample, WriteOptions
from skelstream.formats.pickles import dump
from skelstream.formats.rows import size_of

_PERSONS = 2
_UNLABELLED = -1


def write(sample: Sample, path: Path, options: WriteOptions) -> None:
    """Write a list with one annotation."""
    join([sample], path, options)


def join(samples: Iterable[Sample], path: Path, options: WriteOptions) -> None:
    """Write one annotation a sample: a bare list, or ``{'split', 'annotations'}`` if samples name splits.

    ``keypoint`` float32 (M, T, V, 2) in pixels and ``keypoint_score`` float32 (M, T, V) hold the most
    important tracks, one a slot, zeros where missing; ``img_shape`` is (h, w); ``label`` is -1 if unknown,
    ``label_name`` is there if classes have names, and so is ``classes`` beside ``split``. Joints are COCO's 17, as the
    published models and stock configurations have them, unless another set is asked for.
    """
    annotations: list[dict[str, Any]] = []
    split: dict[str, list[str]] = {}
    for sample in samples:
        annotations.append(_annotation(sample, options))
        if sample.split is not None:
            split.setdefault(sample.split, []).append(sample.name)
    with replacing(path) as temporary, open(temporary, "xb") as file:
        named = {"classes": list(options.class_names)} if options.class_names else {}
        dump({"split": split, "annotations": annotations, **named} if split else annotations, file)


def _annotation(sample: Sample, options: WriteOptions) -> dict[str, Any]:
    sequence = sample.sequence.as_skeleton(options.skeleton or "coco17")
    wanted = options.persons or _PERSONS
    if len(sequence) > wanted:
        options.note(f"{sample.name}: {wanted} of {len(sequence)} tracks kept; --persons keeps more")
    dense = sequence.dense(max(1, min(wanted, len(sequence))))
    size = size_of(sequence, "pyskl")
    return {
        "frame_dir": sample.name,
        "total_frames": sequence.frames,
        "img_shape": size,
        "original_shape": size,
        "label": _UNLABELLED if sample.label is None else sample.label,
        **({} if sample.label_name is None else {"label_name": sample.label_name}),
        "keypoint": dense[..., :2],
        "keypoint_score": dense[..., 2],
    }


FORMAT = Format("pyskl", (".pkl",), "PYSKL's and MMAction2's annotation pickle", write, join=join)
