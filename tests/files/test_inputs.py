"""Outputs never replace what they are made from, and pipes are not read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from skelstream.batch import ConversionOptions, convert
from skelstream.batch.manifest import read_manifest
from skelstream.errors import OutputError, SettingsError, SkelstreamError
from skelstream.evaluation.tracking import read_mot
from skelstream.files.inputs import check_not_inputs
from skelstream.files.json import read_json
from skelstream.files.toml import read_toml
from skelstream.formats import load
from skelstream.formats.labels import read_labels
from skelstream.video import open_source

ENDINGS = {".png"}


@pytest.fixture
def files(tmp_path):
    (tmp_path / "photos").mkdir()
    for name in ("a.mp4", "photos/1.png", "photos/2.png", "photos/old.npz"):
        (tmp_path / name).write_bytes(b"precious")
    os.link(tmp_path / "a.mp4", tmp_path / "hard.mp4")
    (tmp_path / "soft.mp4").symlink_to("a.mp4")
    return tmp_path


@pytest.mark.parametrize(
    ("output", "source"),
    [
        ("a.mp4", "a.mp4"),
        ("hard.mp4", "a.mp4"),
        ("soft.mp4", "a.mp4"),
        ("photos/../a.mp4", "a.mp4"),
        ("photos/2.png", "photos"),
        ("photos/2.png", "photos/*.png"),
        ("photos/2.png", "photos/2.png"),
    ],
)
def test_the_source_cannot_be_replaced(files, output, source):
    with pytest.raises(OutputError, match=r"\d?\.(mp4|png) would replace the input"):
        check_not_inputs([files / output], [str(files / source)], ENDINGS)


@pytest.mark.parametrize(
    ("output", "source"),
    [("b.npz", "a.mp4"), ("a.mp4", "photos"), ("photos/old.npz", "photos"), ("photos/1.png", "a.mp4")],
)
def test_other_files_can_be_replaced(files, output, source):
    check_not_inputs([files / output], [str(files / source)], ENDINGS)
    check_not_inputs([files / output], ["rtsp://camera/1?a=[b", 0, None])


def test_a_folder_with_an_input_is_not_replaced(files):
    for output in ("photos", "."):
        with pytest.raises(OutputError, match="would replace the input"):
            check_not_inputs([files / output], [files / "photos" / "old.npz"])
    with pytest.raises(OutputError, match="would replace the input"):
        check_not_inputs([files / "photos/old.npz"], [files / "photos"])


def test_two_outputs_are_two_files(files):
    with pytest.raises(SettingsError, match="would be one file"):
        check_not_inputs([files / "new.png", None, files / "photos/../new.png"], [])


def test_a_conversion_replaces_none_of_its_inputs(files):
    """Also where a format writes several files, and the table of labels."""
    labels = files / "k_label.json"
    labels.write_bytes(b"precious")
    (files / "labels.pkl").write_bytes(b"precious")
    for inputs, output, options in (
        ([labels], files / "k", ConversionOptions(format="kinetics", overwrite=True)),
        (
            [files / "a.npz"],
            files / "labels.pkl",
            ConversionOptions(labels=files / "labels.pkl", overwrite=True),
        ),
    ):
        with pytest.raises(OutputError, match="would replace the input"):
            convert(inputs, output, options=options)
    assert labels.read_bytes() == (files / "labels.pkl").read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("a.csv", read_manifest),
        ("a.csv", read_labels),
        ("a.csv", load),
        ("a.npz", load),
        ("a.json", read_json),
        ("a.toml", read_toml),
        ("a.csv", read_mot),
        ("a.mp4", open_source),
        ("a.png", open_source),
    ],
)
def test_a_pipe_is_refused_and_not_waited_for(tmp_path, name, read):
    path = tmp_path / name
    os.mkfifo(path)
    with pytest.raises(SkelstreamError, match=f"{name}: a pipe or device, not a file"):
        read(path)


@pytest.mark.parametrize("read", [read_manifest, read_labels, read_json])
def test_a_device_without_end_is_refused(read):
    with pytest.raises(SkelstreamError, match="/dev/zero: a pipe or device, not a file"):
        read(Path("/dev/zero"))
