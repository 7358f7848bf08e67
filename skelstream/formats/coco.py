"""Writer of COCO keypoint results, as ``pycocotools`` loads them, and of COCO-WholeBody's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from skelstream.formats.format import Format, Sample, WriteOptions
from skelstream.formats.json_list import write_list
from skelstream.formats.parts import as_joint_set, has_parts
from skelstream.formats.results_json import read
from skelstream.formats.rows import boxes_xywh, rounded, rows_by_frame, triples
from skelstream.sequences import SkeletonSequence
from skelstream.skeleton import COCO17, COCO_WHOLEBODY133

# Key of each part of COCO-WholeBody's entries beside the body, and its joints in the joint set.
_PARTS = {
    "foot": range(17, 23),
    "face": COCO_WHOLEBODY133.parts["face"],
    "lefthand": COCO_WHOLEBODY133.parts["left_hand"],
    "righthand": COCO_WHOLEBODY133.parts["right_hand"],
}


def people_in_coco(
    sequence: SkeletonSequence,
) -> Iterator[tuple[int, str | None, dict[str, Any], list[float], int]]:
    """Yield every person of every frame, frame by frame.

    Args:
        sequence: the sequence, in a joint set that begins with COCO's 17 joints.

    Yields:
        the frame's number in the source; the image's file name or None; the entry that COCO and AlphaPose
        share (``category_id``, ``keypoints`` as x, y, score with 0, 0, 0 for missing joints, ``score``); the
        box as x, y, width, height; the track's id.
    """
    images = sequence.meta.get("images") or [None] * sequence.frames
    ids = np.repeat(sequence.track_ids, np.diff(sequence.track_start))
    for t, rows in enumerate(rows_by_frame(sequence)):
        for track, pose, score, box in zip(
            ids[rows].tolist(), triples(sequence.keypoints[rows], sequence.scores[rows]),
            rounded(sequence.person_scores[rows]), boxes_xywh(sequence.boxes[rows]), strict=True,
        ):  # fmt: skip
            entry = {"category_id": 1, "keypoints": pose, "score": score}
            yield int(sequence.frame_index[t]), images[t], entry, box, track


def write(sample: Sample, path: Path, options: WriteOptions) -> None:
    """Write a list with an entry for every person of every frame; ``image_id`` is the frame's number.

    For images named by numbers, such as COCO's own, ``image_id`` is that number. In addition to COCO's keys
    there are ``bbox`` and ``track_id``, and for images ``file_name``. People with hands or a face get
    COCO-WholeBody's keys too: ``foot_kpts``, ``face_kpts``, ``lefthand_kpts`` and ``righthand_kpts``, whether the part
    is there (``foot_valid`` and so on), and the boxes of face and hands, x, y, width, height.
    """
    stems = [Path(name).stem for name in sample.sequence.meta.get("images") or ()]
    by_name = bool(stems) and all(s.isdecimal() for s in stems) and len(set(map(int, stems))) == len(stems)
    whole = has_parts(sample.sequence.skeleton)
    sequence = as_joint_set(sample, COCO_WHOLEBODY133.name if whole else COCO17.name, "coco", options)

    def entries() -> Iterator[dict[str, Any]]:
        for index, name, entry, box, track in people_in_coco(sequence):
            image = {"image_id": int(Path(name).stem) if by_name and name else index}
            yield (
                image
                | ({} if name is None else {"file_name": name})
                | (_whole_body(entry) if whole else entry)
                | {"bbox": box, "track_id": track}
            )

    write_list(entries(), path)


def _whole_body(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry with 133 joints with the keys of COCO-WholeBody."""
    pose = np.array(entry["keypoints"]).reshape(-1, 3)
    found = {**entry, "keypoints": entry["keypoints"][: 3 * len(COCO17)]}
    for part, joints in _PARTS.items():
        points = pose[list(joints)]
        places = points[points[:, 2] > 0, :2]
        found[f"{part}_kpts"] = points.ravel().tolist()
        found[f"{part}_valid"] = bool(len(places))
        if part != "foot":
            low, high = (places.min(0), places.max(0)) if len(places) else (np.zeros(2), np.zeros(2))
            found[f"{part}_box"] = rounded(np.concatenate([low, high - low]))
    return found


FORMAT = Format("coco", (".coco.json",), "COCO keypoint results (JSON)", write, read)
