"""`SkeletonSequence`: the tracked people of one video as plain arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import numpy as np

from skelstream.errors import FormatError
from skelstream.files.values import LARGEST
from skelstream.sequences.lifted import Lifted
from skelstream.sequences.meta import checked_meta
from skelstream.sequences.track import Track
from skelstream.sequences.window import Window, check_window, make_window
from skelstream.skeleton import Skeleton, convert, skeleton_named

# Row arrays: one entry for each time that a tracked person was in a frame.
ROWS: dict[str, tuple[type, tuple[str | int, ...]]] = {
    "keypoints": (np.float32, ("N", "V", 2)),
    "scores": (np.float32, ("N", "V")),
    "boxes": (np.float32, ("N", 4)),
    "person_scores": (np.float32, ("N",)),
    "frame": (np.int32, ("N",)),
}
_TABLES: dict[str, tuple[type, tuple[str | int, ...]]] = {
    "track_ids": (np.int32, ("M",)),
    "track_start": (np.int64, ("M+1",)),
    "frame_index": (np.int32, ("T",)),
    "frame_time": (np.float64, ("T",)),
    "frame_ok": (np.bool_, ("T",)),
}
# Seconds; times of day since 1970 lie well within.
_LATEST = 1e12

ARRAYS = ROWS | _TABLES
"""Name, dtype and shape of every array of the native file."""


def skeleton_meta(skeleton: Skeleton) -> dict[str, Any]:
    """The part of ``meta`` that says which joints there are and in what order."""
    return {
        "skeleton": skeleton.name,
        "joints": list(skeleton.joints),
        "limbs": [list(limb) for limb in skeleton.limbs],
        "flip_pairs": [list(pair) for pair in skeleton.flip_pairs],
    }


@dataclass(frozen=True, eq=False)
class SkeletonSequence:
    """The people of one video with their identities, N rows of M tracks over T frames.

    Rows are ordered by track, then by frame: a track is a slice. Tracks are ordered by importance (observed
    length times mean person score). The frame table has a row for every decoded frame, also for the empty
    ones and for those that failed to decode. Arrays are checked and cast at construction.

    Attributes:
        keypoints: float32 (N, V, 2), source pixels, NaN where missing.
        scores: float32 (N, V) in [0, 1], 0 where missing.
        boxes: float32 (N, 4), x0, y0, x1, y1 of the person as the tracker reports it.
        person_scores: float32 (N,) in [0, 1].
        frame: int32 (N,), row of the frame table.
        track_ids: int32 (M,), stable ids of 0 or more, most important track first.
        track_start: int64 (M+1,); track m is rows ``track_start[m]:track_start[m+1]``.
        frame_index: int32 (T,), number of the decoded frame in the source, from 0, increasing.
        frame_time: float64 (T,), seconds, never decreasing.
        frame_ok: bool (T,), False: the frame failed to decode.
        meta: facts about the source and the making; ``skeleton`` names the joint set, ``height`` and
            ``width`` are the upright image's pixels, or None where unknown.
        raw: what was measured, if this sequence has been filled or smoothed; else None.
        observed: bool (N, V), False for joints that are missing or were filled in.
        lifted: the same rows in space, or None.

    Raises:
        FormatError: an array is missing, or has the wrong shape, type or contents.
    """

    keypoints: np.ndarray
    scores: np.ndarray
    boxes: np.ndarray
    person_scores: np.ndarray
    frame: np.ndarray
    track_ids: np.ndarray
    track_start: np.ndarray
    frame_index: np.ndarray
    frame_time: np.ndarray
    frame_ok: np.ndarray
    meta: Mapping[str, Any]
    raw: SkeletonSequence | None = field(default=None, repr=False)
    observed: np.ndarray = field(default=None, repr=False)  # type: ignore[assignment]
    lifted: Lifted | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        sizes = self._checked_arrays()
        object.__setattr__(self, "meta", checked_meta(self.meta))
        images = self.meta.get("images")
        if images is not None and len(images) != sizes["T"]:
            raise FormatError(f"meta's images are {len(images)} names for {sizes['T']} frames")
        if list(self.meta.get("joints", self.skeleton.joints)) != list(self.skeleton.joints):
            raise FormatError(f"meta's joints are not those of joint set {self.skeleton.name!r}")
        if sizes["V"] != len(self.skeleton):
            raise FormatError(
                f"keypoints have {sizes['V']} joints, {self.skeleton.name} has {len(self.skeleton)}"
            )
        self._check_values()
        self._check_order()
        present = np.isfinite(self.keypoints[..., 0])
        observed = present if self.observed is None else np.asarray(self.observed, bool)
        if observed.shape != present.shape or (observed & ~present).any():
            raise FormatError("observed must be bool (N, V) and False where a joint is missing")
        object.__setattr__(self, "observed", observed)
        if self.lifted is not None and len(self.lifted) != sizes["N"]:
            raise FormatError(f"keypoints_3d has {len(self.lifted)} rows, where {sizes['N']} should be")

    def _checked_arrays(self) -> dict[str, int]:
        sizes: dict[str, int] = {}
        for name, (dtype, shape) in ARRAYS.items():
            array = np.asarray(getattr(self, name))
            if not np.can_cast(array.dtype, dtype, "same_kind"):
                raise FormatError(f"{name} has dtype {array.dtype}, expected {np.dtype(dtype)}")
            if array.ndim != len(shape):
                raise FormatError(f"{name} has shape {array.shape}, expected ({', '.join(map(str, shape))})")
            for size, expected in zip(array.shape, shape, strict=True):
                if expected == "M+1":
                    expected, size = "M", size - 1
                wanted = expected if isinstance(expected, int) else sizes.setdefault(expected, size)
                if size != wanted:
                    raise FormatError(f"{name} has shape {array.shape}, where {expected} should be {wanted}")
            object.__setattr__(self, name, _cast(array, dtype, name))
        return sizes

    def _check_values(self) -> None:
        missing = np.isnan(self.keypoints)
        if np.isinf(self.keypoints).any() or (missing[..., 0] != missing[..., 1]).any():
            raise FormatError("keypoints must be finite, or NaN in both x and y where missing")
        if not np.isfinite(self.boxes).all():
            raise FormatError("boxes must be finite")
        for name in ("scores", "person_scores"):
            values = getattr(self, name)
            if not ((values >= 0) & (values <= 1)).all():
                raise FormatError(f"{name} must lie in 0 to 1")
        if self.scores[missing[..., 0]].any():
            raise FormatError("scores of missing joints must be 0")

    def _check_order(self) -> None:
        start, rows = self.track_start, len(self.frame)
        if len(start) == 0 or start[0] != 0 or start[-1] != rows or (np.diff(start) <= 0).any():
            raise FormatError(f"track_start must increase from 0 to the number of rows, {rows}")
        if len(np.unique(self.track_ids)) != len(self.track_ids) or (self.track_ids < 0).any():
            raise FormatError("track_ids must differ from each other, and not be negative")
        if rows and (self.frame.min() < 0 or self.frame.max() >= len(self.frame_index)):
            raise FormatError("frame must point into the frame table")
        same_track = np.ones(max(rows - 1, 0), bool)
        same_track[start[1:-1] - 1] = False
        if (np.diff(self.frame)[same_track] <= 0).any():
            raise FormatError("frame must increase within a track")
        if (np.diff(self.frame_index) <= 0).any() or (self.frame_index < 0).any():
            raise FormatError("frame_index must increase, from 0 or more")
        time = self.frame_time
        if not (np.abs(time) < _LATEST).all() or (np.diff(time) < 0).any():
            raise FormatError(f"frame_time must be finite, within {_LATEST:g} s, and never decrease")

    @cached_property
    def skeleton(self) -> Skeleton:
        """The joint set of ``keypoints``."""
        return skeleton_named(self.meta["skeleton"])

    @property
    def frames(self) -> int:
        """T, the length of the frame table."""
        return len(self.frame_index)

    @property
    def size(self) -> tuple[int, int] | None:
        """(height, width) of the upright image in pixels, or None if the file does not say."""
        height, width = self.meta.get("height"), self.meta.get("width")
        return (height, width) if height and width else None

    def __len__(self) -> int:
        return len(self.track_ids)

    def __getitem__(self, m: int) -> Track:
        """Track number ``m``, the most important one first."""
        m = range(len(self))[m]
        rows = slice(self.track_start[m], self.track_start[m + 1])
        frame = self.frame[rows]
        return Track(
            int(self.track_ids[m]), frame, self.frame_index[frame], self.frame_time[frame],
            self.keypoints[rows], self.scores[rows], self.boxes[rows], self.person_scores[rows],
            self.observed[rows], None if self.lifted is None else self.lifted.take(rows),
        )  # fmt: skip

    def __iter__(self) -> Iterator[Track]:
        return (self[m] for m in range(len(self)))

    @property
    def tracks(self) -> list[Track]:
        """Every track, the most important one first."""
        return list(self)

    @property
    def measured(self) -> SkeletonSequence:
        """The sequence as measured: itself, unless it has been filled or smoothed."""
        return self if self.raw is None else self.raw

    def track_of_row(self) -> np.ndarray:
        """int64 (N,): the number m of each row's track."""
        return np.repeat(np.arange(len(self)), np.diff(self.track_start))

    def dense(self, persons: int | None = 2, fill_value: float = 0.0) -> np.ndarray:
        """The most important tracks as one array, one person a slot for the whole length.

        Args:
            persons: number M of slots; slots beyond the number of tracks stay missing. None: one a track.
            fill_value: x and y of joints that are missing; recognisers expect 0, NaN keeps them apart from the
                image's corner. Their score is 0 either way.

        Returns:
            float32 (M, T, V, 3): x and y in source pixels, score.
        """
        count = len(self) if persons is None else persons
        out = np.zeros((count, self.frames, len(self.skeleton), 3), np.float32)
        out[..., :2] = fill_value
        for slot, track in zip(out, self, strict=False):
            there = np.isfinite(track.keypoints)
            slot[track.frame, :, :2] = np.where(there, track.keypoints, np.float32(fill_value))
            slot[track.frame, :, 2] = track.scores
        return out

    def windows(
        self, length: int = 64, stride: int = 16, persons: int = 2, fill_value: float = 0.0
    ) -> Iterator[Window]:
        """Clips of ``length`` frames for a recogniser, one every ``stride`` frames; see also `skelstream.windows`.

        Each window's slots go to the people that matter most within that window. Frames after the last full
        window are left out, except that a shorter sequence gives one window, padded with missing people.
        ``fill_value`` is as in `dense`.
        """
        check_window(length, stride, persons)
        ids = np.repeat(self.track_ids, np.diff(self.track_start))
        by_frame = np.argsort(self.frame, kind="stable")
        ordered = self.frame[by_frame]
        for first in range(0, max(self.frames - length, 0) + 1 if self.frames else 0, stride):
            low, high = np.searchsorted(ordered, [first, first + length])
            rows = by_frame[low:high]
            last = min(first + length, self.frames) - 1
            yield make_window(
                ids[rows], self.frame[rows] - first, self.keypoints[rows], self.scores[rows],
                self.person_scores[rows], length, persons, fill_value,
                start=float(self.frame_time[first]), end=float(self.frame_time[last]),
            )  # fmt: skip

    def as_skeleton(self, name: str) -> SkeletonSequence:
        """This sequence in another joint set, for instance ``coco17``; see `skelstream.skeleton.convert`."""
        target = skeleton_named(name)
        if target == self.skeleton:
            return self
        keypoints, scores = convert(self.keypoints, self.scores, self.skeleton, target)
        seen = np.where(self.observed[..., None], self.keypoints, np.nan)
        observed = np.isfinite(convert(seen, self.scores, self.skeleton, target)[0][..., 0])
        return replace(
            self, keypoints=keypoints, scores=scores, observed=observed,
            meta={**self.meta, **skeleton_meta(target)},
            raw=None if self.raw is None else self.raw.as_skeleton(name),
        )  # fmt: skip

    def equals(self, other: SkeletonSequence) -> bool:
        """Whether every array and the meta are the same, missing joints counting as equal."""
        names = [f.name for f in fields(self) if f.name not in ("meta", "raw", "lifted")]
        if any(not _same(getattr(self, n), getattr(other, n)) for n in names) or self.meta != other.meta:
            return False
        if self.lifted is None or other.lifted is None:
            if self.lifted is not other.lifted:
                return False
        elif not self.lifted.equals(other.lifted):
            return False
        if self.raw is None or other.raw is None:
            return self.raw is other.raw
        return self.raw.equals(other.raw)


def _cast(array: np.ndarray, dtype: type, name: str) -> np.ndarray:
    """The array in its type, whose range none of its values may leave.

    Raises:
        FormatError: one does; NumPy would wrap it round, or make it infinite.
    """
    if array.dtype.kind in "iu" and array.size and np.dtype(dtype).kind == "i":
        info = np.iinfo(dtype)
        if array.min() < info.min or array.max() > info.max:
            raise FormatError(f"{name} must lie in {info.min} to {info.max}")
    if name in ("keypoints", "boxes") and (np.abs(array) > LARGEST).any():
        raise FormatError(f"{name} must be finite and lie within {LARGEST:,} pixels")
    with np.errstate(over="ignore"):  # what becomes infinite is refused later
        return np.ascontiguousarray(array, dtype)


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
