"""Identities from the tracker, for people without identities or with those of another tool."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from skelstream.errors import FormatError
from skelstream.people import People
from skelstream.processing.resampling import measured_or_resampled
from skelstream.sequences import Detections, SequenceBuilder, SkeletonSequence
from skelstream.sequences.meta import video_setting
from skelstream.settings.tracking import TrackerSettings
from skelstream.tracking.kalman_tracker import NOT_FOLLOWED
from skelstream.tracking.registry import make_tracker
from skelstream.tracking.tracked import TrackedPeople

if TYPE_CHECKING:
    from skelstream.video import Frame

# An exchange: in person sizes, the person is farther than the first from the last place of the own id, and nearer than the
# second to that of another id.
_FAR, _NEAR = 0.5, 0.2
# Seconds by which times may differ that are rounded in the meta.
_SAME_TIME = 1e-6
# Seconds by which a video may go on after the last frame of the skeletons; a longer one may be another video.
_MORE_VIDEO = 1.0
_OWN_VIDEO = "give the video that they were made from"
# Facts in the meta that belong to the identities, or to values that were derived from them.
_OF_IDENTITIES = ("person", "names", "edits", "linking", "lifting")
_OF_VALUES = ("filled", "smoothed")


def with_identities(
    people: Detections | SkeletonSequence, settings: TrackerSettings = TrackerSettings()
) -> SkeletonSequence:
    """Return a sequence unchanged, and detections with identities from the tracker; see ``tracked_again``."""
    return people if isinstance(people, SkeletonSequence) else tracked_again(people, settings)


def tracked_again(
    people: Detections | SkeletonSequence,
    settings: TrackerSettings = TrackerSettings(),
    images: Iterable[Frame] | None = None,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> SkeletonSequence:
    """Return the people with new identities from the tracker, whatever their identities were.

    The tracker gets the measured poses: filled, smoothed and 3D values belong to the old identities and are left out. Of a
    resampled sequence it gets all poses, which then count as measured. Poses and frames are not invented. If colours are
    measured, tracks of one person are joined at the end, as by ``extract``.

    ``meta`` has the settings under ``settings``, the joins under ``linking``, and under ``tracked`` the number of poses and
    whether colours were measured; ``meta["warnings"]`` has those of the tracker, and signs that the images are of another video:
    other times, or more of it.

    Args:
        people: people of one video.
        settings: settings of the tracker.
        images: frames of their video in order, to tell people apart by colours; None tracks by position and pose.
        report: called after each frame with the number of frames so far and of all.

    Raises:
        FormatError: the people are in photos, each of which stands alone; or ``images`` lack a frame, or have another size.
    """
    meta = {} if isinstance(people, Detections) else people.meta
    if _of_photos(meta):
        raise FormatError(
            "the images stand alone as photos do, so that nobody is in two of them; if they are frames of a video, extract"
            " them with their rate"
        )
    detections = people if isinstance(people, Detections) else _detections(people)
    times = [time for _, time, _ in detections.frames]
    interval = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    own = settings
    if settings.needed(interval) == 1 or settings.alone:
        # Where a single detection confirms a track, every detection in the file counts as a person.
        own = replace(settings, high_certainty=0.0)
    tracker = make_tracker(own, detections.skeleton)
    builder = SequenceBuilder(
        detections.skeleton, source=detections.source, height=detections.height, width=detections.width,
        warnings=lambda: [f"{detections.source}: {tracker.warning}"] if tracker.warning else [],
        linking=own if own.linking and not own.alone else None,
    )  # fmt: skip
    doubts: list[str] = []
    begins_shot = set(np.searchsorted(times, np.array(meta.get("shots") or []) - _SAME_TIME).tolist())
    frames = detections.frames if images is None else _with_colours(detections, images, meta, doubts)
    poses = 0
    for row, (index, time, found) in enumerate(frames):
        if row in begins_shot:
            tracker.end()
        if found is None:
            tracked = TrackedPeople.failed(index, time, len(detections.skeleton))
        else:
            poses += len(found)
            tracked = tracker.update(index, time, found)
            tracked = tracked if detections is people else _with_boxes_of(found, tracked)
        builder.add(replace(tracked, begins_shot=row in begins_shot))
        report(row + 1, len(times))
    again = builder.finish()
    if isinstance(people, SkeletonSequence):
        again = replace(again, frame_ok=people.frame_ok)
    if isinstance(people, SkeletonSequence) and measured_or_resampled(people) is not people:
        meta = {name: value for name, value in meta.items() if name not in _OF_VALUES}
    return replace(again, meta=_meta(meta, again, settings, doubts, poses, images is not None))


def lasting_warnings(meta: Mapping[str, Any]) -> list[str]:
    """Return the warnings in a sequence's meta that do not belong to its identities; `tracked_again` keeps them, before its own."""
    of_identities = NOT_FOLLOWED, _OWN_VIDEO
    return [line for line in meta.get("warnings") or [] if not any(text in line for text in of_identities)]


