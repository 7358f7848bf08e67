"""The table of shard formats, by the ending of a shard's name."""

from __future__ import annotations

from skelstream.batch.shards.contract import ShardFormat
from skelstream.formats.extra import require


def shard_format(name: str) -> ShardFormat:
    """Return the shard format of a file name.

    Raises:
        MissingExtraError: a library for the format is not installed.
    """
    if name.endswith(".parquet"):
        from skelstream.batch.shards import parquet

        require("pyarrow", "parquet")
        return ShardFormat(parquet.write, parquet.Shard)
    from skelstream.batch.shards import webdataset

    return ShardFormat(webdataset.write, webdataset.Shard)
