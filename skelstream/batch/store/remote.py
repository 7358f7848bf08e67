"""A store on an object store or another file system that fsspec reaches. Needs the extra ``remote``.

An object store has no locks, and its files cannot grow. An upload appears whole or not at all, and two
processes that extract the same clip upload the same bytes. A log is a series of segments; each line uploads
the last one again.
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
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import uuid4

from skelstream.batch.store.store import FileInfo, Fingerprint, Log, Store, StoreError
from skelstream.errors import MissingExtraError, SkelstreamError
from skelstream.files.cache import user_cache_folder
from skelstream.files.locks import claimed

# Protocols whose uploads appear whole; with others, files are uploaded under another name and renamed.
_OBJECT_STORES = {"abfs", "abfss", "adl", "az", "gcs", "gs", "memory", "oci", "oss", "r2", "s3", "s3a"}
# Most bytes of a log segment: more cost more to upload with each line, fewer make more files to read.
_SEGMENT = 2**16
# Files per request.
_FILES_PER_REQUEST = 256
_MD5 = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class RemoteStore(Store):
    """A store at a URL that fsspec reaches, with the credentials and endpoints of fsspec's own configuration.

    Attributes:
        url: the URL, without a final ``/``.
    """

    url: str
    remote = True

    def __post_init__(self) -> None:
        _ = self._fs  # raises at once if a package is not installed

    def __str__(self) -> str:
        return self.url

    @property
    def _fs(self) -> Any:
        """The file system; fsspec caches one per process."""
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

    def _full_path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def path(self, name: str) -> str:
        return f"{self.url}/{name}"

    def info(self, name: str) -> FileInfo | None:
        with self._reaching(name):
            try:
                info = self._fs.info(self._full_path(name))
            except FileNotFoundError:
                return None
            return _file_info(info) if info["type"] == "file" else None

    def list_files(self, folder: str) -> dict[str, FileInfo]:
        with self._reaching(folder):
            self._fs.invalidate_cache()
            try:
                infos = self._fs.find(self._full_path(folder).rstrip("/"), detail=True)
            except FileNotFoundError:
                return {}
        start = len(self._root) + 1
        return {path[start:]: _file_info(info) for path, info in infos.items() if not path.endswith(".tmp")}

    def read(self, name: str) -> bytes:
        with self._reaching(name):
            return self._fs.cat_file(self._full_path(name))

    def read_lines(self, spans: Mapping[str, tuple[int, int]]) -> Iterator[tuple[str, Iterable[bytes]]]:
        for names in _chunks(spans):
            starts, ends = zip(*(spans[name] for name in names), strict=True)
            with self._reaching(names[0]):
                paths = [self._full_path(name) for name in names]
                contents = self._fs.cat_ranges(paths, list(starts), list(ends), on_error="return")
                for name, content in zip(names, contents, strict=True):
                    if isinstance(content, FileNotFoundError):
                        continue
                    if isinstance(content, Exception):
                        raise content
                    yield name, content.splitlines(keepends=True)

    def write(self, name: str, content: bytes) -> None:
        self._upload(name, lambda path: self._fs.pipe_file(path, content))

    def remove(self, names: Iterable[str]) -> None:
        for chunk in _chunks(names):
            paths = [self._full_path(name) for name in chunk]
            with self._reaching(chunk[0]):
                try:
                    self._fs.rm(paths)
                except FileNotFoundError:
                    for path in paths:
                        with suppress(FileNotFoundError):
                            self._fs.rm_file(path)

    def remove_empty_folders(self, names: Iterable[str]) -> None:
        """Do nothing: object stores have no folders; on other file systems empty ones stay."""

    @contextmanager
    def local_file(self, name: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="skelstream-") as folder:
            copy = Path(folder) / PurePosixPath(name).name
            with self._reaching(name):
                self._fs.get_file(self._full_path(name), str(copy))
            yield copy

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        path = self._working_path(name)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.unlink(missing_ok=True)  # left by a process that was killed before its upload
        yield path
        self._upload(name, lambda target: self._fs.put_file(str(path), target))
        path.unlink(missing_ok=True)

    @contextmanager
    def claimed(self, name: str, wait: bool) -> Iterator[bool | None]:
        path = self._working_path(name)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with claimed(path, wait) as is_ours:
            yield is_ours

    def log(self, name: str) -> Log:
        return _SegmentedLog(self, name)

    def matches(self, name: str, fingerprint: Fingerprint, info: FileInfo | None = None) -> bool:
        info = info or self.info(name)
        return info is not None and info.size == fingerprint.size and fingerprint.md5 in ("", info.md5)

    def confirmed_md5(self, name: str, size: int, md5: str) -> str:
        info = self.info(name)
        if info is None:  # another process has packed the clip into a shard
            return ""
        if info.size != size:
            raise StoreError(
                f"{self.path(name)}: has {info.size} bytes instead of {size} after its upload;"
                " is there enough space?"
            )
        return md5 if info.md5 == md5 else ""

    def job_folder(self) -> Path:
        return user_cache_folder() / "jobs" / self._url_hash

    @property
    def _url_hash(self) -> str:
        return hashlib.sha256(self.url.encode()).hexdigest()[:16]

    def _working_path(self, name: str) -> Path:
        """Return the path where a file is written on this machine, always the same for its checkpoint."""
        user = os.getuid() if hasattr(os, "getuid") else "user"
        return Path(tempfile.gettempdir()) / f"skelstream-{user}" / self._url_hash / name

    def _upload(self, name: str, upload: Callable[[str], Any]) -> None:
        target, protocols = self._full_path(name), self._fs.protocol
        try:
            with self._reaching(name):
                if _OBJECT_STORES & ({protocols} if isinstance(protocols, str) else set(protocols)):
                    upload(target)
                    return
                self._fs.makedirs(PurePosixPath(target).parent.as_posix(), exist_ok=True)
                temporary = f"{target}.{uuid4().hex[:8]}.tmp"
                upload(temporary)
                self._fs.mv(temporary, target)
        except FileNotFoundError as error:
            raise StoreError(f"{self.path(name)}: cannot be written ({_reason(error)})") from error

    @contextmanager
    def _reaching(self, name: str) -> Iterator[None]:
        """Turn errors of the file system in the block into one-line StoreErrors, except FileNotFoundError."""
        try:
            yield
        except (FileNotFoundError, SkelstreamError):
            raise
        except Exception as error:
            raise StoreError(f"{self.path(name)}: cannot be reached ({_reason(error)})") from error


class _SegmentedLog:
    """A log in numbered files; each line uploads the last one again until it is full."""

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
        """Do nothing: no file is open."""


def _chunks(names: Iterable[str]) -> Iterator[list[str]]:
    """Yield the names in chunks of one request each."""
    left = iter(names)
    while chunk := list(islice(left, _FILES_PER_REQUEST)):
        yield chunk


def _file_info(info: Mapping[str, Any]) -> FileInfo:
    return FileInfo(int(info["size"]), _md5(info))


def _md5(info: Mapping[str, Any]) -> str:
    """Return the MD5 that a store reports, in hexadecimal; empty if none.

    S3 reports it as the ETag of a file uploaded in one part, Google and Azure under names of their own.
    """
    tag = str(info.get("ETag") or "").strip('"')
    if _MD5.fullmatch(tag):
        return tag
    base64_md5 = info.get("md5Hash") or (info.get("content_settings") or {}).get("content_md5")
    with suppress(binascii.Error, ValueError):
        return (
            base64.b64decode(base64_md5) if isinstance(base64_md5, str) else bytes(base64_md5 or b"")
        ).hex()
    return ""


def _reason(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
