from __future__ import annotations

import csv
import errno
import io
import sys

import pytest

import skelstream
from skelstream.batch.events import ClipFinished
from skelstream.batch.manifest import Clip
from skelstream.batch.result_files import ResultFiles
from skelstream.batch.shards import packing as module
from skelstream.batch.shards.contents import ShardContents
from skelstream.batch.shards.layout import Layout, shard_groups
from skelstream.batch.shards.packing import packing
from skelstream.batch.status import status_of
from skelstream.batch.store.folder import FolderStore
from skelstream.batch.store.store import StoreError
from skelstream.errors import FormatError, MissingExtraError, OutputError


@pytest.fixture(params=["webdataset", "parquet"])
def format(request):
    if request.param == "parquet":
        pytest.importorskip("pyarrow")
    return request.param


@pytest.fixture(params=["folder", "memory"])
def location(request, tmp_path):
    return tmp_path / "out" if request.param == "folder" else request.getfixturevalue("memory_url")


TABLE = """path,id,label,split
/v/0.mp4,run/a.b%,run,train
/v/1.mp4,run/b,run,train
/v/2.mp4,walk/a,walk,val
/v/3.mp4,walk/b,walk,train
/v/4.mp4,walk/c,walk,train
/v/5.mp4,walk/d,walk,val
/v/6.mp4,walk/e,walk,train
"""


@pytest.fixture
def expected_files(fake_batch, tmp_path, format):
    """Return the files of a batch that was packed without interruption."""
    batch = fake_batch(tmp_path / "expected", TABLE, format)
    batch.extract(*range(7))
    batch.pack()
    return batch.files()


def state_of(batch):
    plan = batch.plan()
    return [batch.clips.index(clip) for clip in plan.pending], plan.done, plan.failed


def test_each_split_has_its_shards_and_the_index_names_them(fake_batch, location, format, expected_files):
    batch = fake_batch(location, TABLE, format)
    batch.extract(3, 6, 4, 0, 1, 5, 2)
    found, ending = batch.pack(), ".tar" if format == "webdataset" else ".parquet"
    assert (found.shards, found.clips, found.waiting) == (4, 7, 0)
    shards = [f"shards/train-00000{i}{ending}" for i in range(3)] + [f"shards/val-000000{ending}"]
    assert sorted(batch.files()) == ["index.csv", *shards] and batch.files() == expected_files
    rows = list(csv.DictReader(io.StringIO(expected_files["index.csv"].decode())))
    assert [(r["id"], r["shard"], r["position"]) for r in rows][2:4] == [
        ("walk/b", f"train-000001{ending}", "0"),
        ("walk/c", f"train-000001{ending}", "1"),
    ]
    assert state_of(batch) == ([], 7, 0)
    status = status_of(batch.results)
    assert (len(status.done), status.packed, status.shards) == (7, 7, 4)


def test_no_shard_name_starts_with_a_dot_or_underscore():
    splits = ["", "train", "a/b", ".held", "_held", "5%"]
    clips = [Clip(str(i), "a.mp4", split=split) for i, split in enumerate(splits)]
    names = [group.name for group in shard_groups(clips, Layout("parquet", 9))]
    assert names == [
        f"shards/{name}000000.parquet" for name in ("", "train-", "a%2Fb-", "%2Eheld-", "%5Fheld-", "5%25-")
    ]


def test_shards_are_written_while_other_clips_are_extracted(fake_batch, tmp_path, format, expected_files):
    batch, seen = fake_batch(tmp_path / "out", TABLE, format), []

    def finished():
        for number in range(7):
            batch.extract(number)
            yield ClipFinished(batch.clips[number], None)
            # Count names only: listed files may be removed while shards are written.
            seen.append(len(list((tmp_path / "out").glob("shards/*"))))

    for _ in packing(finished(), batch.results, batch.settings, batch.clips):
        pass
    assert batch.files() == expected_files and seen[0] == 0 and not list((tmp_path / "out").rglob("*.npz"))


def test_failed_clips_are_left_out_until_they_are_done(fake_batch, location, format, expected_files):
    batch = fake_batch(location, TABLE, format)
    batch.extract(0, 2, 3, 4, 5, 6)
    batch.fail(1)
    assert batch.pack().clips == 6 and state_of(batch) == ([], 6, 1)
    batch.reset(1)
    assert state_of(batch) == ([1], 6, 0)
    assert batch.pack().waiting == 1 and state_of(batch) == ([1], 6, 0)
    batch.extract(1)
    assert batch.pack().clips == 7 and batch.files() == expected_files


