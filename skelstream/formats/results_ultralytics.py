"""Reader of Ultralytics' results, as its ``to_json`` writes them."""

from __future__ import annotations

from typing import Any

import numpy as np

from skelstream.errors import FormatError
from skelstream.files.values import entry, integer, items, mapping, real, reals
from skelstream.formats.frames import FoundFrame
from skelstream.skeleton import COCO17


def frames_of(rows: list[Any]) -> list[FoundFrame]:
    """Return the frames of Ultralytics' ``to_json`` of one image, or of a list with one for each frame.

    Raises:
        FormatError: an entry is damaged, or a person has other joints than COCO's.
    """
    if all(isinstance(row, dict) for row in rows):
        rows = [rows]
    frames = []
    for i, row in enumerate(rows):
        poses, boxes, scores, ids = [], [], [], []
        for k, person in enumerate(items(row, f"frame {i}")):
            name = f"frame {i}: entry {k}"
            person = mapping(person, name)
            if person.get("name", "person") != "person" or "keypoints" not in person:
                continue
            points = mapping(person["keypoints"], f"{name}: keypoints")
            x = reals(entry(points, "x", name), f"{name}: x", (-1,))
            y = reals(entry(points, "y", name), f"{name}: y", (len(x),))
            visible = points.get("visible")
            visible = np.ones(len(x)) if visible is None else reals(visible, f"{name}: visible", (len(x),))
            poses.append(np.stack([x, y, visible], 1))
            box = mapping(entry(person, "box", name), f"{name}: box")
            boxes.append(
                [real(entry(box, side, name), f"{name}: box.{side}") for side in ("x1", "y1", "x2", "y2")]
            )
            scores.append(real(person.get("confidence", 1), f"{name}: confidence", 0))
            ids.append(
                -1 if person.get("track_id") is None else integer(person["track_id"], f"{name}: track_id")
            )
        if any(len(pose) != len(COCO17) for pose in poses):
            raise FormatError(f"frame {i}: a person has {len(poses[0])} joints, not COCO's {len(COCO17)}")
        found = np.array(poses).reshape(-1, len(COCO17), 3)
        frames.append(
            FoundFrame(i, found, np.array(boxes).reshape(-1, 4), np.array(scores), np.array(ids, np.int64))
        )
    return frames
