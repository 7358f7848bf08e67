"""Tests of convert from Python."""

from __future__ import annotations

import pickle

import pytest

import skelstream
from skelstream.batch import ConversionOptions, convert
from skelstream.errors import OutputError, SettingsError
from skelstream.extraction.settings import ExtractionSettings
from skelstream.formats import save

TABLE = "path,id,label,split\n/v/2.mp4,a,run,train\n/v/3.mp4,b,walk,val\n/v/4.mp4,c,walk,train\n"


@pytest.fixture
def batch(fake_batch, tmp_path):
    """Return a batch of three clips with 2, 3 and 4 frames, of which the last is pending."""
    batch = fake_batch(tmp_path / "batch", TABLE)
    batch.extract(0, 1)
    return batch


@pytest.fixture
def files(batch, tmp_path):
    """Return two files of skeletons, a.npz and b.npz."""
    return [tmp_path / "batch" / f"{name}.npz" for name in "ab"]


def read_pickle(path):
    data = pickle.loads(path.read_bytes())
    return {row["frame_dir"]: (row["label"], row["total_frames"]) for row in data["annotations"]}, data[
        "split"
    ]


def test_one_file_is_converted(files, tmp_path):
    convert([files[0]], tmp_path / "a.csv")
    assert len((tmp_path / "a.csv").read_text().splitlines()) > 2
    assert skelstream.load(tmp_path / "a.csv").frames == 2
    with pytest.raises(OutputError, match="a.csv"):
        convert([files[0]], tmp_path / "a.csv")
    convert([files[0]], tmp_path / "a.csv", options=ConversionOptions(overwrite=True))


def test_postprocessing_is_applied(files, tmp_path):
    convert([files[1]], tmp_path / "b.npz", ExtractionSettings().with_options(skeleton="coco17"))
    assert len(skelstream.load(tmp_path / "b.npz").skeleton.joints) == 17


def test_files_with_labels_make_a_training_set(files, tmp_path):
    labels, notes, counts = tmp_path / "labels.csv", [], []
    labels.write_text("name,label,split\na,1,train\nb,0,val\n")
    options = ConversionOptions(labels=labels, note=notes.append)
    convert(files, tmp_path / "set.pkl", options=options, report=lambda *count: counts.append(count))
    assert read_pickle(tmp_path / "set.pkl") == ({"a": (1, 2), "b": (0, 3)}, {"train": ["a"], "val": ["b"]})
    assert counts == [(1, 2), (2, 2)]


def test_class_folders_make_a_training_set(files, tmp_path):
    paths = []
    for folder, path in zip(("train/run", "val/walk"), files, strict=True):
        (tmp_path / "set" / folder).mkdir(parents=True)
        paths.append(tmp_path / "set" / folder / path.name)
        save(skelstream.load(path), paths[-1])
    convert(paths, tmp_path / "set.pkl", options=ConversionOptions(class_folders=True))
    samples, split = read_pickle(tmp_path / "set.pkl")
    assert sorted(samples.values()) == [(0, 2), (1, 3)] and set(split) == {"train", "val"}


def test_the_results_of_a_batch_make_a_training_set(batch, tmp_path):
    notes = []
    convert([batch.results.location], tmp_path / "set.pkl", options=ConversionOptions(note=notes.append))
    samples, split = read_pickle(tmp_path / "set.pkl")
    assert samples == {"a": (0, 2), "b": (1, 3)} and split == {"train": ["a"], "val": ["b"]}
    assert "1 of 3 clips are not done and are left out" in notes


def test_inputs_and_options_that_exclude_each_other_are_errors(batch, files, tmp_path):
    both = ConversionOptions(labels=tmp_path / "labels.csv", class_folders=True)
    for inputs, options, message in (
        (["s3://bucket/a", "b.npz"], ConversionOptions(), "must be the only input"),
        (files, both, "not both"),
        ([batch.results.location], ConversionOptions(class_folders=True), "are in its manifest"),
    ):
        with pytest.raises(SettingsError, match=message):
            convert(inputs, tmp_path / "set.pkl", options=options)


def test_warnings_name_the_file_or_the_clip_that_they_are_about(batch, files, tmp_path):
    notes, wanted = [], ExtractionSettings().with_options(skeleton="coco-wholebody133", fps=25)
    convert(files, tmp_path / "set.pkl", wanted, ConversionOptions(note=notes.append))
    lines = [line for line in notes if "nobody looked for them" in line]
    assert [line.split(": ")[0] for line in lines] == [str(path) for path in files]
    notes.clear()
    options = ConversionOptions(note=notes.append, rate=100)
    convert([batch.results.location], tmp_path / "batch.pkl", wanted, options)
    lines = [line for line in notes if "nobody looked for them" in line or "given rate" in line]
    assert [line.split(": ")[0] for line in lines] == ["a", "a", "b", "b"]
    with pytest.raises(
        SettingsError, match="^a: its people have identities, so that max_lost has no effect$"
    ):
        convert([batch.results.location], tmp_path / "c.pkl", ExtractionSettings().with_options(max_lost=9.0))
