"""Reading and verification of results, each in a file of its own or in a shard."""

from __future__ import annotations

import hashlib

from skelstream.batch.records import Record
from skelstream.batch.results import Results, result_name
from skelstream.batch.shards.contents import Shards


class ResultFiles:
    """The results of a batch, listed once at construction; a context manager that several threads may use.

    Args:
        results: results of the batch.

    Attributes:
        shards: shards of the batch.
    """

    def __init__(self, results: Results):
        self._store = results.store
        self._listing = self._store.list_files("") if self._store.remote else None
        self.shards = Shards(self._store)

    def __enter__(self) -> ResultFiles:
        return self

    def __exit__(self, *_: object) -> None:
        self.shards.__exit__()

    def exists(self, record: Record) -> bool:
        """Return whether there is a result of that name; its content is not read."""
        name = result_name(record.clip)
        has_file = self._store.info(name) is not None if self._listing is None else name in self._listing
        return has_file or self.shards.shard_of(record.clip, record.sha256) is not None

    def is_intact(self, record: Record) -> bool:
        """Return whether a result is the recorded one; remote results are not downloaded for this."""
        name = result_name(record.clip)
        if self.shards.is_intact(record.clip, record.sha256):
            return True
        if self._listing is not None and name not in self._listing:
            return False
        return self._store.matches(name, record, (self._listing or {}).get(name))

    def read(self, record: Record) -> bytes | None:
        """Return the bytes of a result; None if it does not exist or is not the recorded one."""
        content = self.shards.read(record.clip, record.sha256)
        if content is not None:
            return content
        try:
            content = self._store.read(result_name(record.clip))
        except FileNotFoundError:
            return None
        return content if hashlib.sha256(content).hexdigest() == record.sha256 else None
