from __future__ import annotations

import json
import pickle
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from skelstream.errors import FormatError
from skelstream.formats import (
    WriteOptions,
    labelled,
    labels_of_folders,
    read_labels,
    save_dataset,
)


def write(tmp_path, text, encoding="utf-8"):
    (tmp_path / "labels.csv").write_text(text, encoding=encoding)
    return tmp_path / "labels.csv"


def plain(labels):
    return {"/".join(name): (label.index, label.name, label.split) for name, label in labels.of.items()}


def test_names_are_numbered_in_alphabetical_order(tmp_path):
    labels = read_labels(write(tmp_path, "name,label,split\nb.mp4,wave,train\na,fall,val\nc,wave,\n"))
    assert plain(labels) == {"b": (1, "wave", "train"), "a": (0, "fall", "val"), "c": (1, "wave", None)}
    assert labels.classes == 2 and labels.names == ("fall", "wave")
    assert labels.described() == ["classes: 0 fall, 1 wave"]


def test_a_word_among_numbers_is_noted(tmp_path):
    labels = read_labels(write(tmp_path, 'name,label\na,10\nb,3\nc,"1,5"\n'))
    assert labels.described() == [
        "classes: 0 3, 1 10, 2 1,5",
        "1,5 is not a number, so numeric labels count as names and are renumbered",
    ]


@pytest.mark.parametrize(
    ("written", "numbers"),
    [
        (["3", "0"], [3, 0]),
        (["0.0", "2.0", "10.0"], [0, 2, 10]),
        (["2.0", "", "10.0"], [2, None, 10]),
        (["-1", "2"], [None, 2]),
        (["-1.0", "nan", "2"], [None, None, 2]),
        (["1e1", "+2", "03"], [10, 2, 3]),
        (["", ""], [None, None]),
        (["-1"], [None]),
        (["<NA>", "None", "null", "2"], [None, None, None, 2]),
    ],
)
def test_numbers_stay_numbers(tmp_path, written, numbers):
    lines = "".join(f"c{i},{label}\n" for i, label in enumerate(written))
    labels = read_labels(write(tmp_path, "name,label\n" + lines))
    assert [label.index for label in labels.of.values()] == numbers
    assert labels.names is None and labels.classes == 1 + max(
        [n for n in numbers if n is not None], default=-1
    )
    assert all(label.name is None for label in labels.of.values())


def test_numbers_among_names_are_names_in_the_order_of_numbers(tmp_path):
    labels = read_labels(write(tmp_path, "name,label\na,10\nb,2\nc,fall\nd,\n"))
    assert labels.names == ("2", "10", "fall")
    assert plain(labels)["d"] == (None, None, None) and plain(labels)["a"] == (1, "10", None)


def test_among_names_none_is_a_class_and_minus_one_is_not(tmp_path):
    labels = read_labels(write(tmp_path, "name,label\na,none\nb,wave\nc,-1\n"))
    assert labels.names == ("none", "wave") and plain(labels)["c"] == (None, None, None)


@pytest.mark.parametrize("between", [",", ";", "\t"])
def test_separators(tmp_path, between):
    text = "\n".join(between.join(cells) for cells in (("name", "label", "x"), ("a", "1", "y"), ("", "", "")))
    assert plain(read_labels(write(tmp_path, text, "utf-8-sig"))) == {"a": (1, None, None)}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column label and name"),
        ("name,split\na,train\n", "no column label"),
        ("name,label\n,0\n", "line 2: name is empty"),
        ("name,label\na,0\na.npz,1\n", "a is labelled 2 times"),
        ("name,label\n\u00fcb,0\nu\u0308b,1\n", "\u00fcb is labelled 2 times"),
        ("name,label\na,-2\n", "label -2 is not a class number"),
        ("name,label\na,1.5\n", "label 1.5 is not a class number"),
        ("name,label\na,1e99\n", "label 1e99 is not a class number"),
        ("name,label\na,20000\n", "20001 classes exceed the limit of 10000"),
        (
            "name,label,split\na,run, fast,train\n",
            "line 2: has more values than columns; quote values that contain ','",
        ),
        ("name,label,split\na,0,../x\n", "line 2: '../x' is not a valid name of a split"),
        ('name,label\n"a,0\n', "cannot be read as CSV"),
    ],
)
def test_incomplete(tmp_path, text, words):
    with pytest.raises(FormatError, match=words):
        read_labels(write(tmp_path, text))


