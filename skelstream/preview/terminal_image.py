"""A frame and its people as an image for a terminal, in whatever way the terminal shows images."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from skelstream.drawing.colors import STAGE, text_on, track_color
from skelstream.drawing.skeletons import Style, draw_people
from skelstream.pipeline import AnalysedFrame
from skelstream.preview.terminal import Abilities
from skelstream.preview.terminal_blocks import HalfBlocks, Label
from skelstream.preview.terminal_graphics import kitty, kitty_clear, sixel
from skelstream.skeleton import Skeleton
from skelstream.tracking.tracked import TrackedPeople

GRAPHICS = ("auto", "kitty", "sixel", "blocks", "blocks256")
_DARKENED = 0.45
_CELL = (8, 16)  # pixels, where the terminal does not tell: only the proportion matters
_LARGEST = 720  # pixels, the longer side of images in pixels: more would not keep up with a camera
_FINER = 4  # pixels drawn for each that blocks show: without them, thin limbs break up
_BLOCK_STYLE = Style(thickness=0.03, thinnest=5, thickest=12, labels=False)
_PIXEL_STYLE = Style(thickness=0.02, thinnest=2, label_height=16)


@dataclass(frozen=True)
class Place:
    """Cells of the screen, from its upper left, counted from 0."""

    row: int
    column: int
    rows: int
    columns: int


def choose_graphics(asked: str, abilities: Abilities) -> str:
    """One of ``GRAPHICS`` but ``auto``, which is the best that the terminal says it has.

    Sixels have the size of their pixels: a terminal which does not tell the size of its cells gets blocks.
    """
    if asked != "auto":
        return asked
    if abilities.kitty:
        return "kitty"
    if abilities.sixel and abilities.cell:
        return "sixel"
    return "blocks" if abilities.truecolor else "blocks256"


def cell_pixels(abilities: Abilities) -> tuple[int, int]:
    """Width and height of a cell, or something of the usual proportion."""
    return abilities.cell or _CELL


class TerminalImage:
    """Shows one frame after another in one place.

    Args:
        place: what it fills.
        graphics: ``kitty``, ``sixel``, ``blocks`` or ``blocks256``.
        cell: pixels of a cell.
        source: height and width of the frames, pixels.
        skeleton: the people's joints.
    """

    def __init__(
        self, place: Place, graphics: str, cell: tuple[int, int], source: tuple[int, int], skeleton: Skeleton
    ) -> None:
        self._place, self._graphics, self._source, self._skeleton = place, graphics, source, skeleton
        self._blocks = HalfBlocks(place.row, place.column, graphics == "blocks")
        width, height = place.columns * cell[0], place.rows * cell[1]
        shrunk = min(1.0, _LARGEST / max(width, height))
        if graphics == "kitty":  # which stretches what it gets
            self._size = max(1, round(width * shrunk)), max(1, round(height * shrunk))
        elif graphics == "sixel":
            self._place = _shrunk(place, shrunk)
            self._size = self._place.columns * cell[0], self._place.rows * cell[1]
        else:
            self._size = place.columns * _FINER, place.rows * 2 * _FINER

    def encode(self, analysed: AnalysedFrame, skeletons_only: bool) -> bytes:
        """What to send to show a frame with those of its people whose tracks are confirmed."""
        at = b"\x1b[%d;%dH" % (self._place.row + 1, self._place.column + 1)
        if self._graphics == "kitty":
            return at + kitty(
                self._drawn(analysed, skeletons_only, _PIXEL_STYLE), self._place.columns, self._place.rows
            )
        if self._graphics == "sixel":
            return at + sixel(self._drawn(analysed, skeletons_only, _PIXEL_STYLE))
        drawn = self._drawn(analysed, skeletons_only, _BLOCK_STYLE)
        small = cv2.resize(drawn, (self._place.columns, 2 * self._place.rows), interpolation=cv2.INTER_AREA)
        return self._blocks.encode(small, self._labels(analysed))

    def clear(self) -> bytes:
        """What to send before the screen is laid out anew."""
        return kitty_clear() if self._graphics == "kitty" else b""

    def _drawn(self, analysed: AnalysedFrame, skeletons_only: bool, style: Style) -> np.ndarray:
        image = analysed.frame.image
        if image is None or skeletons_only:
            canvas = np.empty((*self._size[::-1], 3), np.uint8)
            canvas[:] = STAGE
        else:
            small = cv2.resize(image, self._size, interpolation=cv2.INTER_AREA)
            canvas = cv2.convertScaleAbs(small, alpha=_DARKENED)
        shown = _confirmed(analysed)
        points = self._scaled(shown.people.keypoints, self._size)
        return draw_people(canvas, points, shown.people.scores, self._skeleton, shown.track_ids, style)

    def _labels(self, analysed: AnalysedFrame) -> list[Label]:
        """The number of each track over its person's head."""
        shown = _confirmed(analysed)
        points = self._scaled(shown.people.keypoints, (self._place.columns, self._place.rows))
        labels = []
        for track, person in zip(shown.track_ids.tolist(), points, strict=True):
            seen = person[np.isfinite(person[:, 0])]
            if len(seen):
                text, color = f" {track} ", track_color(track)
                column = round(float(seen[:, 0].mean()) - len(text) / 2)
                column = min(max(0, column), max(0, self._place.columns - len(text)))
                row = max(0, round(float(seen[:, 1].min())) - 2)
                labels.append(Label(row, column, text, text_on(color), color))
        return labels

    def _scaled(self, points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Source pixels in those of an image of ``size`` (width, height)."""
        height, width = self._source
        return (points + 0.5) * np.array([size[0] / width, size[1] / height], np.float32) - 0.5


def _shrunk(place: Place, share: float) -> Place:
    """A part of a place, in its middle."""
    rows, columns = max(1, int(place.rows * share)), max(1, int(place.columns * share))
    return Place(
        place.row + (place.rows - rows) // 2, place.column + (place.columns - columns) // 2, rows, columns
    )


def snapshot(
    analysed: AnalysedFrame, skeleton: Skeleton, source: tuple[int, int], skeletons_only: bool
) -> np.ndarray:
    """The frame with its people in the size of the source (height, width), uint8 RGB."""
    image = analysed.frame.image
    if image is None or skeletons_only:
        image = np.empty((*source, 3), np.uint8)
        image[:] = STAGE
    shown = _confirmed(analysed)
    return draw_people(image, shown.people.keypoints, shown.people.scores, skeleton, shown.track_ids)


def _confirmed(analysed: AnalysedFrame) -> TrackedPeople:
    """The people that results would have: tracks that are never confirmed are left out."""
    return analysed.tracked.take(analysed.tracked.confirmed)
