"""Collects tracked people frame by frame into a `SkeletonSequence`."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType
from typing import Any

import numpy as np

from skelstream.errors import FormatError
from skelstream.sequences.sequence import SkeletonSequence, skeleton_meta
from skelstream.sequences.track import importance
from skelstream.skeleton import Skeleton
from skelstream.tracking.tracked import TrackedPeople

# Of eleven real clips, a tracker leaves out at most one sighting in a hundred.
_MANY_DROPPED = 0.1

# What takes nearly all the memory.
_LARGE = ("keypoints", "scores", "boxes")

Block = dict[str, np.ndarray]
"""Successive frames and the people in them, and who was confirmed in them, as ``SequenceBuilder.taken`` gives them."""


class SequenceBuilder:
    """Grows by the rows themselves, in flat arrays; one builder belongs to one video.

    What it has may be taken out of it block by block, to be kept elsewhere until the end.

    Args:
        skeleton: joint set of the people that will be added.
        source: path, URL or device, as the user gave it.
        height, width: pixels of the upright image; None if unknown.
        rotation: degrees counter-clockwise that made the image upright.
        made_with: facts about the making, as JSON values: model, checksums, runtime, settings.
        images: for image files, the name of the file by the number of the frame; the meta lists those of its frames.
        warnings: asked at the end what was wrong or assumed, a line each; the lines become part of the meta.

    Raises:
        FormatError: what the file is to tell about its making is not JSON; better now than after hours.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        *,
        source: str,
        height: int | None,
        width: int | None,
        rotation: int = 0,
        made_with: Mapping[str, Any] = MappingProxyType({}),
        images: Mapping[int, str] | None = None,
        warnings: Callable[[], Sequence[str]] = tuple,
    ):
        self._skeleton, self._images, self._warnings = skeleton, images, warnings
        meta = {
            "source": source, "height": height, "width": width,
            "rotation": rotation, **skeleton_meta(skeleton), "versions": _versions(),
            **made_with,
        }  # fmt: skip
        try:
            self._meta = json.loads(json.dumps(meta, allow_nan=False))
        except (TypeError, ValueError) as error:
            raise FormatError(f"facts about {source} are not JSON: {error}") from error
        self._frames, self._last = 0, (-1, float("-inf"))
        self._begin_block()

    @property
    def meta(self) -> dict[str, Any]:
        """The facts that were known from the start."""
        return self._meta

    def _begin_block(self) -> None:
        self._keypoints, self._scores = array("f"), array("f")
        self._boxes, self._person_scores = array("f"), array("f")
        self._frame, self._track = array("i"), array("i")
        self._frame_index, self._frame_time, self._frame_ok = array("i"), array("d"), array("b")
        self._confirmed: set[int] = set()

    def add(self, tracked: TrackedPeople) -> None:
        """One frame, with or without people; one that failed to decode keeps its place in the frame table.

        Raises:
            FormatError: the frame is not later than the one before, or its people have other joints.
        """
        people, count = tracked.people, len(tracked)
        if people.scores.shape != (count, len(self._skeleton)):
            raise FormatError(
                f"frame {tracked.frame_index}: scores have shape {people.scores.shape},"
                f" expected ({count}, {len(self._skeleton)})"
            )
        index, time = tracked.frame_index, tracked.time
        if index <= self._last[0] or time < self._last[1]:
            raise FormatError(f"frame {index} at {time:.3f} s comes after frame {self._last[0]}")
        self._last = index, time
        self._frame_index.append(index)
        self._frame_time.append(time)
        self._frame_ok.append(tracked.ok)
        for values, rows in (
            (self._keypoints, people.keypoints), (self._scores, people.scores), (self._boxes, people.boxes),
            (self._person_scores, people.person_scores),
        ):  # fmt: skip
            values.frombytes(np.ascontiguousarray(rows, np.float32).tobytes())
        self._frame.extend([self._frames] * count)
        self._frames += 1
        self._track.frombytes(np.ascontiguousarray(tracked.track_ids, np.int32).tobytes())
        self._confirmed.update(tracked.track_ids[tracked.confirmed].tolist())

    def taken(self) -> Block:
        """What has been added since the last time, which the builder forgets; ``finish`` has to be given it."""
        block = self._block()
        self._begin_block()
        return block

    def _block(self) -> Block:
        return {
            "keypoints": _floats(self._keypoints).reshape(-1, len(self._skeleton), 2),
            "scores": _floats(self._scores).reshape(-1, len(self._skeleton)),
            "boxes": _floats(self._boxes).reshape(-1, 4),
            "person_scores": _floats(self._person_scores),
            "frame": np.array(self._frame, np.int32),
            "track": np.array(self._track, np.int32),
            "frame_index": np.array(self._frame_index, np.int32),
            "frame_time": np.array(self._frame_time, np.float64),
            "frame_ok": np.array(self._frame_ok, np.bool_),
            "confirmed": np.array(sorted(self._confirmed), np.int32),
        }

    def go_on_after(self, block: Block) -> None:
        """Takes up the work behind a block that another builder gave; to be called for each, in order."""
        self._frames += len(block["frame_index"])
        if len(block["frame_index"]):
            self._last = int(block["frame_index"][-1]), float(block["frame_time"][-1])

    def finish(self, earlier: Callable[[], Iterable[Block]] = tuple) -> SkeletonSequence:
        """The sequence so far: tracks that were never confirmed dropped, the others most important first.

        Args:
            earlier: gives what ``taken`` gave, all of it, in order. It is asked twice, and one block is held at a time, so that no row
                is held twice.
        """
        last = self._block()

        def blocks() -> Iterator[Block]:
            yield from earlier()
            yield last

        few = [{name: block[name] for name in last if name not in _LARGE} for block in blocks()]
        whole = {name: np.concatenate([block[name] for block in few]) for name in few[0]}
        track, person_scores = whole["track"], whole["person_scores"]
        kept = np.flatnonzero(np.isin(track, whole["confirmed"]))
        ids, number = np.unique(track[kept], return_inverse=True)
        # The older track wins a tie.
        order = np.argsort(-importance(number, person_scores[kept], len(ids)), kind="stable")
        rank = np.empty(len(ids), np.int64)
        rank[order] = np.arange(len(ids))
        # Rows came in the order of the frames, which a stable sort by track keeps.
        rows = kept[np.argsort(rank[number], kind="stable")]
        time = whole["frame_time"]
        large = _gathered(blocks(), rows, len(track))
        return SkeletonSequence(
            keypoints=large["keypoints"],
            scores=large["scores"],
            boxes=large["boxes"],
            person_scores=person_scores[rows],
            frame=whole["frame"][rows],
            track_ids=ids[order],
            track_start=np.concatenate([[0], np.cumsum(np.bincount(rank[number], minlength=len(ids)))]),
            frame_index=whole["frame_index"],
            frame_time=time,
            frame_ok=whole["frame_ok"],
            meta={
                **self._meta,
                **self._found(time, whole["frame_index"], len(track), len(track) - len(kept)),
            },
        )

    def _found(self, time: np.ndarray, index: np.ndarray, seen: int, dropped: int) -> dict[str, Any]:
        images, warnings = self._images, list(self._warnings())
        if dropped > _MANY_DROPPED * seen:
            warnings.append(
                f"{self._meta['source']}: {dropped} of {seen} sightings are left out, since those people were"
                " not seen often enough in a row to be followed; without tracking, everyone is kept"
            )
        named = {} if images is None else {"images": [images[number] for number in index.tolist()]}
        return {"fps": mean_fps(time), "dropped": dropped, "warnings": warnings, **named}


def mean_fps(frame_time: np.ndarray) -> float | None:
    """Rows of the frame table per second, or None where the times do not tell."""
    span = float(frame_time[-1] - frame_time[0]) if len(frame_time) > 1 else 0.0
    return round((len(frame_time) - 1) / span, 6) if span > 0 else None


def _gathered(blocks: Iterable[Block], rows: np.ndarray, seen: int) -> dict[str, np.ndarray]:
    """The large arrays of the sequence, of ``rows`` of the ``seen`` ones in all blocks, in that order."""
    place = np.full(seen, -1)
    place[rows] = np.arange(len(rows))
    whole: dict[str, np.ndarray] = {}
    begin = 0
    for block in blocks:
        places = place[begin : begin + len(block["track"])]
        begin += len(places)
        for name in _LARGE:
            array = block[name]
            if name not in whole:
                whole[name] = np.empty((len(rows), *array.shape[1:]), array.dtype)
            whole[name][places[places >= 0]] = array[places >= 0]
    return whole


def _floats(values: array) -> np.ndarray:
    return np.frombuffer(values, np.float32) if values else np.empty(0, np.float32)


@cache
def _versions() -> dict[str, str]:
    found = {}
    for package in ("skelstream", "numpy", "torch", "av"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
