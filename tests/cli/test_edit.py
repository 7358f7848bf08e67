from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from skelstream.cli import app
from skelstream.editing import Drop, Split, write_edits
from skelstream.formats import load, save
from skelstream.processing import filled

from ..drawing.conftest import figure, walkers


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def people():
    """1 in frames 0 to 19, 2 in 0 to 9, 3 in 12 to 19."""

    def present(i):
        there = {1: figure(60 + i, 40, 150)}
        if i < 10 or i >= 12:
            there[2 if i < 10 else 3] = figure(220, 40, 150)
        return there

    return walkers(np.arange(20) / 20, present)


@pytest.fixture
def file(tmp_path):
    save(people(), tmp_path / "walk.npz")
    return tmp_path / "walk.npz"


def frames(path):
    return {track.id: (int(track.frame[0]), int(track.frame[-1]), len(track)) for track in load(path)}


def test_options_are_applied_in_the_order_given(file, tmp_path):
    out = tmp_path / "out.npz"
    options = [
        "--split",
        "1@5",
        "--merge",
        "2,3",
        "--split",
        "2@12",
        "--merge",
        "1,4",
        "--drop",
        "5",
        "--name",
        "1=Anna",
    ]
    result = run("edit", file, "-o", out, *options)
    assert result.exit_code == 0 and "6 edits: 3 tracks became 2 tracks" in result.output, result.output
    assert frames(out) == {1: (0, 19, 20), 2: (0, 9, 10)}
    assert load(out).meta["names"] == {"1": "Anna"}
    kinds = ["split", "merge", "split", "merge", "drop", "name"]
    assert [kind in edit for kind, edit in zip(kinds, load(out).meta["edits"], strict=True)] == [True] * 6


def test_names_that_a_format_leaves_out_are_told(file, tmp_path):
    result = run("edit", file, "-o", tmp_path / "out.csv", "--name", "1=Anna")
    assert result.exit_code == 0 and "format csv has no names of people; they are left out" in result.output
    result = run("edit", file, "-o", tmp_path / "out.npz", "--name", "1=Anna")
    assert result.exit_code == 0 and "left out" not in result.output


def test_a_file_of_edits_comes_before_the_options(file, tmp_path):
    write_edits(tmp_path / "e.json", [Split(1, 5), Drop((3,))], people())
    result = run("edit", file, tmp_path / "e.json", "-o", tmp_path / "out.npz", "--drop", "4")
    assert result.exit_code == 0, result.output
    assert frames(tmp_path / "out.npz") == {1: (0, 4, 5), 2: (0, 9, 10)}


def test_keep_is_short_for_the_other_deletions(file, tmp_path):
    assert run("edit", file, "-o", tmp_path / "out.csv", "--keep", "1,3").exit_code == 0
    assert set(frames(tmp_path / "out.csv")) == {1, 3}


def test_standard_output_says_what_it_leaves_out_and_takes_no_other_format(file, tmp_path):
    assert run("edit", file, "-o", tmp_path / "named.npz", "--name", "1=Anna").exit_code == 0
    for command in (["edit", file, "--name", "1=Anna"], ["convert", tmp_path / "named.npz"]):
        result = run(*command, "-o", "-")
        assert result.exit_code == 0 and "jsonl has no names of people" in result.stderr, result.output
        result = run(*command, "-o", "-", "--format", "csv")
        assert result.exit_code == 2 and "JSON lines only" in result.output and "{" not in result.stdout


def test_standard_output_takes_json_lines(file):
    result = run("edit", file, "-o", "-", "--keep", "1", "-q")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(lines) == 20 and {person["id"] for line in lines for person in line["people"]} == {1}


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (["--drop", "9"], 1, "walk.npz: edit 1, drop 9: there is no track 9; the tracks are 1, 2, 3"),
        (["--merge", "1,2"], 1, "1 and 2 are both in frame 0 and 9 more"),
        (["--split", "1@20"], 1, "frame 20 is not among the video's frames; they are 0 to 19"),
        (["--split", "1"], 2, "give an id and a frame such as 3@120 (--split)"),
        (["--swap", "1@5"], 2, "give two ids and a frame such as 2,5@88 (--swap)"),
        ([], 2, "there is nothing to edit"),
    ],
)
def test_wrong_edits_are_one_line(file, tmp_path, options, status, message):
    result = run("edit", file, "-o", tmp_path / "out.npz", *options)
    assert result.exit_code == status and message in result.output, result.output
    assert len(result.output.splitlines()) == 1 and not (tmp_path / "out.npz").exists()


def test_edits_of_another_file_are_refused(file, tmp_path):
    write_edits(tmp_path / "e.json", [Drop((1,))], people())
    assert run("edit", file, "-o", tmp_path / "other.npz", "--split", "1@5").exit_code == 0
    result = run("edit", tmp_path / "other.npz", tmp_path / "e.json", "-o", tmp_path / "out.npz")
    assert result.exit_code == 1 and "the edits were made for other identities" in result.output


def test_inputs_are_never_replaced(file, tmp_path):
    write_edits(tmp_path / "e.npz", [Drop((1,))], people())
    before = file.read_bytes()
    for output in (file, tmp_path / "e.npz"):
        result = run("edit", file, tmp_path / "e.npz", "-o", output, "--overwrite")
        assert result.exit_code == 1 and "would replace the input" in result.output
    assert file.read_bytes() == before


def test_filled_values_are_left_out_with_a_word(file, tmp_path):
    save(filled(people()), tmp_path / "filled.npz")
    result = run("edit", tmp_path / "filled.npz", "-o", tmp_path / "out.npz", "--merge", "2,3")
    assert "belong to the old identities and are left out" in result.output
    assert load(tmp_path / "out.npz").raw is None
    result = run("edit", tmp_path / "filled.npz", "-o", tmp_path / "kept.npz", "--keep", "2")
    assert "left out" not in result.output and load(tmp_path / "kept.npz").raw is not None


def test_info_shows_names(file, tmp_path, monkeypatch):
    assert run("edit", file, "-o", tmp_path / "named.npz", "--name", "1=Anna [b]").exit_code == 0
    monkeypatch.setenv("COLUMNS", "80")
    output = run("info", tmp_path / "named.npz").output
    (row,) = [line for line in output.splitlines() if line.rstrip().endswith("█ Anna [b]")]
    assert row.split()[:3] == ["1", "0.0–0.9", "20"]  # nothing is cut off
    facts = json.loads(run("info", tmp_path / "named.npz", "--json").output)
    assert [track["name"] for track in facts["tracks"]] == ["Anna [b]", None, None]


def test_new_identities_have_no_old_names(file, tmp_path):
    assert run("edit", file, "-o", tmp_path / "named.npz", "--name", "1=Anna").exit_code == 0
    result = run("track", tmp_path / "named.npz", "-o", tmp_path / "again.npz")
    assert "its names and edits belong to the old identities and are left out" in result.output
    assert not {"names", "edits"} & set(load(tmp_path / "again.npz").meta)
