"""Folders are replaced only where they hold nothing but an earlier output of the same kind."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from skelstream.batch import ConversionOptions, convert
from skelstream.errors import OutputError
from skelstream.files.atomic import replacing_folder
from skelstream.formats import save
from skelstream.people import People
from skelstream.sequences import SequenceBuilder, SkeletonSequence
from skelstream.skeleton import OPENPOSE18
from skelstream.tracking import TrackedPeople

FOLDERS = ("openpose", "kinetics", "stgcn", "agcn")


@pytest.fixture
def sequence() -> SkeletonSequence:
    builder = SequenceBuilder(OPENPOSE18, source="walk.mp4", height=100, width=100)
    points = np.full((1, 18, 2), 20.0, np.float32)
    one = np.ones((1, 18), np.float32)
    people = People(points, one, one[:, 0], np.array([[10, 10, 30, 30]], np.float32))
    for number in range(3):
        builder.add(TrackedPeople(number, number / 10, people, np.ones(1, np.int32), np.ones(1, bool)))
    return builder.finish()


def everything(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize("format", FOLDERS)
def test_an_output_replaces_one_of_its_own_kind(sequence, tmp_path, format):
    out = tmp_path / "out"
    save(sequence, out, format)
    before = everything(tmp_path)
    save(sequence, out, format, overwrite=True)
    assert everything(tmp_path) == before


@pytest.mark.parametrize("format", FOLDERS)
@pytest.mark.parametrize(
    "kept", ["thesis.txt", "photos/1.png", ".batch/manifest.csv", "walk.npz", "a.json", "link"]
)
def test_a_folder_with_anything_else_stays_as_it_is(sequence, tmp_path, format, kept):
    out = tmp_path / "out"
    save(sequence, out, format)
    (out / kept).parent.mkdir(exist_ok=True)
    if kept == "link":
        (tmp_path / "target").write_text("precious")
        (out / kept).symlink_to(tmp_path / "target")
    else:
        (out / kept).write_text("precious")
    before = everything(tmp_path)
    with pytest.raises(OutputError, match=f"is not replaced, because it holds {kept.split('/')[0]}"):
        save(sequence, out, format, overwrite=True)
    assert everything(tmp_path) == before and (out / kept).read_text() == "precious"


@pytest.mark.parametrize("format", FOLDERS)
def test_one_kind_does_not_replace_another(sequence, tmp_path, format):
    for other in FOLDERS:
        if {format, other} in ({"stgcn", "agcn"}, {format}):  # the same files with other numbers
            continue
        out = tmp_path / other
        save(sequence, out, other, overwrite=True)
        with pytest.raises(OutputError, match="is not replaced"):
            save(sequence, out, format, overwrite=True)


def test_the_folder_one_stands_in_stays(sequence, tmp_path, monkeypatch):
    (tmp_path / "notes.txt").write_text("precious")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError, match="notes.txt"):
        save(sequence, ".", "openpose", overwrite=True)
    assert everything(tmp_path) == ["notes.txt"]


def test_a_file_that_comes_during_the_work_stays(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    with (
        pytest.raises(OutputError, match="late.txt"),
        replacing_folder(out, lambda file: file.suffix == ".json") as folder,
    ):
        (folder / "a.json").write_text("{}")
        (out / "late.txt").write_text("precious")
    assert everything(tmp_path) == ["out", "out/late.txt"]


@pytest.mark.parametrize("format", ["kinetics", "openpose"])
def test_a_conversion_never_replaces_its_input(sequence, tmp_path, format):
    results = tmp_path / "results"
    (results / ".batch").mkdir(parents=True)
    (results / ".batch" / "records").write_text("precious")
    save(sequence, results / "a.npz")
    before = everything(tmp_path)
    options = ConversionOptions(format=format, overwrite=True)
    for given, output in ((results / "a.npz", results), (results / "a.npz", tmp_path)):
        with pytest.raises(OutputError, match="would replace the input"):
            convert([given], output, options=options)
    with pytest.raises(OutputError, match="would replace the input"):
        convert([results / "a.npz"], results / "a.npz", options=ConversionOptions(overwrite=True))
    os.symlink(results, tmp_path / "link")
    with pytest.raises(OutputError, match="would replace the input"):
        convert([results / "a.npz"], tmp_path / "link", options=options)
    (tmp_path / "link").unlink()
    assert everything(tmp_path) == before


@pytest.mark.parametrize("format", ["stgcn", "agcn"])
def test_a_list_of_classes_alone_is_not_replaced(sequence, tmp_path, format):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "classes.txt").write_text("precious")
    with pytest.raises(OutputError, match="classes.txt"):
        save(sequence, tmp_path / "out", format, overwrite=True)
    assert (tmp_path / "out" / "classes.txt").read_text() == "precious"
