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
    """One clip to write to a shard.

    Attributes:
        clip: the clip with its label and split.
        record: its successful record.
        content: bytes of its npz.
    """

    clip: Clip
    record: Record
    content: bytes


class OpenShard(Protocol):
    """A shard that is open for reading.

    Attributes:
        ids: ids of its clips, in order.
    """

    ids: Sequence[str]

    def read(self, id: str) -> bytes:
        """Return the bytes of a clip's npz.

        Raises:
            Exception: any kind, if the file is damaged.
        """
        ...

    def close(self) -> None:
        """Close the file."""


@dataclass(frozen=True)
class ShardFormat:
    """A file format for shards; equal clips make equal bytes.

    Attributes:
        write: function that writes a new file from the clips, one by one.
        open: function that opens a file for reading.
    """

    write: Callable[[Path, Iterable[Item]], None]
    open: Callable[[Path], OpenShard]
