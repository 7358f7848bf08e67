"""Contact sheets: a few frames of a video with their skeletons, side by side in one image."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from skelstream.drawing.by_frame import ByFrame, image_size, open_video, video_times
from skelstream.drawing.overlay import Look, Overlay
from skelstream.errors import SourceError
from skelstream.files.atomic import replacing
from skelstream.sequences import SkeletonSequence

GROUND = (20, 20, 23)
_TEXT = (235, 235, 235)
_GAP = 8
_STRIP = 26  # pixels of the line of text above each image
_SHAPE = 1.6  # width by height that a sheet should come near
_TILE = 800  # pixels: wider images are made smaller before they are drawn on
_LABEL = 0.06  # height of an id by that of the image: images on a sheet are small
_CLOSE = 1e-3  # seconds: less than between any two frames
_READ_ON = 3.0  # seconds
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def contact_sheet(
    tiles: Iterable[tuple[str, np.ndarray]], columns: int | None = None, width: int = 1600
) -> np.ndarray:
    """Images of any sizes in a grid, each under its label.

    Args:
        tiles: label (ASCII) and uint8 RGB (H, W, 3) image; at least one.
        columns: images in a row; None chooses for a sheet rather wider than high.
        width: of the sheet, pixels.

    Returns:
        uint8 RGB (h, width, 3).

    Raises:
        ValueError: no tiles, or too narrow a sheet.
    """
    tiles = list(tiles)
    if not tiles:
        raise ValueError("a contact sheet needs at least one image")
    columns = min(columns or _columns(tiles), len(tiles))
    tile_width = (width - _GAP * (columns + 1)) // columns
    if tile_width < 16:
        raise ValueError(f"{columns} columns do not fit into {width} pixels")
    tallest = max(image.shape[0] / image.shape[1] for _, image in tiles)
    tile_height = max(1, round(tile_width * min(tallest, 2.5)))
    rows = math.ceil(len(tiles) / columns)
    sheet = np.empty((rows * (tile_height + _STRIP + _GAP) + _GAP, width, 3), np.uint8)
    sheet[:] = GROUND
    for i, (label, image) in enumerate(tiles):
        x = _GAP + i % columns * (tile_width + _GAP)
        y = _GAP + i // columns * (tile_height + _STRIP + _GAP)
        _write(sheet[y : y + _STRIP, x : x + tile_width], label)
        scale = min(tile_width / image.shape[1], tile_height / image.shape[0])
        size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
        top, left = y + _STRIP + (tile_height - size[1]) // 2, x + (tile_width - size[0]) // 2
        sheet[top : top + size[1], left : left + size[0]] = small
    return sheet


def sequence_sheet(
    sequence: SkeletonSequence,
    source: str | Path | None = None,
    count: int = 12,
    columns: int | None = None,
    width: int = 1600,
    look: Look | None = None,
) -> np.ndarray:
    """A contact sheet of a sequence: skeletons drawn on frames of its video.

    Args:
        sequence: the skeletons.
        source: the video that they come from; None draws them on a plain ground.
        count: at most so many frames, spread evenly over the time in which there are people.
        columns, width: see ``contact_sheet``.
        look: what is drawn.

    Returns:
        uint8 RGB (h, width, 3).

    Raises:
        SourceError: the video cannot be opened, or has none of the frames.
    """
    rows = choose_rows(sequence, count)
    scale = min(1.0, _TILE / image_size(sequence)[1])
    look = look or Look()
    if look.style.label_height is None:
        height = round(_LABEL * image_size(sequence)[0] * scale)
        look = replace(look, style=replace(look.style, label_height=max(14, height)))
    overlay = Overlay(sequence, look, scale)
    images = ((row, None) for row in rows) if source is None else _decoded(sequence, source, rows)
    tiles = [
        (moment_label(sequence.frame_time[row], int(overlay.people.counts[row])), overlay.draw(row, image))
        for row, image in images
    ]
    if not tiles:
        raise SourceError(f"{source}: none of the frames of the skeletons are in it; is it the same video?")
    return contact_sheet(tiles, columns, width)


def write_png(path: Path, image: np.ndarray) -> None:
    """Writes an image, uint8 RGB (H, W, 3), so that the file is whole or not there at all.

    Raises:
        OutputError: the file cannot be written.
    """
    encoded = cv2.imencode(".png", np.ascontiguousarray(image[..., ::-1]))[1]
    with replacing(path) as temporary:
        temporary.write_bytes(encoded.tobytes())


def choose_rows(sequence: SkeletonSequence, count: int) -> list[int]:
    """At most ``count`` rows of the frame table, spread evenly over the time in which there are people.

    A sequence without people gives rows spread over all of its decoded frames.
    """
    candidates = np.flatnonzero(sequence.frame_ok & (ByFrame(sequence).counts > 0))
    if not len(candidates):
        candidates = np.flatnonzero(sequence.frame_ok)
    if not len(candidates):
        return []
    times = sequence.frame_time
    steps = np.diff(times)
    typical = float(np.median(steps)) if len(steps) else 1.0
    lengths = np.append(steps, typical)[candidates]
    ends = np.cumsum(np.maximum(lengths, 0))
    if ends[-1] <= 0:
        ends = np.arange(1, len(candidates) + 1)
    wanted = (np.arange(count) + 0.5) / count * ends[-1]
    picks = np.minimum(np.searchsorted(ends, wanted), len(candidates) - 1)
    return np.unique(candidates[picks]).tolist()


def moment_label(time: float, people: int) -> str:
    """``"1:02.50  2 people"``."""
    minutes, seconds = divmod(round(time, 2), 60)
    hours, minutes = divmod(int(minutes), 60)
    clock = f"{hours}:{minutes:02d}:{seconds:05.2f}" if hours else f"{minutes}:{seconds:05.2f}"
    return f"{clock}  {people} {'person' if people == 1 else 'people'}"


def _columns(tiles: list[tuple[str, np.ndarray]]) -> int:
    """Columns of a sheet rather wider than high, rather without a ragged last row."""
    aspect = float(np.median([image.shape[1] / image.shape[0] for _, image in tiles]))
    best = max(1, round(math.sqrt(len(tiles) * _SHAPE / aspect)))
    near = [columns for columns in (best, best + 1, best - 1) if columns > 0 and len(tiles) % columns == 0]
    return near[0] if near else best


def _decoded(
    sequence: SkeletonSequence, source: str | Path, rows: list[int]
) -> Iterator[tuple[int, np.ndarray]]:
    times = video_times(sequence)
    for near in _groups(sequence, rows):
        wanted = {int(sequence.frame_index[row]): row for row in near}
        start, end = times[near[0]] - _CLOSE, times[near[-1]] + _CLOSE
        with open_video(sequence, source, max(0.0, float(start)), float(end)) as frames:
            for frame in frames:
                row = wanted.get(frame.index)
                if row is not None and frame.image is not None:
                    yield row, frame.image


def _groups(sequence: SkeletonSequence, rows: list[int]) -> list[list[int]]:
    """Rows that lie so close together that reading on is quicker than seeking."""
    groups: list[list[int]] = []
    for row in rows:
        if groups and sequence.frame_time[row] - sequence.frame_time[groups[-1][-1]] < _READ_ON:
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def _write(strip: np.ndarray, text: str) -> None:
    """Writes ``text`` into a strip of the sheet, smaller if it is too long."""
    scale = 0.5
    while scale > 0.25 and cv2.getTextSize(text, _FONT, scale, 1)[0][0] > strip.shape[1]:
        scale -= 0.05
    line = np.ascontiguousarray(strip)
    cv2.putText(line, text, (1, strip.shape[0] - 9), _FONT, scale, _TEXT, 1, cv2.LINE_AA)
    strip[:] = line
