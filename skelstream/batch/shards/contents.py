"""The contents of a batch's shards, from a small file for each or, if that is outdated, from the shard."""

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
from skelstream.batch.store.store import FileInfo, Store, StoreError
from skelstream.errors import FormatError, SkelstreamError
from skelstream.files.json import parse_json
from skelstream.files.values import integer, items, mapping, string

_log = logging.getLogger(__name__)

_CONTENTS = ".batch/contents"
# Shards that are open at a time: one per split, as the manifest may mix splits.
_MAX_OPEN = 4


@dataclass(frozen=True)
class ShardContents:
    """The contents of a shard when it was written.

    Attributes:
        size: size of the file in bytes.
        sha256: SHA-256 of the file.
        md5: MD5 of the file; empty if its store reports none.
        clips: id, SHA-256 of the npz, and label of each clip, in order.
    """

    size: int
    sha256: str
    md5: str
    clips: tuple[tuple[str, str, str], ...]

    def write(self, store: Store, name: str) -> None:
        """Write the contents file of the shard of that name."""
        store.write(_contents_name(name), (json.dumps(asdict(self), ensure_ascii=False) + "\n").encode())


class Shards:
    """The shards of a batch, listed once at construction; a context manager that several threads may use.

    Args:
        store: store of the batch.
    """

    def __init__(self, store: Store):
        self._store, self._lock = store, threading.RLock()
        self._infos = dict[str, FileInfo]()
        self._contents = dict[str, ShardContents]()
        # Clips by id and SHA-256: those verified to be in each shard, and the shard of each.
        self._verified = dict[str, frozenset[tuple[str, str]]]()
        self._shard_of = dict[tuple[str, str], str]()
        self._open: OrderedDict[str, tuple[OpenShard, ExitStack]] = OrderedDict()
        infos = {n: f for n, f in store.list_files(FOLDER).items() if n.endswith(tuple(ENDINGS.values()))}
        shards = {_contents_name(name): name for name in infos}
        spans = {n: (0, file.size) for n, file in store.list_files(_CONTENTS).items() if n in shards}
        contents = {shards[file]: _parsed(b"".join(lines)) for file, lines in store.read_lines(spans)}
        for name, info in infos.items():
            self._add(name, info, contents.get(name))

    def __enter__(self) -> Shards:
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self._open):
            self._open.pop(name)[1].close()

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the shards."""
        return iter(self._infos)

    def contents(self, name: str) -> ShardContents | None:
        """Return the contents file of a shard; None if it does not exist or does not fit the shard."""
        return self._contents.get(name)

    def shard_of(self, id: str, sha256: str) -> str | None:
        """Return the name of the shard that contains a clip's result, unverified; None if there is none."""
        return self._shard_of.get((id, sha256))

    def is_intact(self, id: str, sha256: str) -> bool:
        """Return whether a shard contains a clip's result, verified as far as possible without a download."""
        name = self.shard_of(id, sha256)
        if name is None:
            return False
        with self._lock:
            return (id, sha256) in self._verified_clips(name)

    def read(self, id: str, sha256: str) -> bytes | None:
        """Return the verified bytes of a clip's npz; None if they are in no shard."""
        name = self.shard_of(id, sha256)
        if name is None:
            return None
        with self._lock, _ignoring_damage():
            content = self._opened(name).read(id)
            if hashlib.sha256(content).hexdigest() == sha256:
                return content
        return None

    def clips_of(self, name: str) -> list[tuple[str, str]]:
        """Return id and SHA-256 of all clips that a shard is known to contain."""
        contents = self._contents.get(name)
        return list(self._verified.get(name, ())) if contents is None else _keys(contents)

    def reload(self, name: str) -> None:
        """Update what is known of a shard that has been written or removed."""
        with self._lock:
            if name in self._open:
                self._open.pop(name)[1].close()
            for key in self.clips_of(name):
                if self._shard_of.get(key) == name:
                    del self._shard_of[key]
            for known in (self._infos, self._contents, self._verified):
                known.pop(name, None)
            info = self._store.info(name)
            if info is not None:
                contents = None
                with suppress(FileNotFoundError):
                    contents = _parsed(self._store.read(_contents_name(name)))
                self._add(name, info, contents)

    def _add(self, name: str, info: FileInfo, contents: ShardContents | None) -> None:
        """Add a shard with its contents file, or with what it contains if that file does not fit."""
        self._infos[name] = info
        if contents is not None and contents.size == info.size:
            self._contents[name] = contents
        else:
            self._read_contents(name)
        for key in self.clips_of(name):
            self._shard_of[key] = name

    def _verified_clips(self, name: str) -> frozenset[tuple[str, str]]:
        if name not in self._verified:
            contents = self._contents[name]
            if self._store.matches(name, contents, self._infos[name]):
                self._verified[name] = frozenset(_keys(contents))
            else:
                self._read_contents(name)
        return self._verified[name]

    def _read_contents(self, name: str) -> None:
        """Read all clips of a shard; unreadable ones are left out."""
        clips = set()
        with _ignoring_damage():
            shard = self._opened(name)
            for id in shard.ids:
                with _ignoring_damage():
                    clips.add((id, hashlib.sha256(shard.read(id)).hexdigest()))
        self._verified[name] = frozenset(clips)

    def _opened(self, name: str) -> OpenShard:
        if name in self._open:
            self._open.move_to_end(name)
            return self._open[name][0]
        while len(self._open) >= _MAX_OPEN:
            self._open.popitem(last=False)[1][1].close()
        with ExitStack() as stack:
            path: Path = stack.enter_context(self._store.local_file(name))
            shard = stack.enter_context(closing(shard_format(name).open(path)))
            self._open[name] = shard, stack.pop_all()
        return shard


def remove_shard(store: Store, name: str) -> None:
    """Remove a shard and its contents file."""
    store.remove([name, _contents_name(name)])


@contextmanager
def _ignoring_damage() -> Iterator[None]:
    """Log errors in the block instead of raising them: damaged files cause errors of many classes.

    Raises:
        StoreError: the system failed, which says nothing of the file.
    """
    try:
        yield
    except (SkelstreamError, MemoryError):
        raise
    except OSError as error:
        if error.errno:
            raise StoreError(f"{error.filename or 'a shard'}: cannot be read ({error.strerror})") from error
        _log.info("a shard is damaged: %s", error)
    except Exception as error:
        _log.info("a shard is damaged: %s", error)


def _keys(contents: ShardContents) -> list[tuple[str, str]]:
    return [(id, sha256) for id, sha256, _ in contents.clips]


def _contents_name(name: str) -> str:
    return f"{_CONTENTS}/{name.removeprefix(FOLDER + '/')}.json"


def _parsed(text: bytes) -> ShardContents | None:
    try:
        values = mapping(parse_json(text, "contents"), "contents")
        clips = tuple(_clip(items(clip, "clip", 3)) for clip in items(values.get("clips"), "clips"))
        size = integer(values.get("size"), "size", high=2**63)
        return ShardContents(
            size, string(values.get("sha256"), "sha256"), string(values.get("md5"), "md5"), clips
        )
    except FormatError:
        return None


def _clip(values: list[Any]) -> tuple[str, str, str]:
    id, sha256, label = (string(value, "clip") for value in values)
    return id, sha256, label
