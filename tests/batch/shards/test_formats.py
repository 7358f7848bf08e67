"""Tests of shard formats, with the libraries that read them."""

from __future__ import annotations

import hashlib
import json
import tarfile
from dataclasses import replace

import numpy as np
import pytest

from skelstream.batch.manifest import Clip
from skelstream.batch.records import DONE, Record
from skelstream.batch.shards import webdataset
from skelstream.batch.shards.contract import Item
from skelstream.batch.shards.table import shard_format
from skelstream.errors import FormatError
from skelstream.formats import load, save
from skelstream.processing import filled
from skelstream.sequences import SkeletonSequence
from skelstream.sequences.lifted import Lifted
from skelstream.sequences.sequence import skeleton_meta
from skelstream.skeleton import COCO17, OPENPOSE18


def sequence(rows: int, skeleton=OPENPOSE18) -> SkeletonSequence:
    """Return one track with a joint missing in its middle, and a last frame without people."""
    joints, random = len(skeleton), np.random.default_rng(rows)
    keypoints = random.uniform(0, 90, (rows, joints, 2)).astype(np.float32)
    keypoints[1:-1, 3] = np.nan
    return SkeletonSequence(
        keypoints=keypoints,
        scores=np.where(np.isnan(keypoints[..., 0]), 0, 0.5).astype(np.float32),
        boxes=np.tile(np.float32([0, 0, 90, 90]), (rows, 1)),
        person_scores=np.full(rows, 0.5, np.float32),
        frame=np.arange(rows, dtype=np.int32),
        track_ids=np.arange(bool(rows), dtype=np.int32),
        track_start=np.array([0, rows] if rows else [0]),
        frame_index=np.arange(rows + 1, dtype=np.int32),
        frame_time=np.arange(rows + 1) / 10,
        frame_ok=np.ones(rows + 1, bool),
        meta={"source": "ä.mp4", "height": 90, "width": 90, "settings": {}, "warnings": [], **skeleton_meta(skeleton)},
    )  # fmt: skip


@pytest.fixture
def items(tmp_path) -> list[Item]:
    """Return clips of every kind: with and without people, filled, lifted, both, and with other joints."""
    lifted = Lifted(np.ones((6, 17, 3), np.float32), np.ones((6, 17), bool))
    sequences = {
        "run/a.b": sequence(4),
        "empty": sequence(0),
        "filled": filled(sequence(6), 1.0),
        "lifted": replace(sequence(6), lifted=lifted),
        "lifted%2E": replace(filled(sequence(6), 1.0), lifted=lifted),
        "x" * 150: sequence(3, COCO17),
    }
    found = []
    for id, one in sequences.items():
        save(one, tmp_path / "one.npz", overwrite=True)
        content = (tmp_path / "one.npz").read_bytes()
        record = Record(
            id, DONE, sha256=hashlib.sha256(content).hexdigest(), frames=one.frames, people=len(one.frame)
        )
        found.append(Item(Clip(id, "/v.mp4", "läuft", "train"), record, content))
    return found


@pytest.mark.parametrize("name", ["one.tar", "one.parquet"])
def test_a_shard_returns_the_bytes_that_were_written(items, tmp_path, name):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    format = shard_format(name)
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        format.write(tmp_path / folder / name, items)
    assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    shard = format.open(tmp_path / "a" / name)
    assert list(shard.ids) == [item.clip.id for item in items]
    for item in reversed(items):
        assert shard.read(item.clip.id) == item.content
    shard.close()


def test_a_tar_has_an_npz_and_a_json_for_each_key(items, tmp_path):
    webdataset.write(tmp_path / "one.tar", items)
    with tarfile.open(tmp_path / "one.tar") as file:
        names = file.getnames()
        assert names[:4] == ["run/a%2Eb.npz", "run/a%2Eb.json", "empty.npz", "empty.json"]
        assert {(entry.mtime, entry.uid, entry.uname) for entry in file} == {(0, 0, "")}
    assert webdataset.key_of("a.b/c%.d") == "a.b/c%25%2Ed"


# The library does not close its files.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning")
def test_the_webdataset_library_reads_a_shard(items, tmp_path):
    wds = pytest.importorskip("webdataset")
    webdataset.write(tmp_path / "one.tar", items)
    read = list(wds.WebDataset(str(tmp_path / "one.tar"), shardshuffle=False).decode())
    assert [sample["json"]["id"] for sample in read] == [item.clip.id for item in items]
    assert read[0]["json"] == {
        "id": "run/a.b", "label": "läuft", "split": "train", "frames": 5, "tracks": 0, "people": 4
    }  # fmt: skip
    assert read[0]["npz"]["keypoints"].shape == (4, 18, 2)


def test_a_parquet_row_has_the_arrays_in_columns(items, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    shard_format("one.parquet").write(tmp_path / "one.parquet", items)
    table = parquet.read_table(tmp_path / "one.parquet")
    first, found = table.slice(0, 1).to_pylist()[0], sequence(4)
    assert (first["id"], first["label"], first["split"], first["frames"]) == ("run/a.b", "läuft", "train", 5)
    keypoints = np.array(first["keypoints"], np.float32).reshape(-1, 18, 2)
    assert np.array_equal(keypoints, found.keypoints, equal_nan=True)
    assert first["frame_time"] == found.frame_time.tolist() and first["keypoints_3d"] is None
    assert json.loads(first["meta"])["source"] == "ä.mp4"
    assert table["keypoints"].to_pylist()[1] == [] and len(table["clean_keypoints"].to_pylist()[2]) == 6


def test_parquet_shards_have_row_groups_of_limited_size(items, tmp_path, monkeypatch):
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr("skelstream.batch.shards.parquet._ROW_GROUP", 2 * len(items[0].content))
    shard_format("one.parquet").write(tmp_path / "one.parquet", items)
    with parquet.ParquetFile(tmp_path / "one.parquet") as file:
        assert file.num_row_groups == 3
    shard = shard_format("one.parquet").open(tmp_path / "one.parquet")
    assert [shard.read(id) for id in shard.ids] == [item.content for item in items]
    shard.close()


def test_an_npz_of_other_software_cannot_be_packed_as_parquet(items, tmp_path):
    pytest.importorskip("pyarrow")
    arrays = dict(np.load(tmp_path / "one.npz"))
    np.savez_compressed(tmp_path / "other.npz", **arrays)
    other = replace(items[0], content=(tmp_path / "other.npz").read_bytes())
    with pytest.raises(FormatError, match="run/a.b: its npz was not written by skelstream"):
        shard_format("one.parquet").write(tmp_path / "one.parquet", [other])
    assert load(tmp_path / "other.npz").frames == 4


def test_columns_have_their_types_where_the_first_clip_is_empty(items, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    arrow = pytest.importorskip("pyarrow")
    write = shard_format("a.parquet").write
    for name, chosen in (
        ("all.parquet", items),
        ("empty.parquet", [item for item in items if item.clip.id == "empty"]),
    ):
        write(tmp_path / name, chosen)
    schema = parquet.read_schema(tmp_path / "empty.parquet")
    assert schema == parquet.read_schema(tmp_path / "all.parquet")
    assert schema.field("keypoints").type == arrow.list_(arrow.list_(arrow.float32()))