def _of_photos(meta: Mapping[str, Any]) -> bool:
    """Return whether a sequence, whose meta is given, was made from image files without a rate and without following people."""
    tracking = (meta.get("settings") or {}).get("tracking")
    alone = isinstance(tracking, Mapping) and tracking.get("follow") is False
    return alone and bool(meta.get("images")) and video_setting(meta, "rate") is None


def exchanges(sequence: SkeletonSequence) -> int:
    """Return how many times a person goes on under the id that another had in the frame before, as in slots that swap."""
    boxes = sequence.boxes.astype(np.float64)
    places, sizes = (
        (boxes[:, :2] + boxes[:, 2:]) / 2,
        np.maximum((boxes[:, 2:] - boxes[:, :2]).max(1, initial=0), 1),
    )
    track = sequence.track_of_row()
    order = np.argsort(sequence.frame, kind="stable")
    bounds = np.searchsorted(sequence.frame[order], np.arange(sequence.frames + 1)).tolist()
    count = 0
    for first, second, third in zip(bounds, bounds[1:], bounds[2:], strict=False):
        before, now = order[first:second], order[second:third]
        if len(before) < 2 or not len(now):
            continue
        away = np.hypot(*(places[now][:, None] - places[before]).transpose(2, 0, 1)) / sizes[now][:, None]
        own = track[now][:, None] == track[before]
        jumps = np.where(own, away, np.inf).min(1)
        count += int(
            ((jumps > _FAR) & np.isfinite(jumps) & (np.where(own, np.inf, away).min(1) < _NEAR)).sum()
        )
    return count


def _detections(sequence: SkeletonSequence) -> Detections:
    """Return the measured poses of a sequence without their identities, in an order that does not depend on them."""
    measured = measured_or_resampled(sequence)
    boxes = measured.boxes
    order = np.lexsort(
        (boxes[:, 3], boxes[:, 2], boxes[:, 1], boxes[:, 0], -measured.person_scores, measured.frame)
    )
    bounds = np.searchsorted(measured.frame[order], np.arange(measured.frames + 1))
    frames: list[tuple[int, float, People | None]] = []
    table = zip(
        measured.frame_index.tolist(), measured.frame_time.tolist(), measured.frame_ok.tolist(), strict=True
    )
    for (first, last), (index, time, ok) in zip(pairwise(bounds.tolist()), table, strict=True):
        rows = order[first:last]
        found = People(
            measured.keypoints[rows], measured.scores[rows], measured.person_scores[rows], boxes[rows]
        )
        frames.append((index, time, found if ok or len(rows) else None))
    height, width = sequence.size or (None, None)
    return Detections(sequence.skeleton, frames, str(sequence.meta.get("source") or ""), height, width)