def match(tmp_path, names, inputs):
    """The label's number of each input; labels are numbered in the order of ``names``."""
    labels = read_labels(write(tmp_path, "name,label\n" + "".join(f"{n},{i}\n" for i, n in enumerate(names))))
    return [labels.of[key].index if (key := labels.find(Path(path))) else None for path in inputs]


def test_how_names_are_matched(tmp_path):
    assert match(tmp_path, ["a.mp4", "b"], ["x/a.npz", "b.npz", "b.skeletons.npz", "c.npz"]) == [
        0,
        1,
        1,
        None,
    ]
    decomposed = unicodedata.normalize("NFD", "Übung1")
    assert match(tmp_path, ["Übung1"], [f"{decomposed}.npz"]) == [0]
    assert match(tmp_path, [decomposed], ["Übung1.npz"]) == [0]
    dotted = ["2024.05.01_walk.mp4", "2024.05.02_walk"]
    inputs = ["2024.05.01_walk.npz", "2024.05.02_walk.mp4.npz", "2024.05.03_walk.npz"]
    assert match(tmp_path, dotted, inputs) == [0, 1, None]
    paths = ["run/001", "walk/001.mp4", "002"]
    assert match(tmp_path, paths, ["x/run/001.npz", "x/walk/001.npz", "y/002.npz", "sit/001.npz"]) == [
        0,
        1,
        2,
        None,
    ]


def test_samples(tmp_path, scene):
    labels = read_labels(write(tmp_path, "name,label,split\na,5,train\nb,1,val\n"))
    opened = []
    samples = labelled([Path("x/a.npz"), Path("y/b.npz")], labels, lambda p: opened.append(p) or scene)
    assert not opened
    assert [(s.name, s.label, s.split) for s in samples] == [("a", 5, "train"), ("b", 1, "val")]
    (sample,) = labelled([Path("a.npz")], None, lambda p: scene)
    assert (sample.label, sample.split) == (None, None)
    with pytest.raises(FormatError, match="labels.csv has no line for c"):
        labelled([Path("c.npz")], labels, lambda p: scene)
    with pytest.raises(
        FormatError, match="one line, a, for this and x/a.npz; write the folder before the name"
    ):
        labelled([Path("x/a.npz"), Path("y/a.npz")], labels, lambda p: scene)
    with pytest.raises(FormatError, match="a is given 2 times"):
        labelled([Path("a.npz"), Path("a.csv")], labels, lambda p: scene)


def test_what_is_noted(tmp_path, scene):
    labels = read_labels(write(tmp_path, "name,label,split\na,run,train\nb,walk,\nc,,val\nd,sit,val\n"))
    said = []
    labelled([Path(f"{name}.npz") for name in "abc"], labels, lambda p: scene, said.append)
    assert said == [
        "classes: 0 run, 1 sit, 2 walk",
        "no clip is of class 1 sit",
        "1 of 3 clips have no label",
        "1 of 3 clips are in no split",
        f"{tmp_path}/labels.csv has lines for other clips than these: d",
    ]
    said.clear()
    labelled([Path("a.npz")], read_labels(write(tmp_path, "name,label\na,3\n")), lambda p: scene, said.append)
    assert said == ["4 classes, numbered 0 to 3", "no clip is of class 0, 1, 2"]


