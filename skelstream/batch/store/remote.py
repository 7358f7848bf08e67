"""Batches that lie elsewhere: object stores and other file systems that fsspec reaches. Needs the extra ``remote``.

An object store has neither locks nor files that grow. An object is there whole or not at all once it is put, and two processes
that do the same clip put the same bytes. Logs are segments that are put anew with each line until they are full.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import uuid4

from skelstream.batch.store.store import Found, Log, Mark, Store, StoreError
from skelstream.errors import MissingExtraError, SkelstreamError
from skelstream.files.locks import claimed

# Where what is put appears at once and whole; elsewhere it is put under another name first.
_OBJECT_STORES = {"abfs", "abfss", "adl", "az", "gcs", "gs", "memory", "oci", "oss", "r2", "s3", "s3a"}
# Bytes of a segment of a log, after which a new one begins: what a line costs to put, and how many files there are to read.
_SEGMENT = 2**16
# Files that are fetched in one go.
_AT_ONCE = 256
_MD5 = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class RemoteStore(Store):
    """What fsspec reaches by a URL; credentials and endpoints are those of fsspec's own settings.

    Attributes:
        url: without ``/`` at its end.
    """

    url: str
    far = True

    def __post_init__(self) -> None:
        _ = self._fs  # what is not installed is told at once

    def __str__(self) -> str:
        return self.url

    @property
    def _fs(self) -> Any:
        """The file system; fsspec keeps one a process."""
        try:
            core: Any = import_module("fsspec.core")
            return core.url_to_fs(self.url, use_listings_cache=False)[0]
        except ImportError as error:
            raise MissingExtraError(f"{self.url}: {error}; pip install 'skelstream[remote]'") from None
        except ValueError as error:
            raise StoreError(f"{self.url}: cannot be reached ({_reason(error)})") from None

    @property
    def _root(self) -> str:
        return self._fs._strip_protocol(self.url).rstrip("/")

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}"

    def path(self, name: str) -> str:
        return f"{self.url}/{name}"

    def find(self, name: str) -> Found | None:
        with self._reaching(name):
            try:
                info = self._fs.info(self._at(name))
            except FileNotFoundError:
                return None
            return _found(info) if info["type"] == "file" else None

    def listed(self, folder: str) -> dict[str, Found]:
        with self._reaching(folder):
            self._fs.invalidate_cache()
            try:
                infos = self._fs.find(self._at(folder).rstrip("/"), detail=True)
            except FileNotFoundError:
                return {}
        skipped = len(self._root) + 1
        return {path[skipped:]: _found(info) for path, info in infos.items() if not path.endswith(".tmp")}

    def read(self, name: str) -> bytes:
        with self._reaching(name):
            return self._fs.cat_file(self._at(name))

    def tails(self, starts: Mapping[str, tuple[int, int]]) -> Iterator[tuple[str, Iterable[bytes]]]:
        names = list(starts)
        for first in range(0, len(names), _AT_ONCE):
            some = names[first : first + _AT_ONCE]
            begins, ends = zip(*(starts[name] for name in some), strict=True)
            with self._reaching(some[0]):
                paths = [self._at(name) for name in some]
                contents = self._fs.cat_ranges(paths, list(begins), list(ends), on_error="return")
                for name, content in zip(some, contents, strict=True):
                    if isinstance(content, FileNotFoundError):
                        continue
                    if isinstance(content, Exception):
                        raise content
                    yield name, content.splitlines(keepends=True)

    def write(self, name: str, content: bytes) -> None:
        self._put(name, lambda path: self._fs.pipe_file(path, content))

    def remove(self, names: Iterable[str]) -> None:
        names = list(names)
        with self._reaching("" if not names else names[0]):
            for first in range(0, len(names), _AT_ONCE):
                some = [self._at(name) for name in names[first : first + _AT_ONCE]]
                try:
                    self._fs.rm(some)
                except FileNotFoundError:
                    for path in some:
                        with suppress(FileNotFoundError):
                            self._fs.rm_file(path)

    def prune(self, names: Iterable[str]) -> None:
        """Object stores have no folders; elsewhere empty ones stay."""

    @contextmanager
    def local(self, name: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="skelstream-") as folder:
            copy = Path(folder) / PurePosixPath(name).name
            with self._reaching(name):
                self._fs.get_file(self._at(name), str(copy))
            yield copy

    @contextmanager
    def made(self, name: str) -> Iterator[Path]:
        path = self._working(name)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.unlink(missing_ok=True)  # of a process that was killed before it put it
        yield path
        self._put(name, lambda target: self._fs.put_file(str(path), target))
        path.unlink(missing_ok=True)

    @contextmanager
    def claimed(self, name: str, wait: bool) -> Iterator[bool | None]:
        path = self._working(name)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with claimed(path, wait) as ours:
            yield ours

    def log(self, name: str) -> Log:
        return _Segments(self, name)

    def whole(self, name: str, mark: Mark, found: Found | None = None) -> bool:
        found = found or self.find(name)
        return found is not None and found.size == mark.size and mark.md5 in ("", found.md5)

    def confirmed(self, name: str, size: int, md5: str) -> str:
        found = self.find(name)
        if found is None:  # another process has gone on with it to a shard
            return ""
        if found.size != size:
            raise StoreError(f"{self.path(name)}: is not there as it was put; is there room?")
        return md5 if found.md5 == md5 else ""

    def jobs(self) -> Path:
        return Path.home() / ".cache" / "skelstream" / "jobs" / self._short

    @property
    def _short(self) -> str:
        return hashlib.sha256(self.url.encode()).hexdigest()[:16]

    def _working(self, name: str) -> Path:
        """Where a file of that name is made on this machine: always the same, so that what was left there is found."""
        user = os.getuid() if hasattr(os, "getuid") else "user"
        return Path(tempfile.gettempdir()) / f"skelstream-{user}" / self._short / name

    def _put(self, name: str, put: Callable[[str], Any]) -> None:
        target, kinds = self._at(name), self._fs.protocol
        try:
            with self._reaching(name):
                if _OBJECT_STORES & ({kinds} if isinstance(kinds, str) else set(kinds)):
                    put(target)
                    return
                self._fs.makedirs(PurePosixPath(target).parent.as_posix(), exist_ok=True)
                before = f"{target}.{uuid4().hex[:8]}.tmp"
                put(before)
                self._fs.mv(before, target)
        except FileNotFoundError as error:
            raise StoreError(f"{self.path(name)}: cannot be put there ({_reason(error)})") from error

    @contextmanager
    def _reaching(self, name: str) -> Iterator[None]:
        """Errors of file systems, of which each has its own, as one line; files that are not there stay that."""
        try:
            yield
        except (FileNotFoundError, SkelstreamError):
            raise
        except Exception as error:
            raise StoreError(f"{self.path(name)}: cannot be reached ({_reason(error)})") from error


class _Segments:
    """A log in files that are put anew with each line; a full one stays, and another begins."""

    def __init__(self, store: RemoteStore, name: str):
        self._store, self._name = store, name
        self._lock, self._number, self._content = threading.Lock(), 0, b""

    def append(self, line: bytes) -> None:
        with self._lock:
            if self._content and len(self._content) + len(line) > _SEGMENT:
                self._number, self._content = self._number + 1, b""
            stem, ending = os.path.splitext(self._name)
            self._store.write(f"{stem}-{self._number:04}{ending}", self._content + line)
            self._content += line

    def close(self) -> None:
        """Nothing is open."""


def _found(info: Mapping[str, Any]) -> Found:
    return Found(int(info["size"]), _md5(info))


def _md5(info: Mapping[str, Any]) -> str:
    """What a store tells of a file's MD5: S3 as the ETag of what was put in one piece, Google and Azure under names of their own."""
    tag = str(info.get("ETag") or "").strip('"')
    if _MD5.fullmatch(tag):
        return tag
    given = info.get("md5Hash") or (info.get("content_settings") or {}).get("content_md5")
    with suppress(binascii.Error, ValueError):
        return (base64.b64decode(given) if isinstance(given, str) else bytes(given or b"")).hex()
    return ""


def _reason(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
