from __future__ import annotations

import pytest

from skelstream.errors import FormatError
from skelstream.formats import labelled, read_labels


def write(tmp_path, text):
    (tmp_path / "labels.csv").write_text(text)
    return tmp_path / "labels.csv"


def test_names_are_numbered_in_alphabetical_order(tmp_path):
    labels = read_labels(write(tmp_path, "name,label,split\nb.mp4,wave,train\na,fall,val\nc,wave,\n"))
    assert {name: (x.index, x.name, x.split) for name, x in labels.of.items()} == {
        "b": (1, "wave", "train"), "a": (0, "fall", "val"), "c": (1, "wave", None),
    }  # fmt: skip
    assert labels.classes == 2


def test_numbers_stay(tmp_path):
    labels = read_labels(write(tmp_path, "label,name\n3,a\n0,b\n"))
    assert (labels.of["a"].index, labels.of["a"].name, labels.classes) == (3, None, 4)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column label and name"),
        ("name,split\na,train\n", "no column label"),
        ("name,label\na,\n", "line 2: name or label is empty"),
        ("name,label\na,0\na.npz,1\n", "a is labelled 2 times"),
    ],
)
def test_incomplete(tmp_path, text, words):
    with pytest.raises(FormatError, match=words):
        read_labels(write(tmp_path, text))


def test_samples(tmp_path, scene):
    from pathlib import Path

    labels = read_labels(write(tmp_path, "name,label,split\na,5,train\nb,1,val\n"))
    opened = []
    samples = labelled([Path("x/a.npz"), Path("y/b.npz")], labels, lambda p: opened.append(p) or scene)
    assert not opened
    assert [(s.name, s.label, s.split) for s in samples] == [("a", 5, "train"), ("b", 1, "val")]
    (sample,) = labelled([Path("a.npz")], None, lambda p: scene)
    assert (sample.label, sample.split) == (None, None)
    with pytest.raises(FormatError, match="no line for c"):
        labelled([Path("c.npz")], labels, lambda p: scene)
    with pytest.raises(FormatError, match="another input is called a too"):
        labelled([Path("x/a.npz"), Path("y/a.npz")], labels, lambda p: scene)
