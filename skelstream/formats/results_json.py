"""Reader of other tools' JSON results: COCO's layout, AlphaPose, MMPose, Ultralytics, MediaPipe's landmarks.

The layout is recognised from the content.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from skelstream.errors import FormatError
from skelstream.files.json import parse_json
from skelstream.files.values import LARGEST, integer, items, mapping
from skelstream.formats import results_coco, results_mediapipe, results_mmpose, results_ultralytics
from skelstream.formats.format import Format, ReadOptions
from skelstream.formats.frames import assembled
from skelstream.formats.results_mediapipe import LANDMARK_KEYS, PART_KEYS
from skelstream.sequences import Detections, SkeletonSequence
from skelstream.skeleton import COCO17

_LANDMARKS = (*LANDMARK_KEYS, *(key for keys in PART_KEYS.values() for key in keys))


def read(path: Path, options: ReadOptions) -> SkeletonSequence | Detections:
    """Read such a file.

    Raises:
        FormatError: the file has none of these layouts, or is damaged; the message names the entry.
    """
    content = parse_json(path.read_bytes(), "the content")
    size = None
    if isinstance(content, dict):
        size = _size(content)
    rows = _rows(content)
    first = next((row for row in rows if row), None)
    if first is None:
        raise FormatError("contains no people")
    kind = first
    while isinstance(kind, list) and kind:
        kind = kind[0]
    kind = mapping(kind, "the first entry")
    if "image_id" in kind:
        results_coco.check_categories(content)
        frames, skeleton = results_coco.frames_of(rows, options)
    elif "instances" in kind or "keypoint_scores" in kind:
        frames, skeleton = results_mmpose.frames_of(content, rows, options)
    elif "class" in kind and "box" in kind:
        frames, skeleton = results_ultralytics.frames_of(rows), COCO17
    elif {"x", "y"} <= kind.keys() or any(key in kind for key in _LANDMARKS):
        frames, skeleton = results_mediapipe.frames_of(rows, size, options)
    else:
        raise FormatError(
            "not the results of a known tool (COCO's layout, AlphaPose, MMPose, Ultralytics, MediaPipe)"
        )
    return assembled(frames, skeleton, path.name, options, size=size)


def _rows(content: Any) -> list[Any]:
    """Return the list of people or frames, which is the content itself or one of its entries."""
    if isinstance(content, dict):
        for key in ("instance_info", "frames", "annotations", "results", "predictions", *_LANDMARKS):
            if isinstance(content.get(key), list):
                return [content] if key in _LANDMARKS else content[key]
    return items(content, "the content")


def _size(content: dict[str, Any]) -> tuple[int, int] | None:
    if content.get("height") is None or content.get("width") is None:
        return None
    return integer(content["height"], "height", 1, LARGEST), integer(content["width"], "width", 1, LARGEST)


FORMAT = Format(
    "json",
    (".json",),
    "results of COCO's layout, AlphaPose, MMPose, Ultralytics, MediaPipe (JSON)",
    read=read,
)
