"""One frame after another with everything that can be drawn on it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from skelstream.drawing.by_frame import ByFrame, image_size
from skelstream.drawing.colors import STAGE, track_color
from skelstream.drawing.faces import blur_heads, bridged, head_circles
from skelstream.drawing.skeletons import Style, draw_people, limb_width, person_size
from skelstream.drawing.trails import draw_trail
from skelstream.sequences import SkeletonSequence

_BRIDGED = 1.0  # seconds for which a lost person's head stays blurred, on its way to where it is seen again
_HELD = 0.3  # seconds of blur before a person is first seen and after it is last seen


@dataclass(frozen=True)
class Look:
    """What is drawn.

    Attributes:
        style: of the skeletons.
        trails: seconds of the path behind each person; 0 draws none.
        blur_faces: blur people's heads; see ``faces``.
        skeleton_only: a plain ground in the place of the image.
    """

    style: Style = field(default_factory=Style)
    trails: float = 0.0
    blur_faces: bool = False
    skeleton_only: bool = False


class Overlay:
    """Draws the frames of one sequence.

    Args:
        sequence: the skeletons.
        look: what is drawn.
        scale: size of the images drawn by that of the source's.
    """

    def __init__(self, sequence: SkeletonSequence, look: Look | None = None, scale: float = 1.0) -> None:
        height, width = image_size(sequence)
        self.size = max(1, round(height * scale)), max(1, round(width * scale))
        if scale != 1:
            sequence = _scaled(sequence, scale)
        self._sequence = sequence
        self._look = look or Look()
        look = self._look
        self._people = ByFrame(sequence)
        self._heads = _heads_by_frame(sequence) if look.blur_faces and not look.skeleton_only else {}

    @property
    def people(self) -> ByFrame:
        """The people of each frame, at the scale of the images drawn."""
        return self._people

    def draw(self, row: int, image: np.ndarray | None) -> np.ndarray:
        """The image of a row of the frame table with its people.

        Args:
            row: of the frame table.
            image: uint8 RGB (H, W, 3), of the source's size; None, or ``skeleton_only``, draws on a plain
                ground.

        Returns:
            uint8 RGB of ``size``, a new array.
        """
        if image is None or self._look.skeleton_only:
            canvas = np.empty((*self.size, 3), np.uint8)
            canvas[:] = STAGE
        elif image.shape[:2] != self.size:
            canvas = cv2.resize(image, self.size[::-1], interpolation=cv2.INTER_AREA)
        else:
            canvas = np.array(image, order="C")
        if row in self._heads:
            blur_heads(canvas, self._heads[row])
        shown = self._people[row]
        if self._look.trails > 0:
            self._draw_trails(canvas, row)
        return draw_people(
            canvas, shown.keypoints, shown.scores, self._sequence.skeleton, shown.ids, self._look.style
        )

    def _draw_trails(self, canvas: np.ndarray, row: int) -> None:
        now = self._sequence.frame_time[row]
        for m in self._recent(row):
            track = self._sequence[m]
            last = int(np.searchsorted(track.frame, row, side="right"))
            first = int(np.searchsorted(track.times, now - self._look.trails))
            boxes = track.boxes[first:last]
            if len(boxes) < 2:
                continue
            feet = np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]], 1)
            size = person_size(boxes[-1].reshape(2, 2))
            draw_trail(
                canvas, feet, now - track.times[first:last], self._look.trails,
                track_color(track.id), limb_width(size, self._look.style),
            )  # fmt: skip

    def _recent(self, row: int) -> list[int]:
        """Tracks seen within the time of a trail."""
        times, start = self._sequence.frame_time, self._sequence.track_start
        first = int(np.searchsorted(times, times[row] - self._look.trails))
        return [
            m
            for m in range(len(self._sequence))
            if self._sequence.frame[start[m]] <= row and self._sequence.frame[start[m + 1] - 1] >= first
        ]


def _scaled(sequence: SkeletonSequence, scale: float) -> SkeletonSequence:
    """The sequence in the pixels of a resized image, pixel centres being whole numbers in both."""
    return replace(
        sequence,
        keypoints=(sequence.keypoints + 0.5) * scale - 0.5,
        boxes=(sequence.boxes + 0.5) * scale - 0.5,
        raw=None,
    )


def _heads_by_frame(sequence: SkeletonSequence) -> dict[int, np.ndarray]:
    """Rows of the frame table to the heads to blur there, (P, 3)."""
    gathered: dict[int, list[np.ndarray]] = {}
    for track in sequence:
        circles = head_circles(track.keypoints, track.boxes, sequence.skeleton)
        frames, circles = bridged(sequence.frame_time, track.frame, circles, _BRIDGED, _HELD)
        for frame, circle in zip(frames.tolist(), circles, strict=True):
            gathered.setdefault(frame, []).append(circle)
    return {frame: np.array(circles) for frame, circles in gathered.items()}
