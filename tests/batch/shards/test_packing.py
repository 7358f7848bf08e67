from __future__ import annotations

import csv
import io
import sys

import pytest

import skelstream
from skelstream.batch.events import ClipFinished
from skelstream.batch.manifest import Clip
from skelstream.batch.shards import packing
from skelstream.batch.shards.contents import Contents
from skelstream.batch.shards.layout import Layout, groups_of
from skelstream.batch.shards.packing import packed
from skelstream.batch.status import status_of
from skelstream.batch.store.folder import FolderStore
from skelstream.errors import FormatError, MissingExtraError, OutputError


@pytest.fixture(params=["webdataset", "parquet"])
def format(request):
    if request.param == "parquet":
        pytest.importorskip("pyarrow")
    return request.param


@pytest.fixture(params=["folder", "memory"])
def place(request, tmp_path):
    return tmp_path / "out" if request.param == "folder" else request.getfixturevalue("memory")


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
def whole(drawn, tmp_path, format):
    """The files of a batch that nothing disturbed."""
    batch = drawn(tmp_path / "whole", TABLE, format)
    batch.do(*range(7))
    batch.pack()
    return batch.files()


def state_of(batch):
    plan = batch.plan()
    return [batch.clips.index(clip) for clip in plan.todo], plan.done, plan.failed


def test_shards_of_each_split_and_an_index(drawn, place, format, whole):
    batch = drawn(place, TABLE, format)
    batch.do(3, 6, 4, 0, 1, 5, 2)
    found, ending = batch.pack(), ".tar" if format == "webdataset" else ".parquet"
    assert (found.shards, found.clips, found.waiting) == (4, 7, 0)
    shards = [f"shards/train-00000{i}{ending}" for i in range(3)] + [f"shards/val-000000{ending}"]
    assert sorted(batch.files()) == ["index.csv", *shards] and batch.files() == whole
    rows = list(csv.DictReader(io.StringIO(whole["index.csv"].decode())))
    assert [(r["id"], r["shard"], r["position"]) for r in rows][2:4] == [
        ("walk/b", f"train-000001{ending}", "0"),
        ("walk/c", f"train-000001{ending}", "1"),
    ]
    assert state_of(batch) == ([], 7, 0)
    status = status_of(batch.results)
    assert (len(status.done), status.packed, status.shards) == (7, 7, 4)


def test_no_shard_is_hidden_from_readers_of_folders():
    splits = ["", "train", "a/b", ".held", "_held", "5%"]
    clips = [Clip(str(i), "a.mp4", split=split) for i, split in enumerate(splits)]
    names = [group.name for group in groups_of(clips, Layout("parquet", 9))]
    assert names == [
        f"shards/{name}000000.parquet" for name in ("", "train-", "a%2Fb-", "%2Eheld-", "%5Fheld-", "5%25-")
    ]


def test_groups_are_packed_while_others_are_done(drawn, tmp_path, format, whole):
    batch, seen = drawn(tmp_path / "out", TABLE, format), []

    def finished():
        for number in range(7):
            batch.do(number)
            yield ClipFinished(batch.clips[number], None)
            # Names only: files that are listed may go while shards are written.
            seen.append(len(list((tmp_path / "out").glob("shards/*"))))

    for _ in packed(finished(), batch.results, batch.settings, batch.clips):
        pass
    assert batch.files() == whole and seen[0] == 0 and not list((tmp_path / "out").rglob("*.npz"))


def test_clips_that_failed_are_left_out_until_they_are_done(drawn, place, format, whole):
    batch = drawn(place, TABLE, format)
    batch.do(0, 2, 3, 4, 5, 6)
    batch.fail(1)
    assert batch.pack().clips == 6 and state_of(batch) == ([], 6, 1)
    batch.forgive(1)
    assert state_of(batch) == ([1], 6, 0)
    assert batch.pack().waiting == 1 and state_of(batch) == ([1], 6, 0)
    batch.do(1)
    assert batch.pack().clips == 7 and batch.files() == whole


def test_a_shard_waits_for_clips_that_are_still_to_be_done(drawn, place, format):
    batch = drawn(place, TABLE, format)
    batch.do(0, 3, 4)
    found = batch.pack()
    assert (found.shards, found.clips, found.waiting) == (1, 2, 1) and "run/a.b%.npz" in batch.files()


