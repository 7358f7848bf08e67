"""Writer of ST-GCN's kinetics-skeleton JSON: a folder with one file per video, and a label file beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from skelstream.errors import FormatError
from skelstream.files.atomic import replacing, replacing_folder
from skelstream.formats.clips import UNLABELLED, note_frames_left_out
from skelstream.formats.format import Format, Sample, WriteOptions
from skelstream.formats.names import as_file
from skelstream.formats.rows import rows_by_frame, size_of

_DIGITS = 5
# ST-GCN's feeder reads the first five people of a frame.
_PERSONS = 5


def label_file(path: Path) -> Path:
    """Return the path of a folder's label file: ``kinetics_train_label.json`` for ``kinetics_train``, as in ST-GCN."""
    return path.with_name(f"{path.name}_label.json")


def write(sample: Sample, path: Path, options: WriteOptions) -> None:
    """Write a folder with one file; see `join`."""
    join([sample], path, options)


def join(samples: Iterable[Sample], path: Path, options: WriteOptions) -> None:
    """Write ``<name>.json`` for every sample into a folder, and the label file beside the folder.

    Samples of a split go into the folder ``<split>`` inside this one, with their label file beside it. Joints
    are OpenPose's 18, as x / width and y / height, 0 with score 0 where missing. ST-GCN's feeder uses frames
    0 to 299 (``frames`` sets another length). People of a frame are sorted by importance; the feeder sorts
    them by score again, so that identities are lost: the ``stgcn`` array keeps them.

    Raises:
        FormatError: two samples would have the same file.
    """
    labels: dict[str | None, dict[str, Any]] = {}
    with replacing_folder(path, _owns(path)) as folder:
        for sample in samples:
            # The feeder uses the file name up to its first dot as the id.
            key = as_file(sample.name).replace(".", "_")
            known = labels.setdefault(sample.split, {})
            if key in known:
                raise FormatError(f"{sample.name}: another clip's file is also named {key}.json; rename one")
            video = _video(sample, options)
            place = folder if sample.split is None else folder / sample.split
            place.mkdir(exist_ok=True)
            text = json.dumps(video, separators=(",", ":"), allow_nan=False)
            (place / f"{key}.json").write_text(text, encoding="utf-8")
            known[key] = {
                "has_skeleton": any(frame["skeleton"] for frame in video["data"]),
                "label": video["label"],
                "label_index": video["label_index"],
            }
        for split in labels.keys() - {None}:
            if f"{split}_label" in labels.get(None, {}):
                raise FormatError(
                    f"{split}_label: a clip's file and the labels of {split} have one name; rename one"
                )
            label_file(folder / str(split)).write_text(json.dumps(labels[split], indent=1), encoding="utf-8")
    if None in labels or not labels:
        with replacing(label_file(path)) as temporary:
            temporary.write_text(json.dumps(labels.get(None, {}), indent=1), encoding="utf-8")


def _owns(folder: Path) -> Callable[[Path], bool]:
    """Return a predicate for the clips that a label file lists, and for the label files of splits."""
    listed: dict[Path, frozenset[str]] = {}

    def owns(file: Path) -> bool:
        place = file.parent
        if file.suffix != ".json" or folder not in (place, place.parent):
            return False
        if place == folder and (folder / file.name.removesuffix("_label.json")).is_dir():
            return True
        if place not in listed:
            listed[place] = _listed(label_file(place))
        return file.stem in listed[place]

    return owns


def _listed(labels: Path) -> frozenset[str]:
    """Return the clips that a label file lists; none if there is no such file."""
    try:
        content = json.loads(labels.read_bytes())
    except (OSError, ValueError, RecursionError):
        return frozenset()
    return frozenset(content) if isinstance(content, dict) else frozenset()


def _video(sample: Sample, options: WriteOptions) -> dict[str, Any]:
    sequence = sample.sequence.as_skeleton("openpose18")
    height, width = size_of(sequence, "kinetics")
    note_frames_left_out(sample, options)
    persons = options.persons or _PERSONS
    data, crowded = [], 0
    for t, rows in enumerate(rows_by_frame(sequence)):
        if t == options.frames:
            break
        crowded += len(rows) > persons
        rows = rows[:persons]
        places = np.nan_to_num(sequence.keypoints[rows].astype(np.float64) / (width, height))
        data.append(
            {
                "frame_index": t,
                "skeleton": [
                    {"pose": pose, "score": score}
                    for pose, score in zip(
                        np.round(places, _DIGITS).reshape(len(rows), 2 * places.shape[1]).tolist(),
                        np.round(sequence.scores[rows].astype(np.float64), _DIGITS).tolist(),
                        strict=True,
                    )
                ],
            }
        )
    if crowded:
        options.note(
            f"{sample.name}: {crowded} frames have more than {persons} people; a larger --persons keeps more"
        )
    label = UNLABELLED if sample.label is None else sample.label
    name = sample.label_name or ("unknown" if sample.label is None else str(sample.label))
    return {"data": data, "label": name, "label_index": label}


FORMAT = Format(
    "kinetics", (), "ST-GCN's kinetics-skeleton JSON: a folder and its label file", write, join=join,
    outputs=lambda path: [path, label_file(path)], folder=True, owns=_owns, holds_parts=False,
)  # fmt: skip
