"""Application of edits to the identities of a sequence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from skelstream.editing.edits import Drop, Edit, Keep, Merge, Name, Split, Swap, moves_poses
from skelstream.errors import FormatError
from skelstream.files.values import INT32
from skelstream.processing.ordering import main_person_first
from skelstream.processing.resampling import measured_or_resampled
from skelstream.sequences.meta import names_of
from skelstream.sequences.sequence import ROWS, SkeletonSequence
from skelstream.sequences.track import importance

# Facts in the meta about values that were derived from the old identities.
_DERIVED = ("filled", "smoothed", "lifting")
_GONE = -1
_MOST_SHOWN = 10


def edited(sequence: SkeletonSequence, edits: Iterable[Edit]) -> SkeletonSequence:
    """Return the sequence with its identities edited, one edit after the other.

    Frames and poses stay as they are, except those of deleted tracks. Joins, cuts and exchanges are made in the measured
    values: filled, smoothed and 3D values belong to the old identities and are left out. Resampled values stay. ``meta["edits"]`` has all edits as
    JSON, ``meta["names"]`` the names by id.

    Args:
        sequence: people of one video.
        edits: the edits, in order; an edit sees the ids that those before it have left.

    Raises:
        FormatError: an edit names an id that does not exist, a frame outside the track or the video, or joins two people of
            one frame.
    """
    edits = list(edits)
    if moves_poses(edits):
        poses = measured_or_resampled(sequence)
        gone = ("lifting",) if poses.raw is not None else _DERIVED
        meta = {name: value for name, value in sequence.meta.items() if name not in gone}
        sequence = replace(poses, meta=meta, lifted=None)
    identities = _Identities(sequence)
    for number, edit in enumerate(edits, 1):
        try:
            identities.apply(edit)
        except FormatError as error:
            raise FormatError(f"edit {number}, {edit}: {error}") from None
    meta = {name: value for name, value in sequence.meta.items() if name != "names"}
    meta["edits"] = [*(sequence.meta.get("edits") or []), *(edit.to_json() for edit in edits)]
    if identities.names:
        meta["names"] = {str(key): name for key, name in sorted(identities.names.items())}
    done = _regrouped(replace(sequence, meta=meta), identities.ids)
    return main_person_first(done, str(meta["person"])) if "person" in meta else done


class _Identities:
    """The id of each row, and the names, while edits are applied.

    Args:
        sequence: the sequence, which stays as it is.

    Attributes:
        ids: int64 (N,), id of each row, -1 for a deleted one.
        names: names by id.
    """

    def __init__(self, sequence: SkeletonSequence) -> None:
        self.ids = sequence.track_ids[sequence.track_of_row()].astype(np.int64)
        self.names = names_of(sequence.meta)
        self._frames = sequence.frame_index[sequence.frame]
        self._video = sequence.frame_index
        self._next = int(self.ids.max(initial=0)) + 1

    def apply(self, edit: Edit) -> None:
        """Apply an edit.

        Raises:
            FormatError: it is impossible.
        """
        match edit:
            case Merge(ids):
                self._merge(ids)
            case Split(one, frame):
                self._split(one, frame)
            case Swap((first, second), frame):
                self._swap(first, second, frame)
            case Name(one, name):
                self._check(one)
                self.names = {key: text for key, text in self.names.items() if key != one}
                if name:
                    self.names[one] = name
            case Drop(ids):
                self._check(*ids)
                self._delete(np.isin(self.ids, ids))
            case Keep(ids):
                self._check(*ids)
                self._delete(~np.isin(self.ids, ids))

    def _check(self, *ids: int) -> None:
        known = np.unique(self.ids[self.ids != _GONE]).tolist()
        for one in ids:
            if one not in known:
                more = ", …" if len(known) > _MOST_SHOWN else ""
                there = (
                    f"the tracks are {', '.join(map(str, known[:_MOST_SHOWN]))}{more}"
                    if known
                    else "there are none"
                )
                raise FormatError(f"there is no track {one}; {there}")

    def _check_frame(self, frame: int) -> None:
        if not len(self._video) or not self._video[0] <= frame <= self._video[-1]:
            ends = f"they are {self._video[0]} to {self._video[-1]}" if len(self._video) else "there are none"
            raise FormatError(f"frame {frame} is not among the video's frames; {ends}")

    def _merge(self, ids: tuple[int, ...]) -> None:
        self._check(*ids)
        rows = np.flatnonzero(np.isin(self.ids, ids))
        frames, count = np.unique(self._frames[rows], return_counts=True)
        shared = frames[count > 1]
        if len(shared):
            there = self.ids[rows][self._frames[rows] == shared[0]].tolist()
            both = [one for one in ids if one in there][:2]
            more = f" and {len(shared) - 1} more" if len(shared) > 1 else ""
            raise FormatError(
                f"{both[0]} and {both[1]} are both in frame {shared[0]}{more}, so they are two people; split or swap them first"
            )
        name = next((self.names[one] for one in ids if one in self.names), None)
        self.ids[rows] = ids[0]
        self.names = {key: text for key, text in self.names.items() if key not in ids}
        if name is not None:
            self.names[ids[0]] = name

    def _split(self, one: int, frame: int) -> None:
        self._check(one)
        self._check_frame(frame)
        own = self.ids == one
        later = own & (self._frames >= frame)
        if not later.any() or (own == later).all():
            first, last = self._frames[own].min(), self._frames[own].max()
            raise FormatError(
                f"track {one} is in frames {first} to {last}; a cut at frame {frame} leaves one side empty"
            )
        if self._next > INT32:
            raise FormatError(f"no larger id is left for the new track; ids go up to {INT32}")
        self.ids[later] = self._next
        self._next += 1

    def _swap(self, first: int, second: int, frame: int) -> None:
        self._check(first, second)
        self._check_frame(frame)
        later = self._frames >= frame
        one, other = later & (self.ids == first), later & (self.ids == second)
        if not (one.any() or other.any()):
            raise FormatError(f"neither {first} nor {second} is in frame {frame} or a later one")
        self.ids[one], self.ids[other] = second, first
        self.names = {key: text for key, text in self.names.items() if (self.ids == key).any()}

    def _delete(self, rows: np.ndarray) -> None:
        self.ids[rows] = _GONE
        self.names = {key: text for key, text in self.names.items() if (self.ids == key).any()}


def _regrouped(sequence: SkeletonSequence, ids: np.ndarray) -> SkeletonSequence:
    """Return the rows of a sequence in tracks by new ids, int64 (N,), without those of id -1; most important track first."""
    rows = np.flatnonzero(ids != _GONE)
    known, number = np.unique(ids[rows], return_inverse=True)
    order = np.argsort(-importance(number, sequence.person_scores[rows], len(known)), kind="stable")
    rank = np.empty(len(known), np.int64)
    rank[order] = np.arange(len(known))
    rows = rows[np.lexsort((sequence.frame[rows], rank[number]))]
    raw = sequence.raw
    if raw is not None and raw.has_rows_of(sequence):
        raw = _regrouped(replace(raw, meta=sequence.meta), ids)
    elif raw is not None:  # only whole tracks are gone
        own = raw.track_ids[raw.track_of_row()].astype(np.int64)
        raw = _regrouped(replace(raw, meta=sequence.meta), np.where(np.isin(own, known), own, _GONE))
    return replace(
        sequence,
        **{name: getattr(sequence, name)[rows] for name in ROWS},
        observed=sequence.observed[rows],
        track_ids=known[order],
        track_start=np.concatenate([[0], np.cumsum(np.bincount(rank[number], minlength=len(known)))]),
        raw=raw,
        lifted=None if sequence.lifted is None else sequence.lifted.take(rows),
    )
