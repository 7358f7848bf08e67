from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest

from skelstream.errors import FormatError
from skelstream.formats import load, read, save
from skelstream.sequences import Detections
from skelstream.skeleton import COCO17

from .conftest import OP18, SHAPE, load_tracked


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_rows(scene, tmp_path):
    save(scene, tmp_path / "a.csv")
    rows = rows_of(tmp_path / "a.csv")
    assert [row["frame"] for row in rows] == list("001122") + ["3", "4", "5", "6", "7"]
    first, second = rows[0], rows[2]
    assert (first["track_id"], first["ok"], first["height"], first["width"]) == ("2", "1", "480", "640")
    for joint in OP18:
        x, y = SHAPE[joint]
        assert (float(first[f"{joint}_x"]), float(first[f"{joint}_y"])) == (x + 300, y + 250)
        assert float(first[f"{joint}_score"]) == 0.875
    assert second["right_wrist_x"] == second["right_wrist_score"] == ""
    assert float(second["time"]) == pytest.approx(0.04)
    failed, empty = rows[6], rows[8]
    assert (failed["ok"], failed["track_id"], failed["nose_x"]) == ("0", "", "")
    assert (empty["ok"], empty["track_id"], empty["time"]) == ("1", "", "0.200000")


def test_pixels_survive(scene, tmp_path):
    random = np.random.default_rng(0)
    noisy = replace(
        scene, keypoints=scene.keypoints + random.uniform(0, 3000, scene.keypoints.shape).astype("f4")
    )
    save(noisy, tmp_path / "a.csv")
    assert np.nanmax(np.abs(load(tmp_path / "a.csv").keypoints - noisy.keypoints)) < 1e-3


def test_files_of_other_tools(tmp_path):
    """Only frame and joints, in another order, with quotes, blank lines and rows out of order."""
    names = [f"{joint}_{part}" for joint in reversed(OP18) for part in ("score", "y", "x")]
    lines = ['"frame",' + ",".join(names)]
    for frame in (3, 1, 2, 0):
        cells = [
            v for joint in reversed(OP18) for v in (0.9, SHAPE[joint][1] + 100, SHAPE[joint][0] + 100 + frame)
        ]
        lines += [f'"{frame}",' + ",".join(map(str, cells)), ""]
    (tmp_path / "a.csv").write_text("\r\n".join(lines), encoding="utf-8-sig", newline="")
    assert isinstance(read(tmp_path / "a.csv"), Detections)
    sequence = load_tracked(tmp_path / "a.csv", fps=10)
    assert len(sequence) == 1 and sequence.frame_time == pytest.approx([0, 0.1, 0.2, 0.3])
    left = sequence.keypoints[0, OP18.index("left_wrist")]
    assert left.tolist() == [145, 0] and sequence.size is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: "", "no column 'frame'"),
        (lambda t: t.replace("nose_x", "snout_x"), "no joint set"),
        (lambda t: t.replace("frame", "image"), "no column 'frame'"),
        (lambda t: t + "1,2,3\n", "has 3 cells, the header has 65"),
        (lambda t: t.split("\n")[0] + "\n1,2\n", "line 2 has 2 cells"),
        (lambda t: t.replace("0.875", "high"), "line 2: 'high' is not a number"),
        (lambda t: t.replace("\n5,", "\n,"), "frame has empty cells"),
        (lambda t: t.replace("480", "481", 1), "height has several values"),
    ],
)
def test_damaged(scene, tmp_path, change, words):
    save(scene, tmp_path / "a.csv")
    (tmp_path / "a.csv").write_text(change((tmp_path / "a.csv").read_text()))
    with pytest.raises(FormatError, match=words) as caught:
        load(tmp_path / "a.csv")
    assert "a.csv" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters_and_decimal_commas(scene, tmp_path, delimiter):
    save(scene, tmp_path / "a.csv")
    text = (tmp_path / "a.csv").read_text().replace(",", delimiter).replace(".", ",")
    (tmp_path / "b.csv").write_text(text)
    one, other = load(tmp_path / "a.csv"), load(tmp_path / "b.csv")
    np.testing.assert_array_equal(one.keypoints, other.keypoints)
    np.testing.assert_array_equal(one.frame_time, other.frame_time)
    (tmp_path / "b.csv").write_text(text.replace("0,875", "high"))
    with pytest.raises(FormatError, match="line 2: 'high' is not a number"):
        load(tmp_path / "b.csv")


def test_not_there_and_not_text(tmp_path):
    with pytest.raises(FormatError, match="no such file"):
        load(tmp_path / "a.csv")
    (tmp_path / "a.csv").write_bytes(b"\x00\xff" * 50)
    with pytest.raises(FormatError, match=r"a\.csv"):
        load(tmp_path / "a.csv")


def test_shares_of_the_image(scene, tmp_path):
    """A table of another tool whose positions are shares; the table itself may know the size."""
    save(scene, tmp_path / "a.csv")
    header, *lines = [line.split(",") for line in (tmp_path / "a.csv").read_text().splitlines()]
    for line in lines:
        for i, name in enumerate(header):
            if line[i] and name.endswith(("_x", "_y")):
                line[i] = str(float(line[i]) / (640 if name.endswith("_x") else 480))
    (tmp_path / "b.csv").write_text("\n".join(",".join(line) for line in [header, *lines]))
    back = load(tmp_path / "b.csv")
    assert back.keypoints == pytest.approx(scene.keypoints, abs=0.01, nan_ok=True)
    for line in lines:
        line[header.index("height")] = ""
    (tmp_path / "b.csv").write_text("\n".join(",".join(line) for line in [header, *lines]))
    with pytest.raises(FormatError, match="positions are relative to the image"):
        load(tmp_path / "b.csv")
    assert load(tmp_path / "b.csv", size=(480, 640)).frames == 8


def test_frames_that_a_plain_table_leaves_out_have_no_people(tmp_path):
    names = [
        "frame",
        "track_id",
        *(f"{joint}_{part}" for joint in COCO17.joints for part in ("x", "y", "score")),
    ]
    rows = [[number, 1, *([10.0 * number + 5, 60.0, 0.9] * 17)] for number in (*range(10), *range(20, 30))]
    (tmp_path / "a.csv").write_text("\n".join(",".join(map(str, row)) for row in [names, *rows]))
    notes = []
    sequence = read(tmp_path / "a.csv", fps=25.0, note=notes.append)
    assert sequence.frames == 30 and len(sequence.frame) == 20
    assert any("10 frames missing" in note for note in notes)


def test_a_table_with_as_many_individuals_as_parts_is_refused(tmp_path):
    """218 kB would become 650 MB."""
    count = 3000
    names = [f"{i // 3}" for i in range(3 * count)]
    lines = [["scorer"] + ["s"] * 3 * count, ["individuals", *names], ["bodyparts", *names]]
    lines += [
        ["coords"] + ["x", "y", "likelihood"] * count,
        *([str(i)] + ["1"] * 3 * count for i in range(3)),
    ]
    path = tmp_path / "a.csv"
    path.write_text("".join(",".join(line) + "\n" for line in lines))
    with pytest.raises(FormatError, match="a.csv: damaged, or made to fill memory"):
        read(path)