def test_a_shard_waits_for_pending_clips(fake_batch, location, format):
    batch = fake_batch(location, TABLE, format)
    batch.extract(0, 3, 4)
    found = batch.pack()
    assert (found.shards, found.clips, found.waiting) == (1, 2, 1) and "run/a.b%.npz" in batch.files()


@pytest.mark.parametrize("at", ["contents", "removal"])
def test_a_kill_between_two_steps_of_packing_loses_nothing(
    fake_batch, location, format, expected_files, monkeypatch, at
):
    batch = fake_batch(location, TABLE, format)
    batch.extract(0, 1, 2, 3, 4, 5)
    batch.fail(6)
    batch.pack()
    batch.reset(6)
    batch.extract(6)

    class Killed(BaseException):
        pass

    def kill(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(
            *((ShardContents, "write", kill) if at == "contents" else (module, "remove_shard", kill))
        )
        if at == "removal":
            patch.setattr(type(batch.results.store), "remove", kill)
        with pytest.raises(Killed):
            batch.pack()
    assert state_of(batch) == ([], 7, 0) and len(status_of(batch.results).done) == 7
    assert batch.pack().clips == 7 and batch.files() == expected_files


def test_clips_of_a_damaged_shard_are_extracted_and_packed_again(
    fake_batch, location, format, expected_files
):
    batch = fake_batch(location, TABLE, format)
    batch.extract(*range(7))
    batch.pack()
    store, name = batch.results.store, next(name for name in expected_files if name.startswith("shards/val"))
    store.write(name, expected_files[name][: len(expected_files[name]) // 3])
    todo, done, _ = state_of(batch)
    assert 5 in todo and set(todo) <= {2, 5} and done == 7 - len(todo)
    batch.extract(*todo)
    batch.pack()
    assert batch.files() == expected_files


def test_a_deleted_result_is_reported_and_delays_its_shard_only(fake_batch, location, format, expected_files):
    batch = fake_batch(location, TABLE, format)
    batch.extract(*range(7))
    batch.results.store.remove(["walk/d.npz"])
    status = status_of(batch.results)
    assert (status.pending, status.deleted, status.outdated) == (1, 1, 0)
    found = batch.pack()
    assert (found.damaged, found.waiting, found.clips) == (["walk/d"], 1, 5) and "walk/a.npz" in batch.files()
    batch.extract(5)
    assert batch.pack().damaged == [] and batch.files() == expected_files


def test_clips_that_cannot_be_unpacked_are_reported(fake_batch, location, format, expected_files):
    batch = fake_batch(location, TABLE, format)
    batch.extract(*range(7))
    batch.pack()
    name = next(name for name in expected_files if name.startswith("shards/val"))
    batch.results.store.write(name, expected_files[name][:100])
    batch.results.set_layout(None)
    assert batch.pack().damaged == ["walk/a", "walk/d"] and state_of(batch) == ([2, 5], 5, 0)


def test_unpacking_replaces_a_damaged_file_of_a_clip(fake_batch, location, format):
    unpacked = fake_batch(location, TABLE)
    unpacked.extract(*range(7))
    before = unpacked.files()
    unpacked.results.set_layout(Layout(format, 2))
    batch = fake_batch(location, TABLE)
    batch.pack()
    batch.results.store.write("walk/a.npz", b"cut short")
    batch.results.set_layout(None)
    assert batch.pack().damaged == [] and batch.files() == before


@pytest.mark.parametrize(
    "planted",
    ['[[{},"x","y"]]', '[["a","b"]]', "3", '[["a",1,""]]', "[" * 100_000],
    ids=["mapping", "short", "number", "type", "deep"],
)
def test_planted_contents_do_not_count(fake_batch, tmp_path, format, expected_files, planted):
    batch = fake_batch(tmp_path / "out", TABLE, format)
    batch.extract(*range(7))
    batch.pack()
    for path in (tmp_path / "out" / ".batch" / "contents").iterdir():
        path.write_text('{"size": 1, "sha256": "", "md5": "", "clips": ' + planted + "}")
    assert state_of(batch) == ([], 7, 0) and batch.files() == expected_files


def test_a_failing_disk_is_no_damage_of_a_shard(fake_batch, tmp_path, format, monkeypatch):
    batch = fake_batch(tmp_path / "out", TABLE, format)
    batch.extract(*range(7))
    batch.pack()

    def fail(*_):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(type(batch.results.store), "local_file", fail)
    with ResultFiles(batch.results) as files, pytest.raises(StoreError, match="Too many open files"):
        shards = files.shards
        shards.read(*shards.clips_of(next(iter(shards)))[0])


def test_a_changed_byte_in_a_shard_is_detected(fake_batch, tmp_path, format, expected_files):
    batch = fake_batch(tmp_path / "out", TABLE, format)
    batch.extract(*range(7))
    batch.pack()
    (shard,) = (tmp_path / "out" / "shards").glob("val*")
    content = bytearray(shard.read_bytes())
    content[content.index(b"\x00\x00\x80\x40") if format == "webdataset" else 40] ^= 1
    shard.write_bytes(content)
    todo, *_ = state_of(batch)
    assert todo and set(todo) <= {2, 5}


def test_a_changed_manifest_moves_clips_to_other_shards(fake_batch, location, format, expected_files):
    head, *lines = TABLE.replace("run/b,run", "run/b,jog").splitlines()
    before = [head, lines[6], *lines[1:4], lines[5], "/v/9.mp4,removed,run,train"]
    old = fake_batch(location, "\n".join(before), format)
    old.extract(*range(6))
    assert old.pack().clips == 6
    batch = fake_batch(location, TABLE)
    assert state_of(batch) == ([0, 4], 5, 0)
    batch.extract(0, 4)
    batch.pack()
    assert state_of(batch) == ([], 7, 0)
    files = batch.files()
    assert files.pop("removed.npz") and files == expected_files


def test_results_of_other_settings_replace_those_in_shards(fake_batch, location, format, expected_files):
    batch = fake_batch(location, TABLE, format, settings={"size": 64})
    batch.extract(*range(7), x=9.0)
    batch.pack()
    batch = fake_batch(location, TABLE, settings={}, redo=True)
    assert state_of(batch) == ([*range(7)], 0, 0) and status_of(batch.results).outdated == 7
    batch.extract(*range(6))
    batch.fail(6)
    assert batch.pack().clips == 6
    batch.reset(6)
    batch.extract(6)
    batch.pack()
    assert batch.files() == expected_files


def test_shards_are_unpacked_and_packed_again(fake_batch, location, format, expected_files):
    unpacked = fake_batch(location, TABLE)
    unpacked.extract(*range(7))
    before = unpacked.files()
    batch = fake_batch(location, TABLE)
    with pytest.raises(OutputError, match="a file per clip; .* --clips-per-shard 2$"):
        fake_batch(location, TABLE, format)
    for other in ("webdataset", format):
        batch.results.set_layout(Layout(other, 2))
        assert batch.pack().clips == 7 and state_of(batch) == ([], 7, 0)
    assert batch.files() == expected_files
    batch.results.set_layout(None)
    assert batch.pack().shards == 0 and batch.files() == before


def test_a_batch_is_iterated_in_the_manifests_order(fake_batch, location, format):
    batch = fake_batch(location, TABLE, format)
    batch.extract(0, 1, 2, 3, 5, 6)
    batch.pack()
    found = skelstream.Batch(batch.results.location)
    samples = [(s.name, s.label, s.split, s.sequence.frames) for s in found]
    numbers = (0, 1, 2, 3, 5, 6)
    assert (
        samples == [(c.id, int(c.label == "walk"), c.split, n) for n in numbers for c in [batch.clips[n]]]
        and len(found) == 6
    )
    assert "1 of 7 clips are not done and are left out" in list(found.remarks())
    for name in batch.files():
        batch.results.store.write(name, b"cut")
    with pytest.raises(FormatError, match="does not exist or has changed"):
        list(found)


def test_several_threads_pack_one_folder(fake_batch, tmp_path, format, expected_files):
    from threading import Thread

    batch = fake_batch(tmp_path / "out", TABLE, format)
    batch.extract(*range(7))
    threads = [Thread(target=batch.pack) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert batch.files() == expected_files and state_of(batch) == ([], 7, 0)
    assert isinstance(batch.results.store, FolderStore)


@pytest.mark.parametrize(
    "text",
    [
        b'{"format": "parquet"}',
        b'{"format": "zip", "clips": 3}',
        b'{"format": "parquet", "clips": true}',
        b"[1]",
        b"0",
        b"",
    ],
)
def test_a_damaged_layout_file_is_a_one_line_error(fake_batch, tmp_path, text):
    batch = fake_batch(tmp_path / "out", TABLE)
    batch.results.store.write(".batch/shards.json", text)
    with pytest.raises(FormatError, match=r"shards\.json: (clips is|format is|the layout is|not JSON)"):
        batch.results.layout()


def test_a_missing_parquet_library_is_an_error_before_the_extraction(fake_batch, tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    batch = fake_batch(tmp_path / "batch", TABLE, "parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"skelstream\[formats\]"):
        next(packing((event for event in ()), batch.results, batch.settings, ()))
    with pytest.raises(MissingExtraError):
        fake_batch(tmp_path / "out", TABLE, "parquet")
    assert fake_batch(tmp_path / "out", TABLE, "webdataset").results.layout() == Layout("webdataset", 2)
