"""Builder of a `SkeletonSequence` from tracked people, frame by frame."""

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
from skelstream.sequences.sequence import ARRAYS, ROWS, SkeletonSequence, skeleton_meta
from skelstream.sequences.track import importance
from skelstream.settings.tracking import TrackerSettings
from skelstream.skeleton import Skeleton
from skelstream.tracking.appearance import PARTS, packed
from skelstream.tracking.tracked import TrackedPeople

# Share of dropped poses from which on a warning is given; in eleven real clips tracking drops at most 0.01.
_MANY_DROPPED = 0.1

# Arrays that take nearly all the memory.
_LARGE = ("keypoints", "scores")

# Dtype and shape of a block's arrays: N poses, V joints, T frames, C tracks confirmed.
_BLOCK: dict[str, tuple[type, tuple[str | int, ...]]] = {
    **ROWS,
    "track": (np.int32, ("N",)),
    "colours": (np.int8, ("N", len(PARTS), 3)),
    **{name: ARRAYS[name] for name in ("frame_index", "frame_time", "frame_ok")},
    "begins_shot": (np.bool_, ("T",)),
    "confirmed": (np.int32, ("C",)),
}

Block = dict[str, np.ndarray]
"""Successive frames, the people in them and the tracks confirmed in them, from
``SequenceBuilder.take_block``."""


class SequenceBuilder:
    """Builder of the sequence of one video, which stores rows in flat arrays.

    Its content can be taken out block by block and stored elsewhere until the end.

    Args:
        skeleton: joint set of the people.
        source: path, URL or device, as the user gave it.
        height, width: size of the upright image in pixels; None if unknown.
        rotation: counter-clockwise rotation in degrees that made the image upright.
        made_with: facts about the making, as JSON values: model, checksums, runtime, settings.
        images: file name by frame number, for image files; the meta lists those of its frames.
        warnings: function called at the end that returns warnings for the meta, one line each.
        linking: settings by which the tracks of one person are joined at the end; None keeps them apart.

    Raises:
        FormatError: the settings are not JSON; checked here rather than after hours of work.
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
        linking: TrackerSettings | None = None,
    ):
        self._linking = linking
        self._skeleton, self._images, self._warnings = skeleton, images, warnings
        meta = {
            "source": source, "height": height, "width": width,
            "rotation": rotation, **skeleton_meta(skeleton), "versions": _versions(),
            **made_with,
        }  # fmt: skip
        try:
            self._meta = json.loads(json.dumps(meta, allow_nan=False))
        except (TypeError, ValueError) as error:
            raise FormatError(f"the settings or meta of {source} are not JSON: {error}") from error
        self._frames, self._last = 0, (-1, float("-inf"))
        self._begin_block()

    @property
    def meta(self) -> dict[str, Any]:
        """Meta known from the start."""
        return self._meta

    @property
    def frames(self) -> int:
        """Number of frames so far, with those of blocks that were taken."""
        return self._frames

    def _begin_block(self) -> None:
        self._keypoints, self._scores = array("f"), array("f")
        self._boxes, self._person_scores = array("f"), array("f")
        self._frame, self._track, self._colours = array("i"), array("i"), array("b")
        self._frame_index, self._frame_time, self._frame_ok = array("i"), array("d"), array("b")
        self._begins_shot = array("b")
        self._confirmed: set[int] = set()

    def add(self, tracked: TrackedPeople) -> None:
        """Add a frame, with or without people; a frame that failed to decode gets a row of the frame table too.

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
            raise FormatError(
                f"frame {index} at {time:.3f} s is not later than frame {self._last[0]} before it"
            )
        self._last = index, time
        self._frame_index.append(index)
        self._frame_time.append(time)
        self._frame_ok.append(tracked.ok)
        self._begins_shot.append(tracked.begins_shot)
        for values, rows in (
            (self._keypoints, people.keypoints), (self._scores, people.scores), (self._boxes, people.boxes),
            (self._person_scores, people.person_scores),
        ):  # fmt: skip
            values.frombytes(np.ascontiguousarray(rows, np.float32).tobytes())
        self._frame.extend([self._frames] * count)
        self._frames += 1
        self._track.frombytes(np.ascontiguousarray(tracked.track_ids, np.int32).tobytes())
        self._colours.frombytes(packed(people.colours, count).tobytes())
        self._confirmed.update(tracked.track_ids[tracked.confirmed].tolist())

    def take_block(self) -> Block:
        """Remove and return everything added since the last call; pass it to ``finish`` later."""
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
            "colours": np.array(self._colours, np.int8).reshape(-1, len(PARTS), 3),
            "frame_index": np.array(self._frame_index, np.int32),
            "frame_time": np.array(self._frame_time, np.float64),
            "frame_ok": np.array(self._frame_ok, np.bool_),
            "begins_shot": np.array(self._begins_shot, np.bool_),
            "confirmed": np.array(sorted(self._confirmed), np.int32),
        }

    def resume_after(self, frames: int, last: tuple[int, float]) -> None:
        """Continue after the ``frames`` frames of another builder, whose last has the index and time ``last``."""
        self._frames, self._last = frames, last

    def finish(self, earlier: Callable[[], Iterable[Block]] = tuple) -> SkeletonSequence:
        """Return the sequence so far, without tracks that were never confirmed, most important track first.

        Args:
            earlier: function that yields all results of ``take_block``, in order. It is called twice, and one
                block is held at a time, so that no row is in memory twice.
        """
        last = self._block()

        def blocks() -> Iterator[Block]:
            yield from earlier()
            yield last

        parts = [{name: block[name] for name in last if name not in _LARGE} for block in blocks()]
        small = {name: np.concatenate([block[name] for block in parts]) for name in parts[0]}
        track, person_scores = small["track"], small["person_scores"]
        kept = np.flatnonzero(np.isin(track, small["confirmed"]))
        linked = self._link(small, kept)
        ids, number = np.unique(track[kept], return_inverse=True)
        # The older track wins a tie.
        order = np.argsort(-importance(number, person_scores[kept], len(ids)), kind="stable")
        rank = np.empty(len(ids), np.int64)
        rank[order] = np.arange(len(ids))
        # Rows are in frame order, which a stable sort by track keeps.
        rows = kept[np.argsort(rank[number], kind="stable")]
        time = small["frame_time"]
        large = _gather(blocks(), rows, len(track))
        return SkeletonSequence(
            keypoints=large["keypoints"],
            scores=large["scores"],
            boxes=small["boxes"][rows],
            person_scores=person_scores[rows],
            frame=small["frame"][rows],
            track_ids=ids[order],
            track_start=np.concatenate([[0], np.cumsum(np.bincount(rank[number], minlength=len(ids)))]),
            frame_index=small["frame_index"],
            frame_time=time,
            frame_ok=small["frame_ok"],
            meta={
                **self._meta,
                **self._final_meta(time, small["frame_index"], len(track), len(track) - len(kept)),
                **linked,
                **_shots(small),
            },
        )

    def _link(self, columns: Block, kept: np.ndarray) -> dict[str, Any]:
        """Give the rows ``kept`` of each person the id of the person's first track, and return the facts for the meta."""
        if self._linking is None:
            return {}
        from skelstream.tracking.linking import Rows, link  # loads SciPy, which readers of files do not need

        track, time, frame = columns["track"], columns["frame_time"], columns["frame"][kept]
        apart = np.diff(time, prepend=time[:1]) > self._linking.max_interval
        scene = np.cumsum(apart | columns["begins_shot"])
        rows = Rows(
            track[kept], frame, time[frame], scene[frame], columns["boxes"][kept], columns["colours"][kept]
        )
        links = link(rows, self._linking.max_gap, self._meta["width"])
        track[kept] = links.track
        cut = [list(one) for one in links.cut]
        return {"linking": {"tracklets": links.tracklets, "cut": cut, "joined": links.joined}}

    def _final_meta(self, time: np.ndarray, index: np.ndarray, rows: int, dropped: int) -> dict[str, Any]:
        images, warnings = self._images, list(self._warnings())
        if dropped > _MANY_DROPPED * rows:
            warnings.append(
                f"{self._meta['source']}: {dropped} of {rows} poses are left out, since their people were not found"
                " in enough successive frames to be tracked; min_observations 1 keeps more of them, and everyone is kept without tracking"
            )
        named = {} if images is None else {"images": [images[number] for number in index.tolist()]}
        return {"fps": mean_fps(time), "dropped": dropped, "warnings": warnings, **named}


