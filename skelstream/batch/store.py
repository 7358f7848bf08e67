"""Where the files of a batch lie: a folder, or what fsspec reaches. Files appear whole or not at all in both."""

from __future__ import annotations

import hashlib
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from skelstream.atomic import replacing
from skelstream.claims import claimed
from skelstream.errors import OutputError

# One slash after the scheme, as in s3:/bucket/x, or nothing after two; a drive of Windows is one letter.
_HALF_URL = re.compile(r"\w[\w+.-]+:/(/*|[^/].*)")


class StoreError(OutputError):
    """The place of the results cannot be reached, or takes no more: nothing can be done until that is mended."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a store says about a file without reading it.

    Attributes:
        size: bytes.
        md5: hexadecimal, of its content; empty where the store gives none.
    """

    size: int
    md5: str = ""


class Mark(Protocol):
    """What was recorded of a file: ``size`` in bytes, ``sha256``, and ``md5`` where the store was seen to give that."""

    @property
    def size(self) -> int: ...
    @property
    def sha256(self) -> str: ...
    @property
    def md5(self) -> str: ...


class Log(Protocol):
    """Lines that are only added."""

    def append(self, line: bytes) -> None:
        """Adds a line; it is kept when this returns.

        Raises:
            StoreError: it cannot be; nothing of it is left.
        """

    def close(self) -> None:
        """Frees what it holds."""


class Store(ABC):
    """Files by name; names have ``/`` between their parts.

    Attributes:
        far: whether each look at a file is a request of its own, so that it is cheaper to list all of them at once.
    """

    far = False

    @abstractmethod
    def path(self, name: str) -> str:
        """Where a file is, for people to read."""

    @abstractmethod
    def find(self, name: str) -> Found | None:
        """What there is of that name."""

    @abstractmethod
    def listed(self, folder: str) -> dict[str, Found]:
        """All files in a folder and below, by name; those that are being written are left out."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """A file's content.

        Raises:
            FileNotFoundError: there is none.
        """

    @abstractmethod
    def tails(self, starts: Mapping[str, tuple[int, int]]) -> Iterator[tuple[str, Iterable[bytes]]]:
        """The lines of files from one byte to another, by name; of files that have gone nothing."""

    @abstractmethod
    def write(self, name: str, content: bytes) -> None:
        """Puts a file in the place of whatever has its name."""

    @abstractmethod
    def remove(self, names: Iterable[str]) -> None:
        """Removes files, if they are there."""

    @abstractmethod
    def prune(self, names: Iterable[str]) -> None:
        """Removes the folders that files of these names are in, if there are any, where nothing is in them any more."""

    @abstractmethod
    def local(self, name: str) -> AbstractContextManager[Path]:
        """A file on this machine with the content, for as long as the block lasts.

        Raises:
            FileNotFoundError: there is none.
        """

    @abstractmethod
    def made(self, name: str) -> AbstractContextManager[Path]:
        """Where to write a file on this machine, whole or not at all; once the block has ended well it is in the store.

        What the block leaves beside the file is there again the next time on this machine.
        """

    @abstractmethod
    def claimed(self, name: str, wait: bool) -> AbstractContextManager[bool | None]:
        """As `skelstream.claims.claimed`; in a store without locks, processes on this machine alone are kept off."""

    @abstractmethod
    def log(self, name: str) -> Log:
        """A new log, whose files are called like ``name``, with more before the ending."""

    @abstractmethod
    def whole(self, name: str, mark: Mark, found: Found | None = None) -> bool:
        """Whether a file is the one that was recorded, as far as can be told without fetching it.

        Args:
            found: what is known of it from a listing.
        """

    @abstractmethod
    def confirmed(self, name: str, size: int, md5: str) -> str:
        """``md5`` if the store tells the same of the file that it was given; empty if it tells none of its own.

        Raises:
            StoreError: the file has another size there.
        """

    @abstractmethod
    def jobs(self) -> Path:
        """The folder in which a cluster's jobs keep their own files."""


