"""Writer of PoseTrack18's JSON, as ``poseval`` reads it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from skelstream.files.atomic import replacing
from skelstream.formats.format import Format, Sample, WriteOptions
from skelstream.formats.json_list import put_list
from skelstream.formats.rows import boxes_xywh, rounded, rows_by_frame, triples
from skelstream.skeleton import COCO17

_JOINTS = ("nose", "head_bottom", "head_top", *COCO17.joints[3:])
# PoseTrack has no eyes; its slots for ears stay empty, as in PoseTrack's own files.
_HEAD_BOTTOM, _NO_SOURCE = 1, [2, 3, 4]
_LIMBS = (
    (16, 14), (14, 12), (17, 15), (15, 13), (12, 13), (6, 12), (7, 13), (6, 7), (6, 8), (7, 9), (8, 10),
    (9, 11), (2, 3), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 7),
)  # fmt: skip
# poseval refuses larger track ids.
_MAX_TRACKS = 1000


def write(sample: Sample, path: Path, options: WriteOptions) -> None:
    """Write ``images`` (every frame), ``annotations`` and ``categories``.

    PoseTrack's ``head_bottom`` is the neck (the middle of the shoulders); ``head_top`` is not estimated and
    stays missing (0, 0, 0). ``track_id`` is the track's rank by importance, 0 to 999; ``person_id`` is its
    id.
    """
    sequence = sample.sequence
    coco, neck = sequence.as_skeleton("coco17"), sequence.as_skeleton("openpose18")
    keypoints, scores = coco.keypoints.copy(), coco.scores.copy()
    keypoints[:, _NO_SOURCE], scores[:, _NO_SOURCE] = np.nan, 0
    keypoints[:, _HEAD_BOTTOM] = neck.keypoints[:, neck.skeleton.index("neck")]
    scores[:, _HEAD_BOTTOM] = neck.scores[:, neck.skeleton.index("neck")]
    rank = sequence.track_of_row()
    if len(sequence) > _MAX_TRACKS:
        options.note(
            f"format posetrack allows {_MAX_TRACKS} tracks;"
            f" the {len(sequence) - _MAX_TRACKS} least important ones are left out"
        )

    def images():
        for index in sequence.frame_index.tolist():
            yield {
                "id": index, "frame_id": index, "file_name": f"{sample.name}/{index:06d}.jpg",
                "vid_id": sample.name, "nframes": sequence.frames, "is_labeled": True,
            }  # fmt: skip

    def annotations():
        number = 0
        for t, rows in enumerate(rows_by_frame(sequence)):
            rows = rows[rank[rows] < _MAX_TRACKS]
            for track, pose, score, box in zip(
                rank[rows].tolist(), triples(keypoints[rows], scores[rows]), rounded(scores[rows]),
                boxes_xywh(sequence.boxes[rows]), strict=True,
            ):  # fmt: skip
                pose[2::3] = [1 if value else 0 for value in score]
                yield {
                    "id": number, "image_id": int(sequence.frame_index[t]), "category_id": 1,
                    "track_id": track, "person_id": int(sequence.track_ids[track]),
                    "keypoints": pose, "scores": score, "bbox": box,
                }  # fmt: skip
                number += 1

    category = {
        "supercategory": "person", "id": 1, "name": "person",
        "keypoints": list(_JOINTS), "skeleton": [list(limb) for limb in _LIMBS],
    }  # fmt: skip
    with replacing(path) as temporary, open(temporary, "x", encoding="utf-8") as file:
        file.write('{"images":')
        put_list(images(), file)
        file.write(',\n"annotations":')
        put_list(annotations(), file)
        file.write(f',\n"categories":{json.dumps([category])}}}\n')


FORMAT = Format(
    "posetrack", (".posetrack.json",), "PoseTrack18's JSON, for poseval", write, holds_parts=False
)
