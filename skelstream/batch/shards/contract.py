"""The protocol of a shard format: one file that holds the results of many clips."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from skelstream.batch.manifest import Clip
from skelstream.batch.records import Record


@dataclass(frozen=True)
class Item:
    """A clip for a shard.

    Attributes:
        clip: with its label and split.
        record: of it being done.
        content: bytes of its npz.
    """

    clip: Clip
    record: Record
    content: bytes


class OpenShard(Protocol):
    """A shard that is being read."""

    ids: Sequence[str]
    """Of its clips, in order."""

    def read(self, id: str) -> bytes:
        """The bytes of a clip's npz.

        Raises:
            Exception: of many kinds, if the file is damaged.
        """
        ...

    def close(self) -> None:
        """Frees the file."""


@dataclass(frozen=True)
class ShardFormat:
    """A file that holds many clips; equal clips make equal bytes.

    Attributes:
        write: writes a file that is not there yet; takes the clips one by one.
        open: opens one.
    """

    write: Callable[[Path, Iterable[Item]], None]
    open: Callable[[Path], OpenShard]
