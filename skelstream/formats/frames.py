"""People frame by frame, as other tools' files have them, made into one sequence."""

from __future__ import annotations

from collections.abc import Callable
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

# Numbers so sparse belong to photos, whose numbers say nothing of time.
_MOST_HOLES = 20


def check_length(frames: int) -> None:
    """Refuse what claims to be longer than nineteen hours of video, before memory is asked for.

    Raises:
        FormatError: it does.
    """
    if frames > _MOST_FRAMES:
        raise FormatError(f"claims {frames:,} frames, which no video here has")


@dataclass(frozen=True)
class FoundFrame:
    """The people of a frame.

    Attributes:
        index: its number.
        poses: float64 (P, V, 3), x, y, score; what is missing is as `rows.people_of` has it.
        boxes: float64 (P, 4), x0, y0, x1, y1, or None.
        scores: float64 (P,), or None.
        ids: int64 (P,), -1 where there is none, or None.
        time: seconds, or None where only the number and the rate tell.
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
    holes: bool = True,
) -> SkeletonSequence | Detections:
    """The sequence of a file's frames, or detections if anybody has no id.

    Args:
        frames: in any order.
        skeleton: the joint set of all poses.
        source: what to call the video.
        size: (height, width) of the image, if the file says.
        holes: whether frames without people may be missing in the file: they get a place then.

    Raises:
        FormatError: there are no frames, a frame comes twice, or values are out of range.
    """
    if not frames:
        raise FormatError("holds no people")
    frames = sorted(frames, key=lambda frame: frame.index)
    for a, b in zip(frames, frames[1:], strict=False):
        if a.index == b.index:
            raise FormatError(f"frame {a.index} comes twice")
    if holes:
        frames = _without_holes(frames, len(skeleton), options.note)
    frames = _pixels(frames, size or options.size, options.note)
    if any(frame.scores is not None and (frame.scores > 1).any() for frame in frames):
        options.note("scores of people go beyond 1; the means of their joints' scores stand in")
        frames = [replace(frame, scores=None) for frame in frames]
    height, width = size or (None, None)
    people = [people_of(frame.poses, frame.boxes, frame.scores) for frame in frames]
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


def _without_holes(frames: list[FoundFrame], joints: int, note: Callable[[str], None]) -> list[FoundFrame]:
    """The frames with those between them that the file leaves out, which held nobody."""
    numbers = [frame.index for frame in frames]
    step = reduce(gcd, np.diff(numbers).tolist(), 0)
    if not step or any(frame.time is not None for frame in frames):
        return frames
    wanted = range(numbers[0], numbers[-1] + 1, step)
    if len(wanted) > _MOST_HOLES * len(frames):
        return frames
    if len(wanted) > len(frames):
        note(
            f"{len(wanted) - len(frames)} frames that the file leaves out are taken for frames without people"
        )
    known = {frame.index: frame for frame in frames}
    nobody = np.empty((0, joints, 3))
    return [known.get(number) or FoundFrame(number, nobody) for number in wanted]


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
