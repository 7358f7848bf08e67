from __future__ import annotations

from pathlib import Path

import pytest

from skelstream.errors import FormatError, SettingsError
from skelstream.formats import FORMATS, Sample, WriteOptions, choose, load, save, save_dataset
from skelstream.processing import smoothed

from .conftest import asymmetric, build, skip_without_library


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a.npz", "npz"), ("A.NPZ", "npz"), ("a.ctrgcn.npz", "ctrgcn"), ("a.coco.json", "coco"),
        ("a.alphapose.json", "alphapose"), ("a.posetrack.json", "posetrack"), ("a.jsonl", "jsonl"),
        ("a.csv", "csv"), ("a.parquet", "parquet"), ("a.pkl", "pyskl"), ("a.pose", "pose"), ("a.h5", "sleap"),
    ],
)  # fmt: skip
def test_endings(path, name):
    assert choose(Path(path)).name == name


def test_name_beats_ending(tmp_path):
    assert choose(Path("a.npz"), "csv").name == "csv"
    assert choose(tmp_path).name == "openpose"


@pytest.mark.parametrize("path", ["a.json", "a", "a.xyz"])
def test_endings_that_say_nothing(path):
    with pytest.raises(FormatError, match="choose one of npz"):
        choose(Path(path))


def test_unknown_name():
    with pytest.raises(SettingsError, match="unknown format 'mp4'; known: npz"):
        choose(Path("a"), "mp4")


def test_written_only_and_read_only(scene, tmp_path):
    with pytest.raises(FormatError, match="posetrack is only written; these can be read: npz, jsonl, csv"):
        load(tmp_path / "a.posetrack.json")
    with pytest.raises(FormatError, match="the ending does not say which format; these can be read: npz"):
        load(tmp_path / "a.xyz")
    with pytest.raises(SettingsError, match="format json is only read"):
        save(scene, tmp_path / "a", "json")


def test_one_video_formats_do_not_join(scene, tmp_path):
    with pytest.raises(FormatError, match="choose one for many videos: pyskl, stgcn, agcn, kinetics, ctrgcn"):
        save_dataset([Sample(scene, "a")], tmp_path / "a.csv")


LIFTED = {"trc", "bvh", "pyskl3d"}  # of people in space alone; see test_space.py
WRITTEN = [name for name, format in FORMATS.items() if format.write and name not in LIFTED]


@pytest.mark.parametrize("name", WRITTEN)
def test_equal_content_gives_equal_bytes_and_overwrites(scene, tmp_path, name):
    skip_without_library(name)

    def content(path):
        if path.is_file():
            return path.read_bytes()
        return [(file.name, file.read_bytes()) for file in sorted(path.iterdir())]

    for out in ("a", "b"):
        save(scene, tmp_path / out, name, label=0)
    assert content(tmp_path / "a") == content(tmp_path / "b")
    save(smoothed(scene), tmp_path / "a", name, overwrite=True, label=0)
    assert content(tmp_path / "a") != content(tmp_path / "b")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("name", WRITTEN)
def test_nobody_and_one_frame(empty, tmp_path, name):
    skip_without_library(name)
    save(empty, tmp_path / "a", name, label=0)
    assert (tmp_path / "a").exists()


@pytest.mark.parametrize("format", ["pyskl", "ctrgcn", "stgcn", "agcn", "kinetics"])
def test_frames_missing_between_rows_are_told(tmp_path, format):
    """Formats of training sets count rows, so rows on both sides of a hole follow each other in them."""
    person = {1: asymmetric(100, 250, 0.5)}
    whole, every_second = build({i: person for i in range(6)}), build({i: person for i in range(0, 12, 2)})
    holes = build({i: person for i in (0, 1, 2, 5, 6, 8)})
    for number, (sequence, missing) in enumerate(((whole, 0), (every_second, 0), (holes, 3))):
        notes: list[str] = []
        if format != "ctrgcn":  # which is for labelled clips
            save(sequence, tmp_path / f"one{number}", format, options=WriteOptions(note=notes.append))
        save_dataset([Sample(sequence, "a", 0, "x")], tmp_path / f"set{number}", format,
                     options=WriteOptions(classes=1, class_names=("x",), note=notes.append))  # fmt: skip
        said = [note for note in notes if "missing between its rows" in note]
        assert len(said) == (bool(missing) * (1 if format == "ctrgcn" else 2)) and all(
            f"{missing} frames" in note for note in said
        )
