from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from skelstream.batch.records import DONE, Record, Recorder, Records
from skelstream.batch.store.opening import store_at
from skelstream.batch.store.store import Found, StoreError
from skelstream.errors import MissingExtraError, OutputError
from skelstream.files.atomic import replacing


@dataclass
class Marked:
    size: int
    sha256: str
    md5: str = ""


@pytest.fixture(params=["folder", "memory", "renaming"])
def store(request, tmp_path, memory, monkeypatch):
    if request.param == "renaming":  # as a file system on which half a file can be seen
        monkeypatch.setattr("skelstream.batch.store.remote._OBJECT_STORES", set())
    return store_at(tmp_path / "out" if request.param == "folder" else memory)


def test_files_come_and_go(store):
    assert store.find("a/b.npz") is None and store.listed("") == {}
    with pytest.raises(FileNotFoundError):
        store.read("a/b.npz")
    store.write("a/b.npz", b"old")
    store.write("a/b.npz", b"content")
    with store.made("a/c.npz") as path, replacing(path) as temporary:
        temporary.write_bytes(b"more")
    assert store.listed("") == {"a/b.npz": Found(7), "a/c.npz": Found(4)} == store.listed("a")
    assert store.read("a/b.npz") == b"content" and store.find("a") is None
    with store.local("a/c.npz") as path:
        assert path.read_bytes() == b"more"
    assert dict(store.tails({"a/b.npz": (3, 7), "none": (0, 9)})).keys() == {"a/b.npz"}
    store.remove(["a/b.npz", "none"])
    store.prune(["a/b.npz", "a/c.npz"])
    assert store.listed("") == {"a/c.npz": Found(4)}


def test_only_folders_of_results_are_removed(tmp_path):
    for folder in ("mine", "run/far/in", "run/mine", "walk"):
        (tmp_path / folder).mkdir(parents=True)
    store_at(tmp_path).prune(["a.npz", "run/far/in/b.npz", "walk/c.npz", "none/d.npz"])
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["mine", "mine", "run"]


def test_nothing_appears_of_a_file_that_was_not_finished(store):
    with pytest.raises(ZeroDivisionError), store.made("a.npz") as path, replacing(path) as temporary:
        temporary.write_bytes(b"half")
        raise ZeroDivisionError
    assert store.listed("") == {}


def test_what_is_left_beside_a_file_is_found_again(store):
    for found in (False, True):
        with store.made("a.npz") as path:
            path.write_bytes(b"whole")
            beside = path.with_name("a.checkpoint")
            assert beside.exists() is found
            beside.write_bytes(b"frames")
    beside.unlink()


def test_one_process_of_a_machine_has_a_file(store):
    with store.claimed("a.npz", wait=False) as ours, store.claimed("a.npz", wait=False) as again:
        assert ours is True and again is False


def test_whole_is_what_was_recorded(store):
    store.write("a", b"content")
    sha256 = hashlib.sha256(b"content").hexdigest()
    assert store.whole("a", Marked(7, sha256)) and not store.whole("a", Marked(8, sha256))
    assert not store.whole("none", Marked(7, sha256))


def test_logs_grow_and_are_read_as_far_as_they_have_grown(store):
    recorder, records = Recorder(store), Records(store)
    recorder.add(Record("a", DONE, "s", 1.0))
    later = Records(store, Records(store).seen)
    recorder.add(Record("b", DONE, "s", 1.0))
    for read in (records, later):
        read.refresh()
    recorder.close()
    assert list(records) == ["a", "b"] and list(later) == ["b"]
    other = Recorder(store)
    other.add(Record("c", DONE, "s", 1.0))
    records.refresh(patience=1000.0)
    assert "c" not in list(records)


def test_a_segment_that_is_full_is_followed_by_another(memory):
    store, message = store_at(memory), "x" * 30_000
    recorder, records = Recorder(store), Records(store)
    for number in range(5):
        recorder.add(Record(f"{number}", DONE, "s", 1.0, message=message))
        records.refresh()
    assert len(store.listed(".batch/records")) == 3 and len(list(records)) == 5 == len(list(Records(store)))


@pytest.mark.parametrize(
    "info, md5",
    [
        ({"ETag": '"9A0364B9E99BB480DD25E1F0284C8555"'.lower()}, "9a0364b9e99bb480dd25e1f0284c8555"),
        ({"ETag": '"9a0364b9e99bb480dd25e1f0284c8555-2"'}, ""),  # put in parts
        ({"md5Hash": "mgNkuembtIDdJeHwKEyFVQ=="}, "9a0364b9e99bb480dd25e1f0284c8555"),
        ({"content_settings": {"content_md5": bytearray(b"\x9a\x03")}}, "9a03"),
        ({"content_settings": {"content_md5": None}}, ""),
    ],
)
def test_checksums_of_several_stores(info, md5):
    from skelstream.batch.store.remote import _found

    assert _found({"size": 7, **info}) == Found(7, md5)


def test_what_was_put_is_compared_with_what_is_there(memory, monkeypatch):
    store, md5 = store_at(memory), hashlib.md5(b"content").hexdigest()
    store.write("a", b"content")
    assert store.confirmed("a", 7, md5) == ""
    with pytest.raises(StoreError, match="memory://skeletons/a: is not there as it was put"):
        store.confirmed("a", 8, md5)
    for told, confirmed in ((md5, md5), ("0" * 32, "")):  # the other as of a store that encrypts
        monkeypatch.setattr("skelstream.batch.store.remote._md5", lambda _, told=told: told)
        assert store.confirmed("a", 7, md5) == confirmed
        assert store.whole("a", Marked(7, "", confirmed))
    assert not store.whole("a", Marked(7, "", md5))


def test_places_that_cannot_be_reached_end_it_in_one_line(tmp_path, memory, monkeypatch):
    with pytest.raises(StoreError, match="nowhere://a: cannot be reached"):
        store_at("nowhere://a")
    store = store_at(memory)

    def refused(*_, **__):
        raise PermissionError("Access\nDenied")

    monkeypatch.setattr("fsspec.implementations.memory.MemoryFileSystem.pipe_file", refused)
    with pytest.raises(StoreError, match=r"skeletons/a: cannot be reached \(Access\)$"):
        store.write("a", b"")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="cannot be made"):
        store_at(tmp_path / "file").write("a/b", b"")
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(MissingExtraError, match=r"skelstream\[remote\]"):
        store_at("s3://bucket/a")


def test_a_file_url_is_a_folder(tmp_path):
    assert store_at(f"file://{tmp_path}") == store_at(tmp_path)


@pytest.mark.parametrize("place", ["s3:/bucket/x", "s3://", "s3:/", Path("gs://bucket/x")])
def test_half_a_url_is_no_folder(place):
    with pytest.raises(OutputError, match="is not a whole URL, such as s3://bucket/skeletons"):
        store_at(place)


@pytest.mark.parametrize("place", ["a:b/c", "./s3:/x", "C:/out", "file:///out"])
def test_a_colon_makes_no_url(place):
    assert not store_at(place).far
