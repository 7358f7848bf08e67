"""JSON lines: one line a frame, in files and on standard output."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from skelstream.atomic import replacing
from skelstream.errors import FormatError
from skelstream.formats.format import Format, Sample, WriteOptions
from skelstream.formats.rows import add_rows, parse_json, people_of, read_text, rounded, rows_by_frame
from skelstream.grouping.people import People
from skelstream.sequences import Detections, SequenceBuilder, SkeletonSequence
from skelstream.skeleton import Skeleton, skeleton_named
from skelstream.tracking.tracked import TrackedPeople


def frame_line(tracked: TrackedPeople, skeleton: Skeleton, size: tuple[int, int] | None) -> str:
    """One frame as one line of JSON, without the line's end.

    Keys: ``frame`` (its number in the source), ``time`` (seconds), ``ok`` (False: it failed to decode),
    ``size`` ([height, width] in pixels, or null), ``skeleton`` (name of the joint set), ``people``: a list,
    most important first where that is known, of ``id`` (the track's, stable; null if unknown), ``confirmed``
    (whether the tracker believes the track yet), ``score`` (0 to 1), ``box`` ([x0, y0, x1, y1]) and
    ``keypoints``: for each joint of the set [x, y, score], or null where it is missing.

    Args:
        tracked: the frame's people.
        skeleton: their joint set.
        size: (height, width) of the picture.
    """
    people = tracked.people
    missing = np.isnan(people.keypoints[..., 0])
    joints = rounded(np.concatenate([np.nan_to_num(people.keypoints), people.scores[..., None]], -1))
    found = [
        {
            "id": track, "confirmed": confirmed, "score": score, "box": box,
            "keypoints": [None if gone else joint for joint, gone in zip(person, absent, strict=True)],
        }
        for track, confirmed, score, box, person, absent in zip(
            tracked.track_ids.tolist(), tracked.confirmed.tolist(), rounded(people.person_scores),
            rounded(people.boxes), joints, missing.tolist(), strict=True,
        )
    ]  # fmt: skip
    return json.dumps(
        {
            "frame": int(tracked.frame_index), "time": round(float(tracked.time), 6), "ok": tracked.ok,
            "size": list(size) if size else None, "skeleton": skeleton.name, "people": found,
        },
        separators=(",", ":"), allow_nan=False,
    )  # fmt: skip


def lines(sequence: SkeletonSequence) -> Iterator[str]:
    """A line for each frame of a sequence, as `frame_line` has it."""
    s = sequence
    ids = np.repeat(s.track_ids, np.diff(s.track_start))
    for t, rows in enumerate(rows_by_frame(s)):
        people = People(s.keypoints[rows], s.scores[rows], s.person_scores[rows], s.boxes[rows])
        tracked = TrackedPeople(
            int(s.frame_index[t]), float(s.frame_time[t]), people, ids[rows], np.ones(len(rows), bool),
            ok=bool(s.frame_ok[t]),
        )  # fmt: skip
        yield frame_line(tracked, s.skeleton, s.size)


def write(sample: Sample, path: Path, options: WriteOptions) -> None:
    """Write one line a frame."""
    with replacing(path) as temporary, open(temporary, "x", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines(sample.sequence))


def read(path: Path, rate: float) -> SkeletonSequence | Detections:
    """Read a file of lines; ``ok``, ``size`` and ``confirmed`` may be absent.

    Tracks that are never confirmed are left out. If anyone has no ``id``, nobody's counts.

    Raises:
        FormatError: the file is damaged or foreign; the message names the line.
    """
    frames = []
    skeleton: Skeleton | None = None
    size: list[int] | None = None
    for number, text in enumerate(read_text(path).splitlines(), 1):
        if not text.strip():
            continue
        where = f"{path}, line {number}"
        entry = parse_json(text, where)
        try:
            named = skeleton_named(entry["skeleton"])
            if skeleton not in (None, named):
                raise FormatError(f"joint set {named.name} after {skeleton.name}")
            skeleton, size = named, size or entry.get("size")
            frames.append(_frame(entry, named))
        except FormatError as error:
            raise FormatError(f"{where}: {error}") from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FormatError(f"{where}: not a frame of skelstream's JSON lines ({error!r})") from error
    if skeleton is None:
        raise FormatError(f"{path}: holds no frames")
    height, width = size or (None, None)
    try:
        if any(ids is None for *_, ids, _ in frames):
            return Detections(
                skeleton, [(i, t, people if ok else None) for i, t, ok, people, *_ in frames],
                path.name, height, width,
            )  # fmt: skip
        builder = SequenceBuilder(skeleton, source=path.name, height=height, width=width)
        for frame in frames:
            add_rows(builder, *frame)
        return builder.finish()
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error


def _frame(
    entry: dict[str, Any], skeleton: Skeleton
) -> tuple[int, float, bool, People, np.ndarray | None, np.ndarray]:
    """Number, time, ok, people, their ids (None if any has none), whether they are confirmed."""
    people = entry["people"]
    flat = np.array(
        [[joint or (np.nan, np.nan, 0.0) for joint in p["keypoints"]] for p in people], np.float64
    ).reshape(len(people), len(skeleton), 3)
    boxes = np.array([p["box"] for p in people], np.float64).reshape(-1, 4) if people else None
    scores = np.array([p["score"] for p in people], np.float64)
    ids = [p.get("id") for p in people]
    return (
        int(entry["frame"]), float(entry["time"]), bool(entry.get("ok", True)),
        people_of(flat, boxes, scores),
        None if None in ids else np.array(ids, np.int32),
        np.array([p.get("confirmed", True) for p in people], bool),
    )  # fmt: skip


FORMAT = Format("jsonl", (".jsonl", ".ndjson"), "JSON lines, one a frame; also for streams", write, read)
