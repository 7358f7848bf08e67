from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from skelstream.formats.names import as_file, distinct, name_of


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("walk.mp4", ("walk",)),
        ("walk.mp4.npz", ("walk",)),
        ("WALK.MP4", ("WALK",)),
        ("2024.05.01_walk.mp4", ("2024.05.01_walk",)),
        ("v1.2", ("v1.2",)),
        ("a.coco.json", ("a",)),
        ("run/001.mp4", ("run", "001")),
        ("./run//001", ("run", "001")),
        ("run\\001.avi", ("run", "001")),
        (unicodedata.normalize("NFD", "Übung1.mp4"), (unicodedata.normalize("NFC", "Übung1"),)),
        (" walk ", ("walk",)),
        (".mp4", (".mp4",)),
        ("", ()),
    ],
)
def test_names(text, name):
    assert name_of(text) == name


def test_as_many_folders_as_it_takes():
    paths = ["/d/run/001.npz", "/d/walk/001.npz", "/d/002.npz", "/e/run/003.npz", "/f/run/003.npz"]
    assert distinct([Path(p) for p in paths]) == ["run/001", "walk/001", "002", "e/run/003", "f/run/003"]
    assert distinct([Path("/a/b.npz"), Path("/a/b.npz")]) == ["b", "b"]
    assert distinct([Path("/b.npz"), Path("/b.csv")]) == ["b", "b"]


def test_file_names():
    assert as_file("run/001") == "run_001" and as_file("a\0b\nc") == "a_b_c" and as_file("") == "_"
    assert len(as_file("走" * 300).encode()) <= 180
