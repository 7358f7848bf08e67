"""JSON lines, one per frame, in files and on standard output."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skelstream.errors import FormatError
from skelstream.files.atomic import replacing
from skelstream.files.json import parse_json
from skelstream.files.values import LARGEST, boolean, entry, integer, items, mapping, real, reals, string
from skelstream.formats.format import Format, ReadOptions, Sample, WriteOptions
from skelstream.formats.rows import SOME_WITHOUT_ID, add_rows, people_of, read_text, rounded, rows_by_frame
from skelstream.people import People
from skelstream.sequences import Detections, SequenceBuilder, SkeletonSequence
from skelstream.skeleton import Skeleton, skeleton_named
from skelstream.tracking.tracked import TrackedPeople

_MISSING = (float("nan"), float("nan"), 0.0)


def frame_line(tracked: TrackedPeople, skeleton: Skeleton, size: tuple[int, int] | None) -> str:
    """Return a frame as one line of JSON, without the line end.

    Keys: ``frame`` (its number in the source), ``time`` (seconds), ``ok`` (False: it failed to decode),
    ``size`` ([height, width] in pixels, or null), ``skeleton`` (name of the joint set), and ``people``, a list
    with the most important person first if that is known. Each person has ``id`` (stable id of the track; null if
    unknown), ``confirmed`` (False while the track is tentative), ``score`` (0 to 1), ``box`` ([x0, y0, x1,
    y1]) and ``keypoints``: for each joint of the set [x, y, score], or null if it is missing.

    Args:
        tracked: people of the frame.
        skeleton: joint set of the people.
        size: (height, width) of the image in pixels; None if unknown.
    """
    people = tracked.people
    missing = np.isnan(people.keypoints[..., 0])
    joints = rounded(np.concatenate([np.nan_to_num(people.keypoints), people.scores[..., None]], -1))
    found = [
        {
            "id": track, "confirmed": confirmed, "score": score, "box": box,
            "keypoints": [None if gone else joint for joint, gone in zip(person, without, strict=True)],
        }
        for track, confirmed, score, box, person, without in zip(
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
    """Yield the line of each frame of a sequence; see `frame_line`."""
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
    """Write one line per frame."""
    with replacing(path) as temporary, open(temporary, "x", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines(sample.sequence))


def read(path: Path, options: ReadOptions) -> SkeletonSequence | Detections:
    """Read a file of such lines; ``ok``, ``size`` and ``confirmed`` are optional.

    Tracks that are never confirmed are left out. If one person has no ``id``, all ids are ignored.

    Raises:
        FormatError: the file is damaged or of another format; the message names the line and the field.
    """
    frames: list[_Frame] = []
    sizes: set[tuple[int, int]] = set()
    skeleton: Skeleton | None = None
    # Not splitlines, which also splits at characters that are no line end in JSON lines.
    for number, text in enumerate(read_text(path).split("\n"), 1):
        if not text.strip():
            continue
        try:
            line = mapping(parse_json(text, "the line"), "the line")
            named = skeleton_named(string(entry(line, "skeleton", "the line"), "skeleton"))
            if skeleton not in (None, named):
                raise FormatError(f"joint set {named.name} follows {skeleton.name}; a file must have one")
            skeleton = named
            if line.get("size") is not None:
                height, width = items(line["size"], "size", 2)
                sizes.add((integer(height, "size[0]", 1, LARGEST), integer(width, "size[1]", 1, LARGEST)))
            frames.append(_frame(line, named))
        except FormatError as error:
            raise FormatError(f"line {number}: {error}") from error
    if skeleton is None:
        raise FormatError("contains no frames")
    if len(sizes) > 1:
        raise FormatError(f"frames have several sizes: {sorted(sizes)[:2]}")
    height, width = sizes.pop() if sizes else (None, None)
    known = [frame.ids for frame in frames if frame.ids is not None]
    if len(known) < len(frames):
        if any(len(ids) for ids in known):
            options.note(SOME_WITHOUT_ID)
        return Detections(
            skeleton, [(f.index, f.time, f.people if f.ok else None) for f in frames], path.name, height, width
        )  # fmt: skip
    builder = SequenceBuilder(skeleton, source=path.name, height=height, width=width)
    for f, ids in zip(frames, known, strict=True):
        add_rows(builder, f.index, f.time, f.ok, f.people, ids, f.confirmed)
    return builder.finish()


@dataclass(frozen=True)
class _Frame:
    """Content of a line; ``ids`` is int32 (P,), or None if a person has none; ``confirmed`` is bool (P,)."""

    index: int
    time: float
    ok: bool
    people: People
    ids: np.ndarray | None
    confirmed: np.ndarray


def _frame(line: dict[str, Any], skeleton: Skeleton) -> _Frame:
    poses, boxes, scores, ids, confirmed = [], [], [], [], []
    for i, person in enumerate(items(entry(line, "people", "the line"), "people")):
        name = f"people[{i}]"
        person = mapping(person, name)
        joints = items(entry(person, "keypoints", name), f"{name}.keypoints", len(skeleton))
        filled = [_MISSING if joint is None else joint for joint in joints]
        poses.append(reals(filled, f"{name}.keypoints", (len(skeleton), 3), missing=True))
        boxes.append(reals(entry(person, "box", name), f"{name}.box", (4,)))
        scores.append(real(entry(person, "score", name), f"{name}.score", 0, 1))
        known = person.get("id")
        ids.append(None if known is None else integer(known, f"{name}.id"))
        confirmed.append(boolean(person.get("confirmed", True), f"{name}.confirmed"))
    return _Frame(
        integer(entry(line, "frame", "the line"), "frame"),
        real(entry(line, "time", "the line"), "time"),
        boolean(line.get("ok", True), "ok"),
        people_of(
            np.array(poses).reshape(-1, len(skeleton), 3),
            skeleton,
            np.array(boxes).reshape(-1, 4),
            np.array(scores),
        ),
        None if None in ids else np.array(ids, np.int32),
        np.array(confirmed, bool),
    )


FORMAT = Format("jsonl", (".jsonl", ".ndjson"), "JSON lines, one per frame; also for streams", write, read)
