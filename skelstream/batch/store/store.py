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
        """As `skelstream.files.locks.claimed`; in a store without locks, processes on this machine alone are kept off."""

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
