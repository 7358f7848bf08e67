"""Annotation pickle of PYSKL and MMAction2."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from skelstream.errors import FormatError
from skelstream.files.atomic import replacing
from skelstream.files.text import printable
from skelstream.files.values import LARGEST, entry, integer, items, mapping, reals, string
from skelstream.formats.clips import note_tracks_left_out
from skelstream.formats.format import Format, ReadOptions, Sample, WriteOptions
from skelstream.formats.frames import FoundFrame, assembled, check_length
from skelstream.formats.parts import as_joint_set, has_parts, note_body_only
from skelstream.formats.pickles import RowsPickle, load
from skelstream.formats.rows import size_of
from skelstream.sequences import Detections, SkeletonSequence
from skelstream.skeleton import NTU25, SKELETONS, Skeleton, skeleton_named

_PERSONS = 2
_UNLABELLED = -1


def write(sample: Sample, path: Path, options: WriteOptions) -> None:
    """Write a list with one annotation."""
    join([sample], path, options)


def join(samples: Iterable[Sample], path: Path, options: WriteOptions) -> None:
    """Write one annotation per sample: a bare list, or ``{'split', 'annotations'}`` if samples have splits.

    ``keypoint``, float32 (M, T, V, 2) in pixels, and ``keypoint_score``, float32 (M, T, V), contain the most
    important tracks, one per slot, zeros where missing; ``img_shape`` is (h, w); ``label`` is -1 if unknown.
    If classes have names, there are ``label_name``, and ``classes`` beside ``split``. Joints are COCO's 17,
    as in the published models and configurations, unless another joint set is requested. Samples are written
    one by one; at most one is in memory.
    """
    named = {"classes": list(options.class_names)} if options.class_names else {}
    write_annotations(samples, path, lambda sample: _annotation(sample, options), named)


def write_annotations(
    samples: Iterable[Sample],
    path: Path,
    annotation: Callable[[Sample], dict[str, Any]],
    beside: dict[str, Any],
) -> None:
    """Write one annotation per sample: a bare list, or ``{'split', **beside, 'annotations'}`` if samples have splits.

    At most one sample is in memory.

    Args:
        samples: samples in the order of the file.
        path: the file; an existing one is replaced when the new one is complete.
        annotation: function from a sample to its annotation.
        beside: further entries beside the splits.
    """
    split: dict[str, list[str]] = {}
    with replacing(path) as temporary, open(temporary, "xb") as file:
        rows = RowsPickle(file)
        for sample in samples:
            rows.add(annotation(sample))
            if sample.split is not None:
                split.setdefault(sample.split, []).append(sample.name)
        rows.finish({"split": split, **beside} if split else {}, "annotations")


def _annotation(sample: Sample, options: WriteOptions) -> dict[str, Any]:
    name = options.skeleton or "coco17"
    if not has_parts(skeleton_named(name)):
        note_body_only(sample, "pyskl", options, sample.sequence.skeleton.name)
    sequence = as_joint_set(sample, name, "pyskl", options)
    wanted = options.persons or _PERSONS
    note_tracks_left_out(sample, wanted, options)
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
        "skeleton": name,
    }


# Joint sets by their number of joints; of two with as many, the one that PYSKL has.
_JOINTS = {len(s): s for s in reversed(SKELETONS.values())} | {len(NTU25): NTU25}
_MOST_NAMED = 3


def read(path: Path, options: ReadOptions) -> SkeletonSequence | Detections:
    """Read one annotation of such a file: the only one, or that of ``options.clip``. Each slot is a track.

    No code in the pickle is run. Where an annotation does not name its joint set, as skelstream's do, it follows from the number
    of joints: COCO (17), OpenPose (18), NTU RGB+D (25), and those of the whole body.

    Raises:
        FormatError: the file is damaged, of another format or three-dimensional, or contains several clips
            and none is chosen.
    """
    with open(path, "rb") as file:
        content = load(file)
    rows = content.get("annotations") if isinstance(content, dict) else content
    clips = [mapping(row, f"annotation {i}") for i, row in enumerate(items(rows, "the list of annotations"))]
    names = [str(clip.get("frame_dir")) for clip in clips]
    if options.clip is not None:
        clips = [clip for clip, name in zip(clips, names, strict=True) if name == options.clip]
    if not names:
        raise FormatError("contains no clips")
    if len(clips) != 1:
        shown = ", ".join(map(printable, names[:_MOST_NAMED])) + " ..." * (len(names) > _MOST_NAMED)
        wanted = "" if options.clip is None else f", {len(clips)} of them named {printable(options.clip)}"
        raise FormatError(
            f"contains {len(names)} clips ({shown}){wanted}; choose one by its name", setting="clip"
        )
    return _sequence(clips[0], options)


def _sequence(clip: dict[str, Any], options: ReadOptions) -> SkeletonSequence | Detections:
    name = string(entry(clip, "frame_dir", "the annotation"), "frame_dir")
    points = reals(entry(clip, "keypoint", name), "keypoint", np.shape(clip["keypoint"]), missing=True)
    if points.ndim != 4 or points.shape[-1] != 2:
        raise FormatError(f"keypoint has shape {points.shape}, expected (people, frames, joints, 2)")
    people, frames, joints, _ = points.shape
    check_length(frames)
    skeleton = _skeleton(clip, joints, options)
    scores = clip.get("keypoint_score")
    present = np.isfinite(points).all(-1) & (points != 0).any(-1)
    scores = (
        present.astype(np.float64)
        if scores is None
        else reals(scores, "keypoint_score", points.shape[:3], True)
    )
    size = clip.get("img_shape")
    if size is not None:
        height, width = items(list(size) if isinstance(size, np.ndarray) else size, "img_shape", 2)
        size = integer(height, "img_shape[0]", 1, LARGEST), integer(width, "img_shape[1]", 1, LARGEST)
    whole = np.concatenate([points, np.where(present, scores, 0)[..., None]], -1)
    found = []
    for t in range(frames):
        slots = np.flatnonzero(present[:, t].any(-1))
        found.append(FoundFrame(t, whole[slots, t], ids=slots + 1))
    return assembled(found, skeleton, name, options, size=size, fill_gaps=False)


def _skeleton(clip: dict[str, Any], joints: int, options: ReadOptions) -> Skeleton:
    named = clip.get("skeleton")
    if isinstance(named, str) and named in SKELETONS and len(SKELETONS[named]) == joints:
        return SKELETONS[named]
    if joints not in _JOINTS:
        raise FormatError(f"keypoint has {joints} joints, not one of {', '.join(map(str, sorted(_JOINTS)))}")
    if joints == len(NTU25):
        options.note("25 joints are read as ntu25, which PYSKL has; body25 would have as many")
    return _JOINTS[joints]


FORMAT = Format(
    "pyskl", (".pkl",), "PYSKL's and MMAction2's annotation pickle", write, read, join, holds_clips=True
)
