"""Encoding of a frame and its people as an image for a terminal, with the best graphics that it supports."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from skelstream.drawing.colors import PLAIN_BACKGROUND, text_on, track_color
from skelstream.drawing.skeletons import Style, draw_people
from skelstream.pipeline import AnalysedFrame
from skelstream.preview.terminal import Abilities
from skelstream.preview.terminal_blocks import HalfBlocks, Label
from skelstream.preview.terminal_graphics import kitty, kitty_clear, sixel
from skelstream.skeleton import Skeleton
from skelstream.tracking.tracked import TrackedPeople

GRAPHICS = ("auto", "kitty", "sixel", "blocks", "blocks256")
_DARKENED = 0.45
_CELL = (8, 16)  # default size of a cell in pixels; only the aspect ratio matters
_LARGEST = 720  # longer side of pixel images: more would not keep up with a camera
_FINER = 4  # drawn pixels per side of a shown one for blocks: otherwise thin limbs have gaps
_BLOCK_STYLE = Style(thickness=0.03, thinnest=5, thickest=12, labels=False)
_PIXEL_STYLE = Style(thickness=0.02, thinnest=2, label_height=16)


@dataclass(frozen=True)
class CellArea:
    """Rectangle of cells on the screen; row and column are counted from 0 at the upper left."""

    row: int
    column: int
    rows: int
    columns: int


def choose_graphics(asked: str, abilities: Abilities) -> str:
    """Return one of ``GRAPHICS``: the requested one, or for ``auto`` the best that the terminal supports.

    Sixels have a fixed size in pixels: a terminal with an unknown cell size gets blocks.
    """
    if asked != "auto":
        return asked
    if abilities.kitty:
        return "kitty"
    if abilities.sixel and abilities.cell:
        return "sixel"
    return "blocks" if abilities.truecolor else "blocks256"


def cell_pixels(abilities: Abilities) -> tuple[int, int]:
    """Return width and height of a cell in pixels; 8 x 16 if unknown."""
    return abilities.cell or _CELL


class TerminalImage:
    """Encoder of successive frames in one area of the screen.

    Args:
        place: area to fill.
        graphics: ``kitty``, ``sixel``, ``blocks`` or ``blocks256``.
        cell: width and height of a cell in pixels.
        source: height and width of the frames in pixels.
        skeleton: joint set of the people.
    """

    def __init__(
        self,
        place: CellArea,
        graphics: str,
        cell: tuple[int, int],
        source: tuple[int, int],
        skeleton: Skeleton,
    ) -> None:
        self._place, self._graphics, self._source, self._skeleton = place, graphics, source, skeleton
        self._blocks = HalfBlocks(place.row, place.column, graphics == "blocks")
        width, height = place.columns * cell[0], place.rows * cell[1]
        shrunk = min(1.0, _LARGEST / max(width, height))
        if graphics == "kitty":  # kitty stretches images
            self._size = max(1, round(width * shrunk)), max(1, round(height * shrunk))
        elif graphics == "sixel":
            self._place = _shrunk(place, shrunk)
            self._size = self._place.columns * cell[0], self._place.rows * cell[1]
        else:
            self._size = place.columns * _FINER, place.rows * 2 * _FINER

    def encode(self, analysed: AnalysedFrame, skeletons_only: bool) -> bytes:
        """Return the bytes that show a frame with the people of confirmed tracks."""
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
        """Return the bytes that remove the image before the layout changes."""
        return kitty_clear() if self._graphics == "kitty" else b""

    def _drawn(self, analysed: AnalysedFrame, skeletons_only: bool, style: Style) -> np.ndarray:
        image = analysed.frame.image
        if image is None or skeletons_only:
            canvas = np.empty((*self._size[::-1], 3), np.uint8)
            canvas[:] = PLAIN_BACKGROUND
        else:
            small = cv2.resize(image, self._size, interpolation=cv2.INTER_AREA)
            canvas = cv2.convertScaleAbs(small, alpha=_DARKENED)
        shown = _confirmed(analysed)
        points = self._scaled(shown.people.keypoints, self._size)
        return draw_people(canvas, points, shown.people.scores, self._skeleton, shown.track_ids, style)

    def _labels(self, analysed: AnalysedFrame) -> list[Label]:
        """Return a label with the track id above each person's head."""
        shown = _confirmed(analysed)
        points = self._scaled(shown.people.keypoints, (self._place.columns, self._place.rows))
        labels = []
        for track, person in zip(shown.track_ids.tolist(), points, strict=True):
            present = person[np.isfinite(person[:, 0])]
            if len(present):
                text, color = f" {track} ", track_color(track)
                column = round(float(present[:, 0].mean()) - len(text) / 2)
                column = min(max(0, column), max(0, self._place.columns - len(text)))
                row = max(0, round(float(present[:, 1].min())) - 2)
                labels.append(Label(row, column, text, text_on(color), color))
        return labels

    def _scaled(self, points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Scale points from source pixels to those of an image of ``size`` (width, height)."""
        height, width = self._source
        return (points + 0.5) * np.array([size[0] / width, size[1] / height], np.float32) - 0.5


def _shrunk(place: CellArea, share: float) -> CellArea:
    """Return an area shrunk by a factor around its middle."""
    rows, columns = max(1, int(place.rows * share)), max(1, int(place.columns * share))
    return CellArea(
        place.row + (place.rows - rows) // 2, place.column + (place.columns - columns) // 2, rows, columns
    )


def snapshot(
    analysed: AnalysedFrame, skeleton: Skeleton, source: tuple[int, int], skeletons_only: bool
) -> np.ndarray:
    """Return a frame with its people at the size of the source (height, width), uint8 RGB."""
    image = analysed.frame.image
    if image is None or skeletons_only:
        image = np.empty((*source, 3), np.uint8)
        image[:] = PLAIN_BACKGROUND
    shown = _confirmed(analysed)
    return draw_people(image, shown.people.keypoints, shown.people.scores, skeleton, shown.track_ids)


def _confirmed(analysed: AnalysedFrame) -> TrackedPeople:
    """Return the people of confirmed tracks, which are the ones in results."""
    return analysed.tracked.take(analysed.tracked.confirmed)