@pytest.mark.parametrize("at", ["noted", "removed"])
def test_a_kill_between_two_steps_loses_nothing(drawn, place, format, whole, monkeypatch, at):
    batch = drawn(place, TABLE, format)
    batch.do(0, 1, 2, 3, 4, 5)
    batch.fail(6)
    batch.pack()
    batch.forgive(6)
    batch.do(6)

    class Killed(BaseException):
        pass

    def kill(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(*((Contents, "keep", kill) if at == "noted" else (packing, "forget", kill)))
        if at == "removed":
            patch.setattr(type(batch.results.store), "remove", kill)
        with pytest.raises(Killed):
            batch.pack()
    assert state_of(batch) == ([], 7, 0) and len(status_of(batch.results).done) == 7
    assert batch.pack().clips == 7 and batch.files() == whole


def test_what_was_damaged_is_done_again_and_packed_anew(drawn, place, format, whole):
    batch = drawn(place, TABLE, format)
    batch.do(*range(7))
    batch.pack()
    store, name = batch.results.store, next(name for name in whole if name.startswith("shards/val"))
    store.write(name, whole[name][: len(whole[name]) // 3])
    todo, done, _ = state_of(batch)
    assert 5 in todo and set(todo) <= {2, 5} and done == 7 - len(todo)
    batch.do(*todo)
    batch.pack()
    assert batch.files() == whole


def test_results_that_are_gone_are_told_and_hold_up_their_shard_alone(drawn, place, format, whole):
    batch = drawn(place, TABLE, format)
    batch.do(*range(7))
    batch.results.store.remove(["walk/d.npz"])
    status = status_of(batch.results)
    assert (status.missing, status.gone, status.stale) == (1, 1, 0)
    found = batch.pack()
    assert (found.lost, found.waiting, found.clips) == (["walk/d"], 1, 5) and "walk/a.npz" in batch.files()
    batch.do(5)
    assert batch.pack().lost == [] and batch.files() == whole


def test_what_a_damaged_shard_does_not_give_back_is_told(drawn, place, format, whole):
    batch = drawn(place, TABLE, format)
    batch.do(*range(7))
    batch.pack()
    name = next(name for name in whole if name.startswith("shards/val"))
    batch.results.store.write(name, whole[name][:100])
    batch.results.lay_out(None)
    assert batch.pack().lost == ["walk/a", "walk/d"] and state_of(batch) == ([2, 5], 5, 0)


def test_a_byte_that_changed_in_a_folder_is_seen(drawn, tmp_path, format, whole):
    batch = drawn(tmp_path / "out", TABLE, format)
    batch.do(*range(7))
    batch.pack()
    (shard,) = (tmp_path / "out" / "shards").glob("val*")
    content = bytearray(shard.read_bytes())
    content[content.index(b"\x00\x00\x80\x40") if format == "webdataset" else 40] ^= 1
    shard.write_bytes(content)
    todo, *_ = state_of(batch)
    assert todo and set(todo) <= {2, 5}


def test_a_manifest_that_changed_moves_clips_to_other_shards(drawn, place, format, whole):
    head, *lines = TABLE.replace("run/b,run", "run/b,jog").splitlines()
    before = [head, lines[6], *lines[1:4], lines[5], "/v/9.mp4,gone,run,train"]
    old = drawn(place, "\n".join(before), format)
    old.do(*range(6))
    assert old.pack().clips == 6
    batch = drawn(place, TABLE)
    assert state_of(batch) == ([0, 4], 5, 0)
    batch.do(0, 4)
    batch.pack()
    assert state_of(batch) == ([], 7, 0)
    files = batch.files()
    assert files.pop("gone.npz") and files == whole


def test_other_settings_replace_what_shards_held(drawn, place, format, whole):
    batch = drawn(place, TABLE, format, settings={"size": 64})
    batch.do(*range(7), x=9.0)
    batch.pack()
    batch = drawn(place, TABLE, settings={}, redo=True)
    assert state_of(batch) == ([*range(7)], 0, 0) and status_of(batch.results).stale == 7
    batch.do(*range(6))
    batch.fail(6)
    assert batch.pack().clips == 6
    batch.forgive(6)
    batch.do(6)
    batch.pack()
    assert batch.files() == whole


def test_shards_are_taken_apart_and_made_anew(drawn, place, format, whole):
    loose = drawn(place, TABLE)
    loose.do(*range(7))
    before = loose.files()
    batch = drawn(place, TABLE)
    with pytest.raises(OutputError, match="a file for each clip; .* --clips-per-shard 2$"):
        drawn(place, TABLE, format)
    for other in ("webdataset", format):
        batch.results.lay_out(Layout(other, 2))
        assert batch.pack().clips == 7 and state_of(batch) == ([], 7, 0)
    assert batch.files() == whole
    batch.results.lay_out(None)
    assert batch.pack().shards == 0 and batch.files() == before


def test_a_batch_is_gone_through_in_the_manifests_order(drawn, place, format):
    batch = drawn(place, TABLE, format)
    batch.do(0, 1, 2, 3, 5, 6)
    batch.pack()
    found = skelstream.Batch(batch.results.place)
    samples = [(s.name, s.label, s.split, s.sequence.frames) for s in found]
    numbers = (0, 1, 2, 3, 5, 6)
    assert (
        samples == [(c.id, int(c.label == "walk"), c.split, n) for n in numbers for c in [batch.clips[n]]]
        and len(found) == 6
    )
    assert "1 of 7 clips are not done, and left out" in list(found.remarks())
    for name in batch.files():
        batch.results.store.write(name, b"cut")
    with pytest.raises(FormatError, match="is missing, or not what was recorded"):
        list(found)


def test_two_processes_pack_one_folder(drawn, tmp_path, format, whole):
    from threading import Thread

    batch = drawn(tmp_path / "out", TABLE, format)
    batch.do(*range(7))
    threads = [Thread(target=batch.pack) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert batch.files() == whole and state_of(batch) == ([], 7, 0)
    assert isinstance(batch.results.store, FolderStore)


@pytest.mark.parametrize("text", [b'{"format": "parquet"}', b"[1]", b""])
def test_a_damaged_note_of_the_shards_is_one_line(drawn, tmp_path, text):
    batch = drawn(tmp_path / "out", TABLE)
    batch.results.store.write(".batch/shards.json", text)
    with pytest.raises(FormatError, match=r"shards\.json: (does not say which|not JSON)"):
        batch.results.layout()


def test_shards_that_cannot_be_written_are_told_before_clips_are_done(drawn, tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    there = drawn(tmp_path / "there", TABLE, "parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"skelstream\[formats\]"):
        next(packed((event for event in ()), there.results, there.settings, ()))
    with pytest.raises(MissingExtraError):
        drawn(tmp_path / "out", TABLE, "parquet")
    assert drawn(tmp_path / "out", TABLE, "webdataset").results.layout() == Layout("webdataset", 2)
