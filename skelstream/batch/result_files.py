"""Where the results of clips are, each in a file of its own or in a shard, and whether they are what was recorded."""

from __future__ import annotations

import hashlib

from skelstream.batch.records import Record
from skelstream.batch.results import Results, name_of_result
from skelstream.batch.shards.contents import Shelf


class Holdings:
    """A batch's results as they were when this was made; several threads may ask it. A context manager.

    Args:
        results: of the batch.
    """

    def __init__(self, results: Results):
        self._store = results.store
        self._listed = self._store.listed("") if self._store.far else None
        self.shelf = Shelf(self._store)

    def __enter__(self) -> Holdings:
        return self

    def __exit__(self, *_: object) -> None:
        self.shelf.__exit__()

    def there(self, record: Record) -> bool:
        """Whether a result is there, as far as names tell."""
        name = name_of_result(record.clip)
        loose = self._store.find(name) is not None if self._listed is None else name in self._listed
        return loose or self.shelf.where(record.clip, record.sha256) is not None

    def whole(self, record: Record) -> bool:
        """Whether a result is the one that was recorded: byte for byte, or as far as a remote store tells without fetching it."""
        name = name_of_result(record.clip)
        if self.shelf.whole(record.clip, record.sha256):
            return True
        if self._listed is not None and name not in self._listed:
            return False
        return self._store.whole(name, record, (self._listed or {}).get(name))

    def read(self, record: Record) -> bytes | None:
        """The bytes of a result, compared with what was recorded; None if they are not there."""
        content = self.shelf.read(record.clip, record.sha256)
        if content is not None:
            return content
        try:
            content = self._store.read(name_of_result(record.clip))
        except FileNotFoundError:
            return None
        return content if hashlib.sha256(content).hexdigest() == record.sha256 else None
