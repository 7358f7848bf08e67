from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from skelstream.errors import OutputError
from skelstream.training.curves import CsvTable, plot


def test_a_table_is_continued_without_duplicates(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    table = CsvTable(path, ("loss", "speed"), upto=0)
    for sample in (16, 32, 48):
        table.add({"samples": sample, "loss": 1 / sample, "speed": 5})
    before = path.read_text().splitlines()
    assert before[0] == "samples,loss,speed" and before[1] == "16,0.0625,5"
    resumed = CsvTable(path, ("loss", "speed"), upto=32)
    assert path.read_text().splitlines() == before[:3]
    resumed.add({"samples": 48, "loss": 1 / 48, "speed": 5})
    assert path.read_text().splitlines() == before
    assert resumed.column("loss")[0] == [16, 32, 48]


def test_a_missing_figure_is_an_empty_cell(tmp_path: Path) -> None:
    table = CsvTable(tmp_path / "t.csv", ("AP", "PCK"), upto=0)
    table.add({"samples": 10, "AP": 12.5})
    table.add({"samples": 20, "AP": math.nan, "PCK": 80})
    assert table.path.read_text().splitlines()[1:] == ["10,12.5,", "20,,80"]
    again = CsvTable(table.path, ("AP", "PCK"), upto=100)
    assert again.column("AP") == ([10], [12.5]) and again.column("PCK") == ([20], [80])


def test_an_incomplete_row_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("samples,loss,speed\n16,0.5,5\n32,0.2")
    assert CsvTable(path, ("loss", "speed"), upto=100).column("loss") == ([16], [0.5])
    path.write_text("samples,loss,speed\n16,0.5,5\nx,0.2,1\n")
    assert len(CsvTable(path, ("loss", "speed"), upto=100).rows) == 1


def test_a_table_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        CsvTable(tmp_path / "none" / "t.csv", ("loss",), upto=0)


def test_a_plot_shows_its_curves_and_takes_empty_ones() -> None:
    xs = list(range(0, 1000, 10))
    image = plot([("loss", {"a": (xs, [math.exp(-x / 200) for x in xs])}), ("AP", {"AP": ([], [])})], 1000)
    assert image.shape == (480, 900, 3) and image.dtype == np.uint8
    blue = (image[:240].astype(int) == (31, 119, 180)).all(-1)
    rows, columns = np.nonzero(blue)
    # The curve falls from the left to the right, over the panel's width.
    line = rows > 30
    left, right = columns[line].min(), columns[line].max()
    assert left < 80 and right > 850
    assert rows[line & (columns == left)].mean() < rows[line & (columns == right)].mean() - 100
    assert not (image[240:].astype(int) == (31, 119, 180)).all(-1)[40:].any()


@pytest.mark.parametrize("values", [[0.0], [5.0, 5.0], [-3.0, 4.0], [1e-9, 2e-9], [1e6]])
def test_a_plot_takes_any_range(values: list[float]) -> None:
    plot([("x", {"x": (list(range(len(values))), values)})], max(1, len(values)))
