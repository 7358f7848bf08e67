"""AlphaPose's result list."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from skelstream.formats.format import Format, Sample, WriteOptions
from skelstream.formats.json_list import write_list
from skelstream.formats.rows import boxes_xywh, rounded, rows_by_frame, triples


def write(sample: Sample, path: Path, options: WriteOptions) -> None:
    """Write a list with an entry for every person of every frame, in COCO-17 joints.

    ``image_id`` is ``<number of the frame>.jpg``, as AlphaPose names the frames of a video; ``idx`` is the
    track's id, ``box`` x, y, width, height; missing joints are 0, 0, 0.
    """
    sequence = sample.sequence.as_skeleton("coco17")
    ids = np.repeat(sequence.track_ids, np.diff(sequence.track_start))

    def entries():
        for t, rows in enumerate(rows_by_frame(sequence)):
            image = f"{sequence.frame_index[t]}.jpg"
            for track, pose, score, box in zip(
                ids[rows].tolist(), triples(sequence.keypoints[rows], sequence.scores[rows]),
                rounded(sequence.person_scores[rows]), boxes_xywh(sequence.boxes[rows]), strict=True,
            ):  # fmt: skip
                yield {
                    "image_id": image, "category_id": 1, "keypoints": pose, "score": score,
                    "box": box, "idx": track,
                }  # fmt: skip

    write_list(entries(), path)


FORMAT = Format("alphapose", (".alphapose.json",), "AlphaPose's result list (JSON)", write)
