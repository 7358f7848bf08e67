"""Clips whose file names, ids and splits are unusual."""

from __future__ import annotations

import os
import sys

import pytest

from skelstream.batch.manifest import read_manifest, write_manifest
from skelstream.errors import FormatError
from skelstream.formats.format import Sample
from skelstream.formats.names import check_id, safe_id
from skelstream.sequences import SequenceBuilder
from skelstream.skeleton import COCO17


@pytest.mark.parametrize("split", ["../../../evil", "/tmp/evil", "..", ".", ".hidden", "a/b", "a\\b", "a\nb"])
def test_a_split_is_no_path(tmp_path, split):
    table = tmp_path / "clips.csv"
    table.write_text(f'path,split\na.mp4,"{split}"\n')
    with pytest.raises(FormatError, match=r"clips\.csv, line \d: .* is not a valid name of a split"):
        read_manifest(table)
    with pytest.raises(FormatError, match="not a valid name of a split"):
        Sample(SequenceBuilder(COCO17, source="a.mp4", height=9, width=9).finish(), "a", split=split)


@pytest.mark.parametrize("folder", ["a.npz", "a.checkpoint", "a.npz.extracting"])
def test_an_id_is_not_the_folder_of_another_clips_files(tmp_path, folder):
    table = tmp_path / "clips.csv"
    table.write_text(f"path,id\nx.mp4,{folder}/b\ny.mp4,a\n")
    with pytest.raises(FormatError, match="need a file and a folder of the same name"):
        read_manifest(table)
    table.write_text(f"path,id\nx.mp4,{folder}/b\ny.mp4,c\n")
    assert len(read_manifest(table)) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_unusual_file_names_keep_their_clips(tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    names = [
        b"caf\xe9.mp4",
        b"two\nlines.mp4",
        b"blank .mp4",
        b"blank.mp4",
        b"end.mp4 ",
        b" start.mp4",
        b"back\\slash.avi",
        b"re\rturn.mkv",
    ]
    for name in names:
        (folder / os.fsdecode(name)).write_bytes(b"")
    clips = read_manifest(folder)
    assert {os.fsencode(clip.path.rsplit("/", 1)[1]) for clip in clips} == set(names)
    assert {clip.id for clip in clips} == {
        "caf%E9", "two%0Alines", "blank", "blank.mp4", "end", "start", "back/slash", "re%0Dturn",
    }  # fmt: skip
    table = tmp_path / "out" / "manifest.csv"
    table.parent.mkdir()
    write_manifest(clips, table)
    assert read_manifest(table) == clips


def test_a_table_that_is_not_utf8_is_one_line(tmp_path):
    table = tmp_path / "clips.csv"
    table.write_bytes(b"path,label\na.mp4,caf\xe9\n")
    with pytest.raises(FormatError, match=r"clips\.csv, line 2: label .* is not UTF-8"):
        read_manifest(table)


@pytest.mark.parametrize("text", ["a/../b", "a\tb", " a", "a/b ", ".", "x" * 300, ".batch/x", "\udce9"])
def test_ids_are_checked_and_made_safe(text):
    with pytest.raises(FormatError, match=r"f\.csv: .* cannot be a file name"):
        check_id(text, "f.csv")
    assert "\t" not in safe_id(text) and safe_id("a b/c") == "a b/c"