def store_at(place: str | Path) -> Store:
    """The store at a folder or a URL.

    Raises:
        OutputError: it is half a URL, which would be the name of a folder here.
        MissingExtraError: fsspec, or what it needs for such a URL, is not installed.
    """
    text = str(place).removeprefix("file://")
    if _HALF_URL.fullmatch(text):
        raise OutputError(
            f"{text}: is not a whole URL, such as s3://bucket/skeletons; a folder of that name is ./{text}"
        )
    if "://" not in text:
        return FolderStore(Path(text))
    from skelstream.batch.remote_store import RemoteStore

    return RemoteStore(text.rstrip("/"))


@dataclass(frozen=True)
class FolderStore(Store):
    """A folder of this machine, or one that is mounted.

    Attributes:
        folder: the folder.
    """

    folder: Path

    def __str__(self) -> str:
        return str(self.folder)

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def find(self, name: str) -> Found | None:
        path = self.folder / name
        try:
            return Found(path.stat().st_size) if path.is_file() else None
        except OSError:
            return None

    def listed(self, folder: str) -> dict[str, Found]:
        found, waiting = {}, [self.folder / folder]
        while waiting:
            try:
                entries = list(os.scandir(waiting.pop()))
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise StoreError(f"{error.filename}: cannot be read ({error.strerror})") from error
            for entry in entries:
                if entry.is_dir():
                    waiting.append(Path(entry.path))
                elif not entry.name.endswith((".lock", ".tmp")):
                    with suppress(FileNotFoundError):  # it went meanwhile
                        name = Path(entry.path).relative_to(self.folder).as_posix()
                        found[name] = Found(entry.stat().st_size)
        return found

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def tails(self, starts: Mapping[str, tuple[int, int]]) -> Iterator[tuple[str, Iterable[bytes]]]:
        for name, (start, _) in starts.items():
            try:
                with open(self.folder / name, "rb") as file:
                    file.seek(start)
                    yield name, file
            except FileNotFoundError:
                continue
            except OSError as error:
                raise StoreError(f"{error.filename}: cannot be read ({error.strerror})") from error

    def write(self, name: str, content: bytes) -> None:
        with self.made(name) as path, replacing(path) as temporary:
            temporary.write_bytes(content)

    def remove(self, names: Iterable[str]) -> None:
        for name in names:
            (self.folder / name).unlink(missing_ok=True)

    def prune(self, names: Iterable[str]) -> None:
        inner = {PurePosixPath(folder) for folder in {os.path.dirname(name) for name in names} if folder}
        every = inner | {above for folder in inner for above in folder.parents if above.parts}
        for folder in sorted(every, key=lambda folder: len(folder.parts), reverse=True):
            with suppress(OSError):
                os.rmdir(self.folder / folder)

    @contextmanager
    def local(self, name: str) -> Iterator[Path]:
        if not (self.folder / name).is_file():
            raise FileNotFoundError(self.folder / name)
        yield self.folder / name

    @contextmanager
    def made(self, name: str) -> Iterator[Path]:
        path = self.folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{path.parent}: cannot be made ({error.strerror})") from error
        yield path

    @contextmanager
    def claimed(self, name: str, wait: bool) -> Iterator[bool | None]:
        with self.made(name) as path, claimed(path, wait) as ours:
            yield ours

    def log(self, name: str) -> Log:
        return _FileLog(self.folder / name)

    def whole(self, name: str, mark: Mark, found: Found | None = None) -> bool:
        try:
            with open(self.folder / name, "rb") as file:
                if os.fstat(file.fileno()).st_size != mark.size:
                    return False
                return hashlib.file_digest(file, "sha256").hexdigest() == mark.sha256
        except OSError:
            return False

    def confirmed(self, name: str, size: int, md5: str) -> str:
        return ""

    def jobs(self) -> Path:
        return self.folder / ".batch" / "jobs"


class _FileLog:
    """A file that grows."""

    def __init__(self, path: Path):
        self._path, self._handle = path, None

    def append(self, line: bytes) -> None:
        try:
            if self._handle is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
                self._handle = os.open(self._path, flags, 0o666)
            before = os.fstat(self._handle).st_size
            try:
                written = os.write(self._handle, line)
                if written < len(line):
                    os.write(self._handle, line[written:])
                os.fsync(self._handle)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(self._handle, before)
                raise
        except OSError as error:
            raise StoreError(f"cannot write {self._path}: {error.strerror}") from error

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
