"""Contact sheets: a few frames of a video with their skeletons in one image."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from skelstream.drawing.by_frame import PeopleByFrame, image_size, open_video, video_times, with_size_of
from skelstream.drawing.overlay import Overlay, OverlaySettings
from skelstream.errors import SourceError
from skelstream.files.atomic import replacing
from skelstream.sequences import SkeletonSequence

BACKGROUND = (20, 20, 23)
_TEXT = (235, 235, 235)
_GAP = 8
_STRIP = 26  # height in pixels of the text above each image
_ASPECT = 1.6  # preferred width of a sheet divided by its height
_TILE = 800  # width in pixels to which wider images are scaled before drawing
_LABEL = 0.06  # height of an id divided by the height of the image; images on a sheet are small
_CLOSE = 1e-3  # seconds, less than any frame interval
_READ_ON = 3.0  # gap in seconds up to which reading on is quicker than seeking
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def contact_sheet(
    tiles: Iterable[tuple[str, np.ndarray]], columns: int | None = None, width: int = 1600
) -> np.ndarray:
    """Arrange images of any sizes in a grid, each under its label.

    Args:
        tiles: label (ASCII) and uint8 RGB (H, W, 3) image of each tile; at least one.
        columns: number of images per row; None for a sheet somewhat wider than high.
        width: width of the sheet in pixels.

    Returns:
        uint8 RGB (h, width, 3).

    Raises:
        ValueError: there are no tiles, or the sheet is too narrow.
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
    sheet[:] = BACKGROUND
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
    settings: OverlaySettings | None = None,
) -> np.ndarray:
    """Draw a contact sheet of a sequence: skeletons on frames of its video.

    Args:
        sequence: the sequence.
        source: video of the sequence; None to draw on a plain background.
        count: greatest number of frames, spread evenly over the time with people.
        columns, width: number of columns and width in pixels, as for ``contact_sheet``.
        settings: settings of the drawing; None for the defaults.

    Returns:
        uint8 RGB (h, width, 3).

    Raises:
        SourceError: the video cannot be opened, or has none of the frames.
    """
    if source is not None:
        sequence = with_size_of(sequence, source)
    rows = choose_rows(sequence, count)
    scale = min(1.0, _TILE / image_size(sequence)[1])
    settings = settings or OverlaySettings()
    if settings.style.label_height is None:
        height = round(_LABEL * image_size(sequence)[0] * scale)
        settings = replace(settings, style=replace(settings.style, label_height=max(14, height)))
    overlay = Overlay(sequence, settings, scale)
    images = ((row, None) for row in rows) if source is None else _decoded(sequence, source, rows)
    tiles = [
        (moment_label(sequence.frame_time[row], int(overlay.people.counts[row])), overlay.draw(row, image))
        for row, image in images
    ]
    if not tiles:
        raise SourceError(f"{source}: it has none of the skeletons' frames; give the skeletons' own video")
    return contact_sheet(tiles, columns, width)


def write_png(path: Path, image: np.ndarray) -> None:
    """Write an image, uint8 RGB (H, W, 3), as PNG, atomically.

    Raises:
        OutputError: the file cannot be written.
    """
    encoded = cv2.imencode(".png", np.ascontiguousarray(image[..., ::-1]))[1]
    with replacing(path) as temporary:
        temporary.write_bytes(encoded.tobytes())


def choose_rows(sequence: SkeletonSequence, count: int) -> list[int]:
    """Return at most ``count`` rows of the frame table, spread evenly over the time with people.

    For a sequence without people they are spread over all of its decoded frames.
    """
    candidates = np.flatnonzero(sequence.frame_ok & (PeopleByFrame(sequence).counts > 0))
    if not len(candidates):
        candidates = np.flatnonzero(sequence.frame_ok)
    if not len(candidates):
        return []
    times = sequence.frame_time
    intervals = np.diff(times)
    typical = float(np.median(intervals)) if len(intervals) else 1.0
    lengths = np.append(intervals, typical)[candidates]
    ends = np.cumsum(np.maximum(lengths, 0))
    if ends[-1] <= 0:
        ends = np.arange(1, len(candidates) + 1)
    wanted = (np.arange(count) + 0.5) / count * ends[-1]
    picks = np.minimum(np.searchsorted(ends, wanted), len(candidates) - 1)
    return np.unique(candidates[picks]).tolist()


def moment_label(time: float, people: int) -> str:
    """Return a label such as ``"1:02.50  2 people"``."""
    minutes, seconds = divmod(round(time, 2), 60)
    hours, minutes = divmod(int(minutes), 60)
    clock = f"{hours}:{minutes:02d}:{seconds:05.2f}" if hours else f"{minutes}:{seconds:05.2f}"
    return f"{clock}  {people} {'person' if people == 1 else 'people'}"


def _columns(tiles: list[tuple[str, np.ndarray]]) -> int:
    """Return a number of columns for a sheet somewhat wider than high, with a full last row if possible."""
    aspect = float(np.median([image.shape[1] / image.shape[0] for _, image in tiles]))
    best = max(1, round(math.sqrt(len(tiles) * _ASPECT / aspect)))
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
    """Group rows that are so close together that reading on is quicker than seeking."""
    groups: list[list[int]] = []
    for row in rows:
        if groups and sequence.frame_time[row] - sequence.frame_time[groups[-1][-1]] < _READ_ON:
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def _write(strip: np.ndarray, text: str) -> None:
    """Write ``text`` into a strip of the sheet, smaller if it is too long."""
    scale = 0.5
    while scale > 0.25 and cv2.getTextSize(text, _FONT, scale, 1)[0][0] > strip.shape[1]:
        scale -= 0.05
    line = np.ascontiguousarray(strip)
    cv2.putText(line, text, (1, strip.shape[0] - 9), _FONT, scale, _TEXT, 1, cv2.LINE_AA)
    strip[:] = line