def test_folders_as_classes():
    paths = [
        "d/train/run/001.mp4",
        "d/Training/walk/001.npz",
        "d/validation/run/002.npz",
        "d/other/sit/1.npz",
    ]
    labels = labels_of_folders([Path(p) for p in paths])
    assert list(labels.of.values()) == [labels.of[labels.find(Path(p))] for p in paths]
    assert [(x.index, x.name, x.split) for x in labels.of.values()] == [
        (0, "run", "train"), (2, "walk", "train"), (0, "run", "val"), (1, "sit", None),
    ]  # fmt: skip
    # Numbers stay numbers, as in tables and batches.
    numbers = labels_of_folders([Path("1/a.npz"), Path("10/a.npz"), Path("2/a.npz")])
    assert [(x.index, x.name) for x in numbers.of.values()] == [(1, None), (10, None), (2, None)]
    assert numbers.classes == 11
    with pytest.raises(FormatError, match="d/train: is the folder of a split, not of a class"):
        labels_of_folders([Path("d/train/1.npz"), Path("d/val/1.npz")])
    with pytest.raises(FormatError, match="is not in a folder"):
        labels_of_folders([Path("/a.npz")])


@pytest.fixture
def samples(scene):
    """Clips of two classes in three splits; two have the same file name."""
    paths = ["d/train/run/1.npz", "d/train/walk/1.npz", "d/val/run/2.npz", "d/test/walk/3.npz"]
    labels = labels_of_folders([Path(p) for p in paths])
    options = WriteOptions(classes=labels.classes, class_names=labels.names)
    return list(labelled([Path(p) for p in paths], labels, lambda p: scene)), options


NAMES = {"train": ["run/1", "walk/1"], "val": ["2"], "test": ["3"]}
NUMBERS = {"train": [0, 1], "val": [0], "test": [1]}


@pytest.mark.parametrize("format", ["stgcn", "agcn"])
def test_arrays_keep_splits_apart(samples, tmp_path, format):
    save_dataset(samples[0], tmp_path / "set", format, options=samples[1])
    for split, names in NAMES.items():
        with open(tmp_path / "set" / f"{split}_label.pkl", "rb") as file:
            assert pickle.load(file) == (names, NUMBERS[split])
        assert len(np.load(tmp_path / "set" / f"{split}_data.npy")) == len(names)
    assert (tmp_path / "set" / "classes.txt").read_text() == "run\nwalk\n"


def test_pyskl_keeps_splits_apart(samples, tmp_path):
    save_dataset(samples[0], tmp_path / "set.pkl", options=samples[1])
    with open(tmp_path / "set.pkl", "rb") as file:
        data = pickle.load(file)
    assert data["split"] == NAMES and data["classes"] == ["run", "walk"]
    assert [a["label_name"] for a in data["annotations"]] == ["run", "walk", "run", "walk"]


def test_ctrgcn_keeps_splits_apart(samples, tmp_path):
    save_dataset(samples[0], tmp_path / "set.ctrgcn.npz", options=samples[1])
    with np.load(tmp_path / "set.ctrgcn.npz") as npz:
        for split, numbers in NUMBERS.items():
            assert npz[f"y_{split}"].argmax(1).tolist() == numbers and len(npz[f"x_{split}"]) == len(numbers)
        assert npz["class_names"].tolist() == ["run", "walk"]


def test_kinetics_keeps_splits_apart(samples, tmp_path):
    save_dataset(samples[0], tmp_path / "set", "kinetics", options=samples[1])
    for split, names in NAMES.items():
        files = [f"{name.replace('/', '_')}.json" for name in names]
        assert sorted(p.name for p in (tmp_path / "set" / split).iterdir()) == sorted(files)
        labels = json.loads((tmp_path / "set" / f"{split}_label.json").read_text())
        assert [x["label_index"] for x in labels.values()] == NUMBERS[split]
    assert not (tmp_path / "set_label.json").exists()
