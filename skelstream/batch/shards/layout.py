"""Which clips are in which shard: decided by the manifest alone, so that whoever packs them makes the same files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from skelstream.batch.manifest import Clip

FOLDER = "shards"
"""Where the shards are."""

ENDINGS = {"webdataset": ".tar", "parquet": ".parquet"}
"""Of a shard's file, by the format's name."""


@dataclass(frozen=True)
class Layout:
    """How results are cut into shards.

    Attributes:
        format: ``webdataset`` or ``parquet``.
        clips: in a shard; the last one of a split may have fewer.
    """

    format: str
    clips: int

    def __str__(self) -> str:
        return f"shards of {self.format}, {self.clips} clips each"

    @property
    def ending(self) -> str:
        """Of the files."""
        return ENDINGS[self.format]


@dataclass(frozen=True)
class Group:
    """The clips of one shard.

    Attributes:
        name: of its file.
        clips: in the manifest's order, those too that will not be there because they fail.
    """

    name: str
    clips: list[Clip]


def groups_of(clips: Iterable[Clip], layout: Layout | None) -> Iterator[Group]:
    """The clips of each split, in the manifest's order, so many at a time; none without a layout."""
    if layout is None:
        return
    splits: dict[str, list[Clip]] = {}
    for clip in clips:
        splits.setdefault(clip.split, []).append(clip)
    for split, its in splits.items():
        prefix = f"{FOLDER}/{_prefix(split)}-" if split else f"{FOLDER}/"
        for number, first in enumerate(range(0, len(its), layout.clips)):
            yield Group(f"{prefix}{number:06}{layout.ending}", its[first : first + layout.clips])


def _prefix(split: str) -> str:
    """A split as the beginning of a file's name; readers of folders of Parquet leave out what begins with a dot or ``_``."""
    first = f"%{ord(split[0]):02X}" if split[0] in "._" else quote(split[0], safe=" ")
    return first + quote(split[1:], safe=" ")