def _with_boxes_of(found: People, tracked: TrackedPeople) -> TrackedPeople:
    """Return tracked people with the boxes that they had, since a tracker that smooths boxes would smooth its own again.

    A person is known by the joints; of several without joints, or with the same, by the nearest box.
    """
    people = tracked.people
    if not len(people):
        return tracked
    same = (people.keypoints[:, None] == found.keypoints) | np.isnan(
        people.keypoints[:, None] + found.keypoints
    )
    away = np.abs(people.boxes[:, None] - found.boxes).sum(-1)
    nearest = np.where(same.all((2, 3)), away, np.inf)
    boxes = people.boxes.copy()
    known = np.isfinite(nearest).any(1)
    boxes[known] = found.boxes[nearest[known].argmin(1)]
    return replace(tracked, people=replace(people, boxes=boxes))


def _with_colours(
    detections: Detections, images: Iterable[Frame], meta: Mapping[str, Any], doubts: list[str]
) -> Iterator[tuple[int, float, People | None]]:
    """Yield the frames of detections, with the colours of their people where the image decodes.

    Args:
        detections: people of the frames.
        images: frames of their video in order.
        meta: meta of the sequence that the detections come from.
        doubts: list that gets a line for each sign that the images are of another video.

    Raises:
        FormatError: a frame is missing in the images, or they have another size.
    """
    from skelstream.tracking.appearance import PartColours

    colours, video = PartColours(detections.skeleton), iter(images)
    own_times = getattr(getattr(images, "info", None), "images", None) is None  # image files have none
    clock = video_setting(meta, "slow_motion") or 1.0
    times = [time * clock for _, time, _ in detections.frames]
    interval = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    begin: float | None = None
    frame: Frame | None = None
    for (index, time, found), own in zip(detections.frames, times, strict=True):
        frame = next((frame for frame in video if frame.index >= index), None)
        if frame is None or frame.index > index:
            raise FormatError(
                f"the video has no frame {index}, which the skeletons have; give the one that they were made from"
            )
        begin = frame.time if begin is None else begin
        if own_times and not doubts and abs(frame.time - begin - (own - times[0])) > interval:
            doubts.append(
                f"frame {index} is {frame.time - begin:.2f} s after the first one in the given video, and {own - times[0]:.2f} s in the"
                f" skeletons; {_OWN_VIDEO}, and the frame rate of files without times"
            )
        if found is None or frame.image is None:
            yield index, time, found
            continue
        height, width = frame.image.shape[:2]
        if detections.height and (height, width) != (detections.height, detections.width):
            raise FormatError(
                f"the video has {width}x{height} pixels, the skeletons are of {detections.width}x{detections.height};"
                " give the one that they were made from"
            )
        yield index, time, replace(found, colours=colours.measure(frame.image, found))
    if frame is None or video_setting(meta, "end") or meta.get("partial"):
        return
    end = frame.time + max(_MORE_VIDEO, 2 * interval)
    if any(more.time > end for more in video):
        doubts.append(
            f"the given video goes on after frame {detections.frames[-1][0]}, the last one of the skeletons;"
            f" {_OWN_VIDEO}"
        )


def _meta(
    before: Mapping[str, Any],
    tracked: SkeletonSequence,
    settings: TrackerSettings,
    doubts: list[str],
    poses: int,
    colours: bool,
) -> dict[str, Any]:
    """Return the meta of the tracked people, with the old facts about the video and the poses."""
    kept = {name: value for name, value in before.items() if name not in _OF_IDENTITIES}
    source = tracked.meta.get("source") or ""
    return {
        **tracked.meta,
        **kept,
        "dropped": tracked.meta["dropped"],
        "warnings": [
            *lasting_warnings(before),
            *tracked.meta["warnings"],
            *(f"{source}: {doubt}" for doubt in doubts),
        ],
        "settings": {**(kept.get("settings") or {}), "tracking": settings.to_json()},
        "tracked": {"poses": poses, "colours": colours},
    }
