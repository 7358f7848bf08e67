"""Figures of a run over time: CSV files that grow row by row, and an image of curves."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from skelstream.errors import OutputError
from skelstream.files.atomic import replacing

SAMPLES = "samples"
"""Name of the first column: number of samples seen."""

_WIDTH, _HEIGHT = 900, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 16, 30, 28
_INK, _GRID, _GROUND = (40, 40, 40), (222, 222, 222), (255, 255, 255)
_COLORS = ((31, 119, 180), (214, 92, 39), (44, 140, 60), (148, 80, 170))
_FONT = cv2.FONT_HERSHEY_SIMPLEX


class CsvTable:
    """A CSV file of numbers that grows row by row.

    Args:
        path: the file; an existing file is continued.
        columns: names of the columns after the first one, ``samples``.
        upto: number of samples; later rows are dropped, because a resumed run adds them again.

    Attributes:
        rows: all rows, by column; NaN where a row has no figure.

    Raises:
        OutputError: the file cannot be written.
    """

    def __init__(self, path: Path, columns: Sequence[str], upto: int):
        self.path, self.columns = path, (SAMPLES, *columns)
        self.rows: list[dict[str, float]] = []
        if path.exists():
            with path.open(newline="") as file:
                rows = [_numbers(row, self.columns) for row in csv.DictReader(file)]
            self.rows = [row for row in rows if row[SAMPLES] <= upto]
        with replacing(path) as partial, partial.open("w", newline="") as file:
            csv.writer(file).writerows([self.columns, *(self._cells(row) for row in self.rows)])

    def add(self, row: dict[str, float]) -> None:
        """Append a row to the file.

        Raises:
            OutputError: the file cannot be written.
        """
        row = {name: float(row.get(name, math.nan)) for name in self.columns}
        self.rows.append(row)
        try:
            with self.path.open("a", newline="") as file:
                csv.writer(file).writerow(self._cells(row))
        except OSError as error:
            raise OutputError(f"cannot write {self.path}: {error.strerror}") from None

    def column(self, name: str) -> tuple[list[float], list[float]]:
        """Return samples and values of the rows that have this figure."""
        rows = [row for row in self.rows if not math.isnan(row[name])]
        return [row[SAMPLES] for row in rows], [row[name] for row in rows]

    def _cells(self, row: dict[str, float]) -> list[str]:
        return ["" if math.isnan(row[name]) else f"{row[name]:.6g}" if name != SAMPLES else f"{row[name]:.0f}"
                for name in self.columns]  # fmt: skip


def _numbers(row: dict[str, str | None], columns: Sequence[str]) -> dict[str, float]:
    """Return a row's figures; an incomplete row gets an infinite number of samples, so that it is dropped."""
    try:
        figures = {name: float(row.get(name) or math.nan) for name in columns}
    except ValueError:
        return {SAMPLES: math.inf}
    return figures if None not in row.values() and not math.isnan(figures[SAMPLES]) else {SAMPLES: math.inf}


def plot(panels: Sequence[tuple[str, dict[str, tuple[list[float], list[float]]]]], total: int) -> np.ndarray:
    """Draw curves over samples, one panel above the other.

    Args:
        panels: titles, and x and y values by the curve's name.
        total: number of samples at the right end.

    Returns:
        uint8 RGB (H, W, 3).
    """
    canvas = np.full((_HEIGHT * len(panels), _WIDTH, 3), _GROUND, np.uint8)
    for i, (title, curves) in enumerate(panels):
        _panel(canvas[i * _HEIGHT : (i + 1) * _HEIGHT], title, curves, total)
    return canvas


def _panel(
    canvas: np.ndarray, title: str, curves: dict[str, tuple[list[float], list[float]]], total: int
) -> None:
    """Draw one panel into its part of the canvas."""
    width, height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    values = [v for _, y in curves.values() for v in y]
    ticks = _ticks(min(values, default=0), max(values, default=1))
    low, high = ticks[0], ticks[-1]

    def place(x: float, y: float) -> tuple[int, int]:
        return round(_LEFT + x / total * width), round(_TOP + (high - y) / (high - low) * height)

    for tick in ticks:
        (_, y) = place(0, tick)
        cv2.line(canvas, (_LEFT, y), (_LEFT + width, y), _GRID)
        _write(canvas, f"{tick:g}", (_LEFT - 8, y + 4), right=True)
    for tick in (t for t in _ticks(0, total) if t <= total):
        x, y = place(tick, low)
        cv2.line(canvas, (x, _TOP), (x, y), _GRID)
        _write(canvas, f"{tick / 1000:g}k" if tick >= 1000 else f"{tick:g}", (x + 12, y + 18), right=True)
    for k, (name, (xs, ys)) in enumerate(curves.items()):
        color = _COLORS[k % len(_COLORS)]
        points = np.array([place(x, y) for x, y in zip(xs, ys, strict=True)], np.int32).reshape(-1, 1, 2)
        cv2.polylines(canvas, [points], False, color, 2, cv2.LINE_AA)
        for (point,) in points if len(points) <= 30 else points[-1:]:
            cv2.circle(canvas, tuple(map(int, point)), 3, color, cv2.FILLED, cv2.LINE_AA)
        last = f"{name} {ys[-1]:.4g}" if ys else name
        _write(canvas, last, (_WIDTH - _RIGHT - 170 * k, 20), color, right=True)
    _write(canvas, title, (_LEFT, 20))


def _ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Return round numbers from at most ``low`` to at least ``high``."""
    span = high - low if high > low else max(abs(high), 1e-9)
    step = 10.0 ** math.floor(math.log10(span / about))
    step *= next(f for f in (1, 2, 5, 10) if span / (f * step) <= about + 1)
    first = math.floor(low / step + 1e-9)
    count = max(1, math.ceil(high / step - 1e-9) - first)
    return [round((first + i) * step, 12) for i in range(count + 1)]


def _write(
    canvas: np.ndarray,
    text: str,
    at: tuple[int, int],
    color: tuple[int, int, int] = _INK,
    right: bool = False,
) -> None:
    x = at[0] - cv2.getTextSize(text, _FONT, 0.45, 1)[0][0] if right else at[0]
    cv2.putText(canvas, text, (x, at[1]), _FONT, 0.45, color, 1, cv2.LINE_AA)
