"""The layout of shards. It depends on the manifest alone, so that every process packs the same files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from skelstream.batch.manifest import Clip

FOLDER = "shards"
"""Folder of the shards in a batch's results."""

ENDINGS = {"webdataset": ".tar", "parquet": ".parquet"}
"""Ending of a shard's file name for each format."""


@dataclass(frozen=True)
class Layout:
    """The division of results into shards.

    Attributes:
        format: ``webdataset`` or ``parquet``.
        clips: number of clips in a shard; the last one of a split may have fewer.
    """

    format: str
    clips: int

    def __str__(self) -> str:
        return f"{self.format} shards of {self.clips} clips"

    @property
    def ending(self) -> str:
        """Ending of the file names."""
        return ENDINGS[self.format]


@dataclass(frozen=True)
class ShardGroup:
    """The clips of one shard.

    Attributes:
        name: name of the shard's file.
        clips: clips in the manifest's order, including those that may fail and be left out.
    """

    name: str
    clips: list[Clip]


def shard_groups(clips: Iterable[Clip], layout: Layout | None) -> Iterator[ShardGroup]:
    """Yield the clips of each shard, split by split, in the manifest's order; nothing without a layout."""
    if layout is None:
        return
    splits: dict[str, list[Clip]] = {}
    for clip in clips:
        splits.setdefault(clip.split, []).append(clip)
    for split, members in splits.items():
        prefix = f"{FOLDER}/{_prefix(split)}-" if split else f"{FOLDER}/"
        for number, first in enumerate(range(0, len(members), layout.clips)):
            yield ShardGroup(f"{prefix}{number:06}{layout.ending}", members[first : first + layout.clips])


def _prefix(split: str) -> str:
    """Return a split as a file name's start; Parquet readers skip names that start with a dot or ``_``."""
    first = f"%{ord(split[0]):02X}" if split[0] in "._" else quote(split[0], safe=" ")
    return first + quote(split[1:], safe=" ")
