"""What a shard's format offers, and the table of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from skelstream.batch.manifest import Clip
from skelstream.batch.records import Record
from skelstream.formats.extra import require


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


def shard_format(name: str) -> ShardFormat:
    """The format of a shard's name.

    Raises:
        MissingExtraError: it needs a library that is not installed.
    """
    if name.endswith(".parquet"):
        from skelstream.batch.shards import parquet

        require("pyarrow", "parquet")
        return ShardFormat(parquet.write, parquet.Shard)
    from skelstream.batch.shards import webdataset

    return ShardFormat(webdataset.write, webdataset.Shard)
