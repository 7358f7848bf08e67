"""Assembly of other tools' people, given frame by frame, into one sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from math import gcd

import numpy as np

from skelstream.errors import FormatError
from skelstream.formats.format import ReadOptions
from skelstream.formats.rows import SOME_WITHOUT_ID, add_rows, in_pixels, people_of
from skelstream.people import People
from skelstream.sequences import Detections, SequenceBuilder, SkeletonSequence
from skelstream.skeleton import Skeleton

_MOST_FRAMES = 1 << 21

# Frame numbers sparser than this belong to photos, whose numbers are not times.
_MOST_SPARSE = 20


def check_length(frames: int) -> None:
    """Check, before memory is allocated, that a file has at most 2,097,152 frames (19 hours of video).

    Raises:
        FormatError: it has more.
    """
    if frames > _MOST_FRAMES:
        raise FormatError(f"claims {frames:,} frames, more than the limit of {_MOST_FRAMES:,}")


@dataclass(frozen=True)
class FoundFrame:
    """People of a frame as read from a file.

    Attributes:
        index: number of the frame.
        poses: float64 (P, V, 3), x, y, score of each joint; `rows.people_of` defines which joints are
            missing.
        boxes: float64 (P, 4), x0, y0, x1, y1; None if the file has none.
        scores: float64 (P,), person scores; None if the file has none.
        ids: int64 (P,), -1 for people without an id; None if the file has none.
        time: time in seconds; None to derive it from the number and the frame rate.
    """

    index: int
    poses: np.ndarray
    boxes: np.ndarray | None = None
    scores: np.ndarray | None = None
    ids: np.ndarray | None = None
    time: float | None = None


def assembled(
    frames: list[FoundFrame],
    skeleton: Skeleton,
    source: str,
    options: ReadOptions,
    *,
    size: tuple[int, int] | None = None,
    fill_gaps: bool = True,
) -> SkeletonSequence | Detections:
    """Return the sequence of a file's frames, or detections if a person has no id.

    Args:
        frames: frames in any order.
        skeleton: joint set of all poses.
        source: name of the video.
        options: options of reading.
        size: (height, width) of the image, if the file contains it.
        fill_gaps: whether frame numbers missing in the file are added as frames without people.

    Raises:
        FormatError: there are no frames, a frame number occurs twice, or values are out of range.
    """
    if not frames:
        raise FormatError("contains no people")
    frames = sorted(frames, key=lambda frame: frame.index)
    for a, b in zip(frames, frames[1:], strict=False):
        if a.index == b.index:
            raise FormatError(f"frame {a.index} occurs twice")
    if fill_gaps:
        frames = _without_gaps(frames, len(skeleton), options.note)
    frames = _pixels(frames, size or options.size, options.note)
    if any(frame.scores is not None and (frame.scores > 1).any() for frame in frames):
        options.note("some person scores are above 1; the mean joint scores are used instead")
        frames = [replace(frame, scores=None) for frame in frames]
    height, width = size or (None, None)
    people = [people_of(frame.poses, skeleton, frame.boxes, frame.scores) for frame in frames]
    times = [f.index / options.fps if f.time is None else f.time for f in frames]
    if any(len(f.poses) and (f.ids is None or (f.ids < 0).any()) for f in frames):
        if any(f.ids is not None and (f.ids >= 0).any() for f in frames):
            options.note(SOME_WITHOUT_ID)
        found: list[tuple[int, float, People | None]] = [
            (f.index, time, group) for f, time, group in zip(frames, times, people, strict=True)
        ]
        return Detections(skeleton, found, source, height, width)
    builder = SequenceBuilder(skeleton, source=source, height=height, width=width)
    for frame, time, group in zip(frames, times, people, strict=True):
        ids = np.empty(0, np.int64) if frame.ids is None else frame.ids
        add_rows(builder, frame.index, time, True, group, ids)
    return builder.finish()


def _without_gaps(frames: list[FoundFrame], joints: int, note: Callable[[str], None]) -> list[FoundFrame]:
    """Return the frames with those added that the file leaves out because they have no people."""
    if any(frame.time is not None for frame in frames):
        return frames
    known = {frame.index: frame for frame in frames}
    nobody = np.empty((0, joints, 3))
    return [known.get(number) or FoundFrame(number, nobody) for number in without_gaps(list(known), note)]


def without_gaps(numbers: list[int], note: Callable[[str], None]) -> Sequence[int]:
    """Return the numbers of a file's frames with those that it leaves out because they have no people.

    Numbers with a common interval, such as 0, 60, 120, have none between them; of photos, whose numbers are far
    apart, none is left out.

    Args:
        numbers: rising numbers of the frames in the file.
        note: function called with a line that tells how many were left out.
    """
    interval = reduce(gcd, np.diff(numbers).tolist(), 0)
    wanted = range(numbers[0], numbers[-1] + 1, interval or 1)
    if not interval or len(wanted) > _MOST_SPARSE * len(numbers):
        return numbers
    if len(wanted) > len(numbers):
        note(f"{len(wanted) - len(numbers)} frames missing in the file are treated as frames without people")
    return wanted


def _pixels(
    frames: list[FoundFrame], size: tuple[int, int] | None, note: Callable[[str], None]
) -> list[FoundFrame]:
    whole = np.concatenate([frame.poses for frame in frames])
    places = in_pixels(whole[..., :2], whole[..., 2] > 0, size, note)
    if places is whole[..., :2] or np.array_equal(places, whole[..., :2], equal_nan=True):
        return frames
    parts = np.split(places, np.cumsum([len(frame.poses) for frame in frames])[:-1])
    return [
        replace(frame, poses=np.concatenate([part, frame.poses[..., 2:]], -1), boxes=None)
        for frame, part in zip(frames, parts, strict=True)
    ]
