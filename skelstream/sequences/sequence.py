"""`SkeletonSequence`: the tracked people of one video as plain arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np

from skelstream.errors import FormatError
from skelstream.files.arguments import count_argument
from skelstream.files.text import printable
from skelstream.files.values import LARGEST
from skelstream.sequences.lifted import Lifted
from skelstream.sequences.meta import checked_meta
from skelstream.sequences.track import Track
from skelstream.sequences.window import Window, WindowRows, check_window, make_window
from skelstream.skeleton import Skeleton, convert, skeleton_named

# Row arrays: one entry for each pose, that is each tracked person in a frame.
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
# Largest time in seconds; times since 1970 are much smaller.
_LATEST = 1e12

ARRAYS = ROWS | _TABLES
"""Name, dtype and shape of every array of the native file."""


def skeleton_meta(skeleton: Skeleton) -> dict[str, Any]:
    """Return the part of ``meta`` that describes the joint set."""
    return {
        "skeleton": skeleton.name,
        "joints": list(skeleton.joints),
        "limbs": [list(limb) for limb in skeleton.limbs],
        "flip_pairs": [list(pair) for pair in skeleton.flip_pairs],
    }


@dataclass(frozen=True, eq=False, repr=False)
class SkeletonSequence:
    """People of one video with their identities: N poses (rows) of M tracks over T frames.

    Rows are ordered by track, then by frame: a track is a slice. Tracks are ordered by importance (observed
    length times mean person score). The frame table has a row for every frame of the source, including frames
    without people and frames that failed to decode. Arrays are checked and cast at construction.

    Attributes:
        keypoints: float32 (N, V, 2), joint positions in source pixels, NaN where missing.
        scores: float32 (N, V) in [0, 1], joint scores, 0 where missing.
        boxes: float32 (N, 4), x0, y0, x1, y1 of the person in source pixels, as the tracker reports it.
        person_scores: float32 (N,) in [0, 1].
        frame: int32 (N,), row of the frame table.
        track_ids: int32 (M,), stable ids of 0 or more, most important track first.
        track_start: int64 (M+1,); track m is rows ``track_start[m]:track_start[m+1]``.
        frame_index: int32 (T,), number of the frame in the source, from 0, increasing.
        frame_time: float64 (T,), seconds, never decreasing.
        frame_ok: bool (T,), False for a frame that failed to decode.
        meta: facts about the source and the processing; ``skeleton`` names the joint set, ``height`` and
            ``width`` are the upright image's size in pixels, or None if unknown.
        raw: measured sequence, if this one has been filled or smoothed; else None.
        observed: bool (N, V), False for joints that are missing or were filled in.
        lifted: 3D joints of the same rows, or None.

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
    raw: SkeletonSequence | None = None
    observed: np.ndarray = None  # type: ignore[assignment]
    lifted: Lifted | None = None

    def __post_init__(self) -> None:
        sizes = self._checked_arrays()
        object.__setattr__(self, "meta", checked_meta(self.meta))
        images = self.meta.get("images")
        if images is not None and len(images) != sizes["T"]:
            raise FormatError(f"meta's images have {len(images)} names for {sizes['T']} frames")
        if list(self.meta.get("joints", self.skeleton.joints)) != list(self.skeleton.joints):
            raise FormatError(f"meta's joints differ from those of joint set {self.skeleton.name!r}")
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
            raise FormatError(f"keypoints_3d has {len(self.lifted)} rows, expected {sizes['N']}")

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
                    raise FormatError(f"{name} has shape {array.shape}, but {expected} is {wanted}")
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
            raise FormatError("track_ids must be unique and not negative")
        if rows and (self.frame.min() < 0 or self.frame.max() >= len(self.frame_index)):
            raise FormatError("frame must be a row of the frame table")
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
        """Joint set of ``keypoints``."""
        return skeleton_named(self.meta["skeleton"])

    @property
    def frames(self) -> int:
        """Number T of frames."""
        return len(self.frame_index)

    @property
    def size(self) -> tuple[int, int] | None:
        """(height, width) of the upright image in pixels, or None if unknown."""
        height, width = self.meta.get("height"), self.meta.get("width")
        return (height, width) if height and width else None

    def __repr__(self) -> str:
        """Return three lines: source, size and duration; tracks, poses and joints; processing and model."""
        meta, time = self.meta, self.frame_time
        size = f"{self.size[1]} x {self.size[0]} pixels" if self.size else "unknown size"
        seconds = float(time[-1] - time[0]) if len(time) else 0.0
        rate = f" at {meta['fps']:.4g} frames per second" if meta.get("fps") else ""
        source = printable(meta.get("source") or "an unknown source")
        model = printable(meta.get("model") or "unknown")
        joints = f"{len(self.skeleton)} joints ({self.skeleton.name})"
        return "\n".join(
            (
                f"SkeletonSequence of {source}: {size}, {seconds:.2f} s, {self.frames} frames{rate}",
                f"{len(self)} {'track' if len(self) == 1 else 'tracks'}, {len(self.frame)} poses, {joints}",
                f"{', '.join(self._processing()) or 'as measured'}; model {model}",
            )
        )

    def _processing(self) -> list[str]:
        done = []
        if self.raw is not None:
            if (np.isfinite(self.keypoints[..., 0]) & ~self.observed).any():
                done.append("filled")
            if not np.array_equal(self.keypoints[self.observed], self.raw.keypoints[self.raw.observed]):
                done.append("smoothed")
        return [*done, "lifted to 3D"] if self.lifted is not None else done

    def __len__(self) -> int:
        return len(self.track_ids)

    def __getitem__(self, m: int) -> Track:
        """Return track number ``m``; 0 is the most important one."""
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
        """All tracks, most important one first."""
        return list(self)

    @property
    def measured(self) -> SkeletonSequence:
        """Sequence as measured: itself, unless it has been filled or smoothed."""
        return self if self.raw is None else self.raw

    def has_rows_of(self, other: SkeletonSequence) -> bool:
        """Return whether each row is of the same frame and track as that of another sequence."""
        return all(
            np.array_equal(getattr(self, name), getattr(other, name))
            for name in ("frame", "track_ids", "track_start")
        )

    def track_of_row(self) -> np.ndarray:
        """Return the number m of each row's track, int64 (N,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.track_start))

    def dense(self, persons: int | None = 2, fill_value: float = 0.0) -> np.ndarray:
        """Return the most important tracks as one array, one track per slot over the whole length.

        Args:
            persons: number M of slots, at least 0; slots beyond the number of tracks stay missing. None: one
                per track.
            fill_value: x and y of missing joints; recognisers expect 0, NaN distinguishes them from the
                image's corner. Their score is 0 either way.

        Returns:
            float32 (M, T, V, 3): x and y in source pixels, and score.

        Raises:
            SettingsError: ``persons`` is not a whole number of at least 0.
        """
        count = len(self) if persons is None else count_argument(persons, "persons", 0)
        out = np.zeros((count, self.frames, len(self.skeleton), 3), np.float32)
        out[..., :2] = fill_value
        for slot, track in zip(out, self, strict=False):
            present = np.isfinite(track.keypoints)
            slot[track.frame, :, :2] = np.where(present, track.keypoints, np.float32(fill_value))
            slot[track.frame, :, 2] = track.scores
        return out

    def windows(
        self, length: int = 64, stride: int = 16, persons: int = 2, fill_value: float = 0.0
    ) -> Iterator[Window]:
        """Yield clips of ``length`` frames for a recogniser, one every ``stride`` frames; see also `skelstream.windows`.

        Each window's slots contain the tracks that are most important within that window. Frames after the
        last full window are left out; a sequence shorter than a window gives one window, padded with missing
        people.

        Args:
            length: frames per window.
            stride: frames from the start of one window to the next.
            persons: number M of slots.
            fill_value: x and y of missing joints, as for `dense`.

        Raises:
            SettingsError: ``length``, ``stride`` or ``persons`` is less than 1.
        """
        check_window(length, stride, persons)
        ids = np.repeat(self.track_ids, np.diff(self.track_start))
        by_frame = np.argsort(self.frame, kind="stable")
        ordered = self.frame[by_frame]
        for first in range(0, max(self.frames - length, 0) + 1 if self.frames else 0, stride):
            low, high = np.searchsorted(ordered, [first, first + length])
            rows = by_frame[low:high]
            last = min(first + length, self.frames) - 1
            inside = WindowRows(
                ids[rows], self.frame[rows] - first, self.keypoints[rows], self.scores[rows], self.person_scores[rows]
            )  # fmt: skip
            start, end = float(self.frame_time[first]), float(self.frame_time[last])
            yield make_window(inside, length, persons, fill_value, start, end)

    def as_skeleton(self, name: str) -> SkeletonSequence:
        """Return this sequence in another joint set, for instance ``coco17``; see `skelstream.skeleton.convert`."""
        target = skeleton_named(name)
        if target == self.skeleton:
            return self
        keypoints, scores = convert(self.keypoints, self.scores, self.skeleton, target)
        measured = np.where(self.observed[..., None], self.keypoints, np.nan)
        observed = np.isfinite(convert(measured, self.scores, self.skeleton, target)[0][..., 0])
        return replace(
            self, keypoints=keypoints, scores=scores, observed=observed,
            meta={**self.meta, **skeleton_meta(target)},
            raw=None if self.raw is None else self.raw.as_skeleton(name),
        )  # fmt: skip

    def equals(self, other: SkeletonSequence) -> bool:
        """Return whether all arrays and the meta are equal; missing joints count as equal."""
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
    """Convert an array to its type.

    Raises:
        FormatError: a value is out of the type's range, which NumPy would wrap around or make infinite.
    """
    if array.dtype.kind in "iu" and array.size and np.dtype(dtype).kind == "i":
        info = np.iinfo(dtype)
        if array.min() < info.min or array.max() > info.max:
            raise FormatError(f"{name} must lie in {info.min} to {info.max}")
    if name in ("keypoints", "boxes") and (np.abs(array) > LARGEST).any():
        raise FormatError(f"{name} must be finite and lie within {LARGEST:,} pixels")
    with np.errstate(over="ignore"):  # infinite values are refused later
        return np.ascontiguousarray(array, dtype)


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
