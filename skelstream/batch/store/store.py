"""The protocol of a store: the files of a batch by name, each of which appears whole or not at all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from skelstream.errors import OutputError


class StoreError(OutputError):
    """A store that cannot be reached or written to; it ends the whole batch."""


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A file's properties that a store reports without reading the file.

    Attributes:
        size: size in bytes.
        md5: MD5 of the content in hexadecimal; empty where the store reports none.
    """

    size: int
    md5: str = ""


class Fingerprint(Protocol):
    """The recorded size in bytes, SHA-256 and MD5 of a file; ``md5`` may be empty."""

    @property
    def size(self) -> int: ...
    @property
    def sha256(self) -> str: ...
    @property
    def md5(self) -> str: ...


class Log(Protocol):
    """A file of lines that only grows."""

    def append(self, line: bytes) -> None:
        """Append a line, which is on disk when this returns.

        Raises:
            StoreError: the line cannot be written; no part of it stays.
        """

    def close(self) -> None:
        """Close the file."""


class Store(ABC):
    """The files of a batch by name; names have ``/`` between their parts.

    Attributes:
        remote: whether each query is a request to a server, so that one listing is cheaper than many queries.
    """

    remote = False

    @abstractmethod
    def path(self, name: str) -> str:
        """Return a file's path or URL, for messages."""

    @abstractmethod
    def info(self, name: str) -> FileInfo | None:
        """Return a file's size and MD5; None if there is no such file."""

    @abstractmethod
    def list_files(self, folder: str) -> dict[str, FileInfo]:
        """Return all files in a folder and below it, by name, without those that are being written."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """Return a file's content.

        Raises:
            FileNotFoundError: there is no such file.
        """

    @abstractmethod
    def read_lines(self, spans: Mapping[str, tuple[int, int]]) -> Iterator[tuple[str, Iterable[bytes]]]:
        """Yield each file's name with its lines from one byte to another; deleted files are left out."""

    @abstractmethod
    def write(self, name: str, content: bytes) -> None:
        """Write a file, or replace the one of that name."""

    @abstractmethod
    def remove(self, names: Iterable[str]) -> None:
        """Remove those of the files that exist."""

    @abstractmethod
    def remove_empty_folders(self, names: Iterable[str]) -> None:
        """Remove the folders above files of these names that are empty."""

    @abstractmethod
    def local_file(self, name: str) -> AbstractContextManager[Path]:
        """Provide a file, or a copy of it, on this machine during the block.

        Raises:
            FileNotFoundError: there is no such file.
        """

    @abstractmethod
    def writing(self, name: str) -> AbstractContextManager[Path]:
        """Provide a path on this machine to write; the file is stored when the block ends without an error.

        Other files that the block leaves in that folder are still there next time on this machine.
        """

    @abstractmethod
    def claimed(self, name: str, wait: bool) -> AbstractContextManager[bool | None]:
        """Lock a file, see ``skelstream.files.locks.claimed``; remote stores lock on this machine only."""

    @abstractmethod
    def log(self, name: str) -> Log:
        """Return a new log; its files have the name, with a number before the ending if there are several."""

    @abstractmethod
    def matches(self, name: str, fingerprint: Fingerprint, info: FileInfo | None = None) -> bool:
        """Return whether a file is the recorded one; a remote store does not download it.

        Args:
            name: name of the file.
            fingerprint: recorded size and checksums.
            info: the file's properties from a listing; None to query them.
        """

    @abstractmethod
    def confirmed_md5(self, name: str, size: int, md5: str) -> str:
        """Return ``md5`` if the store reports the same for the file; empty if it reports none or another.

        Raises:
            StoreError: the file in the store has another size.
        """

    @abstractmethod
    def job_folder(self) -> Path:
        """Return the folder on this machine for the files of a cluster's jobs."""