def check_block(block: Block, joints: int, *, after: int) -> None:
    """Check that a block can follow the frame with index ``after``; for blocks that were stored elsewhere.

    Args:
        block: arrays by name.
        joints: number of joints of the sequence.
        after: index of the last frame before the block.

    Raises:
        FormatError: arrays are missing or do not fit each other, or its frames are not later.
    """
    if block.keys() != _BLOCK.keys():
        raise FormatError(f"a block has the arrays {', '.join(block)}; expected {', '.join(_BLOCK)}")
    sizes: dict[str | int, int] = {"V": joints}
    for name, (dtype, shape) in _BLOCK.items():
        found = block[name]
        wanted = tuple(size if isinstance(size, int) else sizes.get(size, -1) for size in shape)
        sizes |= dict(zip(shape, found.shape, strict=False)) if found.ndim == len(shape) else {}
        fits = found.ndim == len(shape) and all(
            w in (-1, f) for w, f in zip(wanted, found.shape, strict=True)
        )
        if found.dtype != dtype or not fits:
            raise FormatError(
                f"{name} of a block is {found.dtype} {found.shape}, expected {np.dtype(dtype)} {shape}"
            )
    index = block["frame_index"]
    if not len(index) or index[0] <= after or (np.diff(index.astype(np.int64)) <= 0).any():
        raise FormatError(f"the frames of a block do not follow frame {after}")


def mean_fps(frame_time: np.ndarray) -> float | None:
    """Return the mean number of frames per second, or None if the times do not determine it."""
    span = float(frame_time[-1] - frame_time[0]) if len(frame_time) > 1 else 0.0
    return round((len(frame_time) - 1) / span, 6) if span > 0 else None


def _gather(blocks: Iterable[Block], rows: np.ndarray, total: int) -> dict[str, np.ndarray]:
    """Return the sequence's large arrays: ``rows``, in that order, of the ``total`` rows of all blocks."""
    place = np.full(total, -1)
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


def _shots(columns: Block) -> dict[str, Any]:
    """Return the seconds at which another shot begins, for the meta; nothing for a video of one shot."""
    begins = columns["frame_time"][columns["begins_shot"]].round(6).tolist()
    return {"shots": begins} if begins else {}


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
