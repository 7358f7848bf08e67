from __future__ import annotations

from pathlib import Path

import pytest

from skelstream.batch.manifest import Clip, read_manifest, write_manifest
from skelstream.errors import FormatError


def test_a_tree_of_class_folders_has_labels_and_splits(class_folders):
    (class_folders / "train" / "walk" / "._001.mp4").write_bytes(b"")
    (class_folders / "notes.txt").write_text("no video")
    clips = read_manifest(class_folders)
    assert [(c.id, c.label, c.split) for c in clips] == [
        ("train/run/001", "run", "train"),
        ("train/walk/001", "walk", "train"),
        ("val/run/001", "run", "val"),
    ]
    assert clips[0].path == str(class_folders / "train/run/001.mp4")


def test_two_files_with_one_name_and_two_endings_are_two_clips(tmp_path):
    for name in ("a.avi", "a.mp4"):
        (tmp_path / name).write_bytes(b"")
    assert [(c.id, c.label) for c in read_manifest(tmp_path)] == [("a", ""), ("a.mp4", "")]


def test_a_csv_table_is_read(tmp_path):
    table = tmp_path / "clips.csv"
    table.write_text("path;label;start;end\nx/a.mp4;2;;\n../b.mov;;1.5;3\ns3://bucket/c.mp4;0;;\n")
    assert read_manifest(table) == [
        Clip("x/a", str(tmp_path / "x/a.mp4"), "2"),
        Clip("b@1.5-3", str(tmp_path / "../b.mov"), start=1.5, end=3.0),
        Clip("bucket/c", "s3://bucket/c.mp4", "0"),
    ]
    write_manifest(read_manifest(table), tmp_path / "again.csv")
    assert read_manifest(tmp_path / "again.csv") == read_manifest(table)


def test_a_parquet_table_is_read(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(arrow.table({"path": ["a.mp4"], "label": [3], "more": [0]}), tmp_path / "c.parquet")
    assert read_manifest(tmp_path / "c.parquet") == [Clip("a", str(tmp_path / "a.mp4"), "3")]


def test_column_names_may_have_capitals_and_spaces(tmp_path):
    table = tmp_path / "clips.csv"
    table.write_text("Path, Label,ID,Notes\na.mp4,run,q,x,,\n")
    assert read_manifest(table) == [Clip("q", str(tmp_path / "a.mp4"), "run")]
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(arrow.table({"Path": ["a.mp4"], "LABEL": [3]}), tmp_path / "c.parquet")
    assert read_manifest(tmp_path / "c.parquet") == [Clip("a", str(tmp_path / "a.mp4"), "3")]


@pytest.mark.parametrize(
    "text, message",
    [
        ("name,label\na,b\n", "no column path; it has name, label"),
        ("", "no column path"),
        ("path\n", "lists no clips"),
        ("path,label\n,run\n", "line 2: path is empty"),
        ("path,start\na.mp4,soon\n", "line 2: start is 'soon'"),
        ("path,start,end\na.mp4,3,2\n", "line 2: end is 2"),
        ("path,id\na.mp4,../../etc\n", "line 2: '../../etc' cannot be a file name"),
        ("path\na.mp4\na.avi\n", "have the same id a; give them different ones in a column id"),
        ('path\n"a\n', "cannot be read as CSV"),
        (
            "path,label\na.mp4,run, fast\n",
            "line 2: has more values than columns; quote values that contain ','",
        ),
        ("path,label,Label\na.mp4,a,b\n", "has two columns label"),
        ('path,id\n"a\nb.mp4",c\n\n,d\n', "line 5: path is empty"),
    ],
)
def test_a_damaged_table_is_a_one_line_error(tmp_path, text, message):
    table = tmp_path / "clips.csv"
    table.write_text(text)
    with pytest.raises(FormatError) as error:
        read_manifest(table)
    assert message in str(error.value) and str(table) in str(error.value) and "\n" not in str(error.value)


def test_a_path_with_a_nul_character_is_a_one_line_error(tmp_path):
    (tmp_path / "clips.csv").write_bytes(b"path,label\na.mp4,x\nb\0.mp4,y\n")
    with pytest.raises(FormatError, match=r"clips.csv, line 3: path is 'b.x00.mp4'"):
        read_manifest(tmp_path / "clips.csv")


def test_a_manifest_that_does_not_exist_or_is_empty_is_an_error(tmp_path):
    with pytest.raises(FormatError, match="no such file or folder"):
        read_manifest(tmp_path / "none.csv")
    with pytest.raises(FormatError, match="has no videos in it"):
        read_manifest(tmp_path)
    (tmp_path / "broken.parquet").write_bytes(b"PAR1")
    with pytest.raises(FormatError, match="cannot be read as Parquet"):
        read_manifest(tmp_path / "broken.parquet")


def test_a_remote_manifest_is_an_error():
    with pytest.raises(FormatError, match="a manifest must be a local file or folder"):
        read_manifest(Path("s3://bucket/clips.csv"))
