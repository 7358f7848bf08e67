"""What is in a batch's shards: told by a small file beside the records for each, or by the shard itself where that does not fit."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from skelstream.batch.shards.contract import OpenShard
from skelstream.batch.shards.layout import ENDINGS, FOLDER
from skelstream.batch.shards.table import shard_format
from skelstream.batch.store.store import Found, Store
from skelstream.errors import SkelstreamError

_log = logging.getLogger(__name__)

_CONTENTS = ".batch/contents"
# Shards that are open at a time: one for each split, as the manifest may have them mixed.
_OPEN = 4


@dataclass(frozen=True)
class Contents:
    """What a shard held when it was written.

    Attributes:
        size, sha256, md5: of the file; ``md5`` is empty if its store does not tell it.
        clips: id, SHA-256 of the npz, and label of each, in order.
    """

    size: int
    sha256: str
    md5: str
    clips: tuple[tuple[str, str, str], ...]

    def keep(self, store: Store, name: str) -> None:
        """Writes it beside the records."""
        store.write(_file_of(name), (json.dumps(asdict(self), ensure_ascii=False) + "\n").encode())


class Shelf:
    """The shards of a batch as they were when this was made; several threads may ask it. A context manager.

    Args:
        store: of the batch.
    """

    def __init__(self, store: Store):
        self._store, self._turn = store, threading.RLock()
        self._found, self._told = dict[str, Found](), dict[str, Contents]()
        self._seen = dict[str, frozenset[tuple[str, str]]]()
        self._in: dict[tuple[str, str], str] = {}
        self._open: OrderedDict[str, tuple[OpenShard, ExitStack]] = OrderedDict()
        found = {n: f for n, f in store.listed(FOLDER).items() if n.endswith(tuple(ENDINGS.values()))}
        of_file = {_file_of(name): name for name in found}
        sizes = {n: (0, told.size) for n, told in store.listed(_CONTENTS).items() if n in of_file}
        told = {of_file[file]: _parsed(b"".join(lines)) for file, lines in store.tails(sizes)}
        for name in found:
            self._take(name, found[name], told.get(name))

    def __enter__(self) -> Shelf:
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self._open):
            self._open.pop(name)[1].close()

    def __iter__(self) -> Iterator[str]:
        """Names of the shards."""
        return iter(self._found)

    def told(self, name: str) -> Contents | None:
        """What a shard is said to hold; None if nothing is said that could be true."""
        return self._told.get(name)

    def where(self, id: str, sha256: str) -> str | None:
        """The shard that a clip's result is said to be in."""
        return self._in.get((id, sha256))

    def whole(self, id: str, sha256: str) -> bool:
        """Whether a shard has a clip's result, byte for byte where that can be told without fetching it."""
        name = self.where(id, sha256)
        if name is None:
            return False
        with self._turn:
            return (id, sha256) in self._verified(name)

    def read(self, id: str, sha256: str) -> bytes | None:
        """The bytes of a clip's npz, compared with what was recorded; None if they are in no shard."""
        name = self.where(id, sha256)
        if name is None:
            return None
        with self._turn, _as_far_as_it_reads():
            content = self._opened(name).read(id)
            if hashlib.sha256(content).hexdigest() == sha256:
                return content
        return None

    def clips_of(self, name: str) -> list[tuple[str, str]]:
        """Id and SHA-256 of all that a shard is known to hold."""
        told = self._told.get(name)
        return list(self._seen.get(name, ())) if told is None else _keys(told)

    def renew(self, name: str) -> None:
        """Looks again at a shard, which has been written or removed."""
        with self._turn:
            if name in self._open:
                self._open.pop(name)[1].close()
            for key in self.clips_of(name):
                if self._in.get(key) == name:
                    del self._in[key]
            for known in (self._found, self._told, self._seen):
                known.pop(name, None)
            found = self._store.find(name)
            if found is not None:
                told = None
                with suppress(FileNotFoundError):
                    told = _parsed(self._store.read(_file_of(name)))
                self._take(name, found, told)

    def _take(self, name: str, found: Found, told: Contents | None) -> None:
        """Takes in what is said of a shard, or what is in it where that cannot be true."""
        self._found[name] = found
        if told is not None and told.size == found.size:
            self._told[name] = told
        else:
            self._look_into(name)
        for key in self.clips_of(name):
            self._in[key] = name

    def _verified(self, name: str) -> frozenset[tuple[str, str]]:
        if name not in self._seen:
            told = self._told[name]
            if self._store.whole(name, told, self._found[name]):
                self._seen[name] = frozenset(_keys(told))
            else:
                self._look_into(name)
        return self._seen[name]

    def _look_into(self, name: str) -> None:
        """Reads what is in a shard."""
        found = set()
        with _as_far_as_it_reads():
            shard = self._opened(name)
            for id in shard.ids:
                with _as_far_as_it_reads():
                    found.add((id, hashlib.sha256(shard.read(id)).hexdigest()))
        self._seen[name] = frozenset(found)

    def _opened(self, name: str) -> OpenShard:
        if name in self._open:
            self._open.move_to_end(name)
            return self._open[name][0]
        while len(self._open) >= _OPEN:
            self._open.popitem(last=False)[1][1].close()
        with ExitStack() as stack:
            path: Path = stack.enter_context(self._store.local(name))
            shard = stack.enter_context(closing(shard_format(name).open(path)))
            self._open[name] = shard, stack.pop_all()
        return shard


def forget(store: Store, name: str) -> None:
    """Removes a shard and what is said of it."""
    store.remove([name, _file_of(name)])


@contextmanager
def _as_far_as_it_reads() -> Iterator[None]:
    """Leaves a damaged file there, which makes its reader raise more kinds of errors than can be listed."""
    try:
        yield
    except SkelstreamError:
        raise
    except Exception as error:
        _log.info("a shard is damaged: %s", error)


def _keys(contents: Contents) -> list[tuple[str, str]]:
    return [(id, sha256) for id, sha256, _ in contents.clips]


def _file_of(name: str) -> str:
    return f"{_CONTENTS}/{name.removeprefix(FOLDER + '/')}.json"


def _parsed(text: bytes) -> Contents | None:
    try:
        values: dict[str, Any] = json.loads(text)
        clips = tuple((id, sha256, label) for id, sha256, label in values["clips"])
        return Contents(values["size"], values["sha256"], values["md5"], clips)
    except (ValueError, TypeError, KeyError):
        return None
