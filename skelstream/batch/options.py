"""Options of a batch run: engine and storage. They do not change any result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from skelstream.batch.shards.layout import ENDINGS, Layout
from skelstream.errors import SettingsError
from skelstream.files.arguments import count_argument

CLIPS_PER_SHARD = 1000
"""Default number of clips in a shard."""


@dataclass(frozen=True)
class BatchOptions:
    """Options of a batch run.

    Attributes:
        engine: name of the engine: ``local``, ``ray``, ``slurm`` or one of another package.
        workers: number of worker processes; None for one per GPU, or as cores and memory allow.
        partition: part of the manifest to extract, for example ``3/50``; None for all.
        address: address of a Ray cluster to join; None for one on this machine.
        tasks: number of tasks of a Slurm array.
        slurm: parameters of Slurm by submitit's names, for example ``timeout_min``.
        shards: format of the shards, ``webdataset`` or ``parquet``; None for the batch's present layout.
        clips_per_shard: number of clips in a shard; None for 1000.
        redo: whether clips that were done with other settings are extracted again.

    Raises:
        SettingsError: a number is no whole number of at least 1.
    """

    engine: str = "local"
    workers: int | None = None
    partition: str | None = None
    address: str | None = None
    tasks: int = 10
    slurm: Mapping[str, str | int] = field(default_factory=dict)
    shards: str | None = None
    clips_per_shard: int | None = None
    redo: bool = False

    def __post_init__(self) -> None:
        for name in ("workers", "tasks", "clips_per_shard"):
            if (value := getattr(self, name)) is not None or name == "tasks":
                count_argument(value, name)

    @property
    def layout(self) -> Layout | None:
        """Layout of the shards; None for the batch's present one.

        Raises:
            SettingsError: no shard format has that name, or a number of clips is given without a format.
        """
        return layout_of(self.shards, self.clips_per_shard)


def layout_of(shards: str | None, clips_per_shard: int | None) -> Layout | None:
    """Return the layout of shards; None without a format.

    Raises:
        SettingsError: no shard format has that name, or a number of clips is given without a format.
    """
    if shards is None:
        if clips_per_shard is not None:
            raise SettingsError("clips_per_shard needs a shard format as well", setting="clips_per_shard")
        return None
    if shards not in ENDINGS:
        raise SettingsError(f"shards is {shards!r}: choose from {', '.join(ENDINGS)}", setting="shards")
    return Layout(shards, clips_per_shard or CLIPS_PER_SHARD)
