"""The cache: what is kept comes back as it was or not at all, and old content goes."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from skelstream.errors import OutputError
from skelstream.files.cache import OFF, VARIABLE, Cache, cache_folder

DAY = 86_400
CONTENT = bytes(range(256)) * 40


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache" / "graphs")


def test_content_comes_back(cache: Cache) -> None:
    assert cache.read("a") is None
    cache.write("a", CONTENT)
    cache.write("b", b"")
    assert cache.read("a") == CONTENT and cache.read("b") == b""
    cache.write("a", b"new")
    assert cache.read("a") == b"new"
    cache.remove("a")
    assert cache.read("a") is None
    assert [path.name for path in cache.folder.iterdir()] == ["b.kept"]


@pytest.mark.parametrize("size", [0, 5, 32, 40, 10_271])
def test_half_a_file_counts_as_missing_until_it_is_written_again(cache: Cache, size: int) -> None:
    cache.write("a", CONTENT)
    (path,) = cache.entries()
    path.write_bytes(path.read_bytes()[:size])
    assert cache.read("a") is None
    cache.write("a", CONTENT)
    assert cache.read("a") == CONTENT


@pytest.mark.parametrize("place", [0, 31, 32, 5000, -1])
def test_a_flipped_bit_counts_as_missing(cache: Cache, place: int) -> None:
    cache.write("a", CONTENT)
    (path,) = cache.entries()
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    assert cache.read("a") is None


def test_an_entry_under_another_name_counts_as_missing(cache: Cache) -> None:
    cache.write("a", CONTENT)
    (path,) = cache.entries()
    path.rename(path.with_name("b.kept"))
    assert cache.read("b") is None


def test_a_folder_that_cannot_be_written_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = Cache(tmp_path / "file" / "graphs")
    assert cache.read("a") is None and not cache.entries()
    with pytest.raises(OutputError, match="cannot write .*graphs"):
        cache.write("a", CONTENT)


def test_a_full_disk_is_an_error_and_leaves_nothing(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        cache.write("a", CONTENT)
    assert cache.read("a") is None and not list(cache.folder.iterdir())


def age(cache: Cache, key: str, days: float) -> None:
    path, then = cache.folder / f"{key}.kept", time.time() - days * DAY
    os.utime(path, (then, then))


def test_what_was_not_read_for_long_is_removed(cache: Cache) -> None:
    for key in ("old", "read", "young"):
        cache.write(key, CONTENT)
    age(cache, "old", 31), age(cache, "read", 31), age(cache, "young", 29)
    assert cache.read("read") == CONTENT
    cache.write("new", CONTENT)
    assert {path.stem for path in cache.entries()} == {"read", "young", "new"}


def test_the_longest_unread_is_removed_beyond_the_limit(tmp_path: Path) -> None:
    cache = Cache(tmp_path, limit=3 * len(CONTENT))
    for days, key in enumerate(("c", "b", "a")):
        cache.write(key, CONTENT[:-100])
        age(cache, key, 3 - days)
    cache.write("new", CONTENT[:-100])
    assert {path.stem for path in cache.entries()} == {"b", "a", "new"}
    cache.write("large", CONTENT * 4)
    assert {path.stem for path in cache.entries()} == {"large"}


def test_what_killed_processes_left_is_removed_after_a_day(cache: Cache) -> None:
    cache.write("a", CONTENT)
    for name, days in ((".b.kept.0123abcd.tmp", 2.0), (".c.kept.0123abcd.tmp", 0.0)):
        (cache.folder / name).touch()
        os.utime(cache.folder / name, (time.time() - days * DAY,) * 2)
    cache.write("a", CONTENT)
    assert sorted(p.name for p in cache.folder.iterdir()) == [".c.kept.0123abcd.tmp", "a.kept"]


def test_several_may_write_and_read_at_once(cache: Cache) -> None:
    found: set[bytes | None] = set()

    def work(number: int) -> None:
        for _ in range(5):
            cache.write("a", CONTENT + bytes([number]))
            content = cache.read("a")
            found.add(None if content is None else bytes(content[:-1]))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    [thread.start() for thread in threads], [thread.join() for thread in threads]
    assert found == {CONTENT}
    assert [path.name for path in cache.folder.iterdir()] == ["a.kept"]


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the folder of other systems")
def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == tmp_path / ".cache" / "skelstream"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # the standard says to ignore it
    assert cache_folder() == tmp_path / ".cache" / "skelstream"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "skelstream"
    monkeypatch.setenv(VARIABLE, "~/mine")
    assert cache_folder() == tmp_path / "mine"
    for off in (OFF, "OFF", "0", "no", "False"):
        monkeypatch.setenv(VARIABLE, off)
        assert cache_folder() is None


def test_a_user_without_a_home_has_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv(VARIABLE)
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert cache_folder() is None
