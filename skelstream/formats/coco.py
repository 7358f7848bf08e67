"""Writer of COCO keypoint results, as ``pycocotools`` loads them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from skelstream.formats.format import Format, Sample, WriteOptions
from skelstream.formats.json_list import write_list
from skelstream.formats.results_json import read
from skelstream.formats.rows import boxes_xywh, rounded, rows_by_frame, triples
from skelstream.sequences import SkeletonSequence


def people_in_coco(
    sequence: SkeletonSequence, skeleton: str = "coco17"
) -> Iterator[tuple[int, str | None, dict[str, Any], list[float], int]]:
    """Yield every person of every frame, frame by frame.

    Args:
        sequence: the sequence.
        skeleton: joint set to convert to, one that begins with COCO's 17 joints.

    Yields:
        the frame's number in the source; the image's file name or None; the entry that COCO and AlphaPose
        share (``category_id``, ``keypoints`` as x, y, score with 0, 0, 0 for missing joints, ``score``); the
        box as x, y, width, height; the track's id.
    """
    sequence = sequence.as_skeleton(skeleton)
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
    there are ``bbox`` and ``track_id``, and for images ``file_name``.
    """
    stems = [Path(name).stem for name in sample.sequence.meta.get("images") or ()]
    by_name = bool(stems) and all(s.isdecimal() for s in stems) and len(set(map(int, stems))) == len(stems)

    def entries() -> Iterator[dict[str, Any]]:
        for index, name, entry, box, track in people_in_coco(sample.sequence):
            image = {"image_id": int(Path(name).stem) if by_name and name else index}
            yield (
                image
                | ({} if name is None else {"file_name": name})
                | entry
                | {"bbox": box, "track_id": track}
            )

    write_list(entries(), path)


FORMAT = Format("coco", (".coco.json",), "COCO keypoint results (JSON)", write, read)
