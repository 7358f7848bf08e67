from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from skelstream.batch.records import DONE, Record, Recorder, Records
from skelstream.batch.store.opening import open_store
from skelstream.batch.store.store import FileInfo, StoreError
from skelstream.errors import MissingExtraError, OutputError
from skelstream.files.atomic import replacing


@dataclass
class RecordedFile:
    size: int
    sha256: str
    md5: str = ""


@pytest.fixture(params=["folder", "memory", "renaming"])
def store(request, tmp_path, memory_url, monkeypatch):
    if request.param == "renaming":  # a file system where a partial upload is visible
        monkeypatch.setattr("skelstream.batch.store.remote._OBJECT_STORES", set())
    return open_store(tmp_path / "out" if request.param == "folder" else memory_url)


def test_files_are_written_listed_read_and_removed(store):
    assert store.info("a/b.npz") is None and store.list_files("") == {}
    with pytest.raises(FileNotFoundError):
        store.read("a/b.npz")
    store.write("a/b.npz", b"old")
    store.write("a/b.npz", b"content")
    with store.writing("a/c.npz") as path, replacing(path) as temporary:
        temporary.write_bytes(b"more")
    assert store.list_files("") == {"a/b.npz": FileInfo(7), "a/c.npz": FileInfo(4)} == store.list_files("a")
    assert store.read("a/b.npz") == b"content" and store.info("a") is None
    with store.local_file("a/c.npz") as path:
        assert path.read_bytes() == b"more"
    assert dict(store.read_lines({"a/b.npz": (3, 7), "none": (0, 9)})).keys() == {"a/b.npz"}
    store.remove(["a/b.npz", "none"])
    store.remove_empty_folders(["a/b.npz", "a/c.npz"])
    assert store.list_files("") == {"a/c.npz": FileInfo(4)}


def test_only_empty_folders_of_results_are_removed(tmp_path):
    for folder in ("mine", "run/far/in", "run/mine", "walk"):
        (tmp_path / folder).mkdir(parents=True)
    open_store(tmp_path).remove_empty_folders(["a.npz", "run/far/in/b.npz", "walk/c.npz", "none/d.npz"])
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["mine", "mine", "run"]


def test_an_unfinished_file_does_not_appear(store):
    with pytest.raises(ZeroDivisionError), store.writing("a.npz") as path, replacing(path) as temporary:
        temporary.write_bytes(b"half")
        raise ZeroDivisionError
    assert store.list_files("") == {}


def test_a_file_beside_the_written_one_is_there_next_time(store):
    for exists in (False, True):
        with store.writing("a.npz") as path:
            path.write_bytes(b"whole")
            beside = path.with_name("a.checkpoint")
            assert beside.exists() is exists
            beside.write_bytes(b"frames")
    beside.unlink()


def test_one_process_of_a_machine_claims_a_file(store):
    with store.claimed("a.npz", wait=False) as first, store.claimed("a.npz", wait=False) as second:
        assert first is True and second is False


def test_a_file_matches_its_recorded_size_and_checksum(store):
    store.write("a", b"content")
    sha256 = hashlib.sha256(b"content").hexdigest()
    assert store.matches("a", RecordedFile(7, sha256)) and not store.matches("a", RecordedFile(8, sha256))
    assert not store.matches("none", RecordedFile(7, sha256))


def test_later_records_are_read_on_refresh(store):
    recorder, records = Recorder(store), Records(store)
    recorder.add(Record("a", DONE, "s", 1.0))
    later = Records(store, Records(store).offsets)
    recorder.add(Record("b", DONE, "s", 1.0))
    for read in (records, later):
        read.refresh()
    recorder.close()
    assert list(records) == ["a", "b"] and list(later) == ["b"]
    other = Recorder(store)
    other.add(Record("c", DONE, "s", 1.0))
    records.refresh(min_interval=1000.0)
    assert "c" not in list(records)


def test_a_full_segment_of_a_log_is_followed_by_another(memory_url):
    store, message = open_store(memory_url), "x" * 30_000
    recorder, records = Recorder(store), Records(store)
    for number in range(5):
        recorder.add(Record(f"{number}", DONE, "s", 1.0, message=message))
        records.refresh()
    assert len(store.list_files(".batch/records")) == 3 and len(list(records)) == 5 == len(
        list(Records(store))
    )


@pytest.mark.parametrize(
    "info, md5",
    [
        ({"ETag": '"9A0364B9E99BB480DD25E1F0284C8555"'.lower()}, "9a0364b9e99bb480dd25e1f0284c8555"),
        ({"ETag": '"9a0364b9e99bb480dd25e1f0284c8555-2"'}, ""),  # uploaded in parts
        ({"md5Hash": "mgNkuembtIDdJeHwKEyFVQ=="}, "9a0364b9e99bb480dd25e1f0284c8555"),
        ({"content_settings": {"content_md5": bytearray(b"\x9a\x03")}}, "9a03"),
        ({"content_settings": {"content_md5": None}}, ""),
    ],
)
def test_the_md5_is_read_from_the_answers_of_several_services(info, md5):
    from skelstream.batch.store.remote import _file_info

    assert _file_info({"size": 7, **info}) == FileInfo(7, md5)


def test_an_upload_is_compared_with_the_stored_file(memory_url, monkeypatch):
    store, md5 = open_store(memory_url), hashlib.md5(b"content").hexdigest()
    store.write("a", b"content")
    assert store.confirmed_md5("a", 7, md5) == ""
    with pytest.raises(StoreError, match="memory://skeletons/a: has 7 bytes instead of 8 after its upload"):
        store.confirmed_md5("a", 8, md5)
    for reported, confirmed in ((md5, md5), ("0" * 32, "")):  # a store that encrypts reports another MD5
        monkeypatch.setattr("skelstream.batch.store.remote._md5", lambda _, reported=reported: reported)
        assert store.confirmed_md5("a", 7, md5) == confirmed
        assert store.matches("a", RecordedFile(7, "", confirmed))
    assert not store.matches("a", RecordedFile(7, "", md5))


def test_an_unreachable_store_is_a_one_line_error(tmp_path, memory_url, monkeypatch):
    with pytest.raises(StoreError, match="nowhere://a: cannot be reached"):
        open_store("nowhere://a")
    store = open_store(memory_url)

    def refused(*_, **__):
        raise PermissionError("Access\nDenied")

    monkeypatch.setattr("fsspec.implementations.memory.MemoryFileSystem.pipe_file", refused)
    with pytest.raises(StoreError, match=r"skeletons/a: cannot be reached \(Access\)$"):
        store.write("a", b"")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="cannot be created"):
        open_store(tmp_path / "file").write("a/b", b"")
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(MissingExtraError, match=r"skelstream\[remote\]"):
        open_store("s3://bucket/a")


def test_a_file_url_is_a_folder(tmp_path):
    assert open_store(f"file://{tmp_path}") == open_store(tmp_path)


@pytest.mark.parametrize("location", ["s3:/bucket/x", "s3://", "s3:/", Path("gs://bucket/x")])
def test_an_incomplete_url_is_an_error(location):
    with pytest.raises(OutputError, match="is an incomplete URL; write s3://bucket/skeletons"):
        open_store(location)


@pytest.mark.parametrize("location", ["a:b/c", "./s3:/x", "C:/out", "file:///out"])
def test_a_path_with_a_colon_is_a_folder(location):
    assert not open_store(location).remote
