"""COCO keypoint results, as ``pycocotools`` loads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from skelstream.formats.format import Format, Sample, WriteOptions
from skelstream.formats.json_list import write_list
from skelstream.formats.rows import boxes_xywh, rounded, rows_by_frame, triples

PERSON = 1
"""COCO's category number for persons."""


def write(sample: Sample, path: Path, options: WriteOptions) -> None:
    """Write a list with an entry for every person of every frame, in COCO-17 joints.

    ``image_id`` is the frame's number in the source, ``score`` the person's, ``keypoints`` x, y, score, with
    0, 0, 0 for missing joints. Beside COCO's own keys there are ``bbox`` and ``track_id``.
    """
    sequence = sample.sequence.as_skeleton("coco17")
    ids = np.repeat(sequence.track_ids, np.diff(sequence.track_start))

    def entries():
        for t, rows in enumerate(rows_by_frame(sequence)):
            image = int(sequence.frame_index[t])
            for track, pose, score, box in zip(
                ids[rows].tolist(), triples(sequence.keypoints[rows], sequence.scores[rows]),
                rounded(sequence.person_scores[rows]), boxes_xywh(sequence.boxes[rows]), strict=True,
            ):  # fmt: skip
                yield {
                    "image_id": image, "category_id": PERSON, "keypoints": pose, "score": score,
                    "bbox": box, "track_id": track,
                }  # fmt: skip

    write_list(entries(), path)


FORMAT = Format("coco", (".coco.json",), "COCO keypoint results (JSON)", write)
