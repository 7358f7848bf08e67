"""Drawing of everything on a sequence's frames: skeletons, trails and blurred faces."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from skelstream.drawing.by_frame import PeopleByFrame, image_size
from skelstream.drawing.colors import PLAIN_BACKGROUND, track_color
from skelstream.drawing.faces import blur_heads, bridge_gaps, head_circles
from skelstream.drawing.figure import BODY, body_joints
from skelstream.drawing.skeletons import Style, draw_people, limb_width, person_size
from skelstream.drawing.trails import draw_trail
from skelstream.geometry.crops import joints_boxes
from skelstream.sequences import SkeletonSequence, Track
from skelstream.sequences.meta import names_of

_BRIDGED = 1.0  # greatest gap of a track in seconds through which its head stays blurred
_HELD = 0.3  # seconds of blur before the first and after the last frame of a track


@dataclass(frozen=True)
class OverlaySettings:
    """Settings of the drawing.

    Attributes:
        style: style of the skeletons.
        trails: length of the trail behind each person in seconds; 0 for none.
        blur_faces: whether to blur people's heads; see ``faces``.
        skeleton_only: whether to draw on a plain background instead of the image.
    """

    style: Style = field(default_factory=Style)
    trails: float = 0.0
    blur_faces: bool = False
    skeleton_only: bool = False


class Overlay:
    """Drawing of the frames of one sequence.

    Args:
        sequence: the sequence.
        settings: settings of the drawing; None for the defaults.
        scale: size of the drawn images divided by the size of the source's images.

    Attributes:
        size: (height, width) of the drawn images in pixels.
    """

    def __init__(
        self, sequence: SkeletonSequence, settings: OverlaySettings | None = None, scale: float = 1.0
    ) -> None:
        height, width = image_size(sequence)
        self.size = max(1, round(height * scale)), max(1, round(width * scale))
        if scale != 1:
            sequence = _scaled(sequence, scale)
        self._sequence = sequence
        self._settings = settings or OverlaySettings()
        settings = self._settings
        self._people = PeopleByFrame(sequence)
        self._names = names_of(sequence.meta)
        self._heads = _heads_by_frame(sequence) if settings.blur_faces and not settings.skeleton_only else {}

    @property
    def people(self) -> PeopleByFrame:
        """People of each frame, at the scale of the drawn images."""
        return self._people

    def draw(self, row: int, image: np.ndarray | None) -> np.ndarray:
        """Draw the people of a row of the frame table.

        Args:
            row: row of the frame table.
            image: uint8 RGB (H, W, 3), of the source's size; None for a plain background.

        Returns:
            uint8 RGB of ``size``, a new array.
        """
        if image is None or self._settings.skeleton_only:
            canvas = np.empty((*self.size, 3), np.uint8)
            canvas[:] = PLAIN_BACKGROUND
        elif image.shape[:2] != self.size:
            canvas = cv2.resize(image, self.size[::-1], interpolation=cv2.INTER_AREA)
        else:
            canvas = np.array(image, order="C")
        if row in self._heads:
            blur_heads(canvas, self._heads[row])
        shown = self._people[row]
        if self._settings.trails > 0:
            self._draw_trails(canvas, row)
        return draw_people(
            canvas, shown.keypoints, shown.scores, self._sequence.skeleton, shown.ids, self._settings.style, self._names
        )  # fmt: skip

    def _draw_trails(self, canvas: np.ndarray, row: int) -> None:
        now = self._sequence.frame_time[row]
        for m in self._recent(row):
            track = self._sequence[m]
            last = int(np.searchsorted(track.frame, row, side="right"))
            first = int(np.searchsorted(track.times, now - self._settings.trails))
            boxes = self._body_boxes(track, first, last)
            if len(boxes) < 2:
                continue
            feet = np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]], 1)
            size = person_size(boxes[-1].reshape(2, 2))
            draw_trail(
                canvas, feet, now - track.times[first:last], self._settings.trails,
                track_color(track.id), limb_width(size, self._settings.style),
            )  # fmt: skip

    def _body_boxes(self, track: Track, first: int, last: int) -> np.ndarray:
        """Return a track's boxes, float (K, 4); around the body where hands or a face would move them."""
        boxes = track.boxes[first:last]
        if set(self._sequence.skeleton.parts) == {BODY}:
            return boxes
        body = joints_boxes(track.keypoints[first:last, body_joints(self._sequence.skeleton)])
        return np.where(np.isfinite(body), body, boxes)

    def _recent(self, row: int) -> list[int]:
        """Return the tracks with a row within the time of a trail."""
        times, start = self._sequence.frame_time, self._sequence.track_start
        first = int(np.searchsorted(times, times[row] - self._settings.trails))
        return [
            m
            for m in range(len(self._sequence))
            if self._sequence.frame[start[m]] <= row and self._sequence.frame[start[m + 1] - 1] >= first
        ]


def _scaled(sequence: SkeletonSequence, scale: float) -> SkeletonSequence:
    """Scale a sequence to a resized image, where pixel centres are whole numbers in both images."""
    return replace(
        sequence,
        keypoints=(sequence.keypoints + 0.5) * scale - 0.5,
        boxes=(sequence.boxes + 0.5) * scale - 0.5,
        raw=None,
    )


def _heads_by_frame(sequence: SkeletonSequence) -> dict[int, np.ndarray]:
    """Return the heads to blur, (P, 3), by row of the frame table."""
    gathered: dict[int, list[np.ndarray]] = {}
    for track in sequence:
        circles = head_circles(track.keypoints, track.boxes, sequence.skeleton)
        frames, circles = bridge_gaps(sequence.frame_time, track.frame, circles, _BRIDGED, _HELD)
        for frame, circle in zip(frames.tolist(), circles, strict=True):
            gathered.setdefault(frame, []).append(circle)
    return {frame: np.array(circles) for frame, circles in gathered.items()}
