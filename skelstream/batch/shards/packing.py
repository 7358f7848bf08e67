"""Puts the results of clips into shards as their groups are through; whoever does it makes the same files.

A shard is written whole, then what it holds is noted, and only then the clips' own files are removed: a kill in between leaves a
clip in both, which counts once.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass
from itertools import islice

from skelstream.batch.events import ClipFinished, Message
from skelstream.batch.manifest import Clip
from skelstream.batch.records import POISON, Record, Records
from skelstream.batch.result_files import Holdings
from skelstream.batch.results import Results, done_with, name_of_result
from skelstream.batch.shards.contents import Contents, forget
from skelstream.batch.shards.contract import Item
from skelstream.batch.shards.layout import FOLDER, Group, groups_of
from skelstream.batch.shards.table import shard_format
from skelstream.files.atomic import replacing

INDEX = "index.csv"
"""Which clip is in which shard."""

# Results that are read at a time.
_THREADS = 8


@dataclass(frozen=True)
class Packed:
    """What has become of a batch's shards.

    Attributes:
        shards: their number.
        clips: in them.
        waiting: clips that are done, and wait for others of their shard.
        lost: ids of clips whose results are gone or not what was recorded; of a shard that waits for such, the first.
    """

    shards: int
    clips: int
    waiting: int
    lost: list[str]


def packed(
    events: Generator[ClipFinished | Message, None, None],
    results: Results,
    settings: str,
    todo: Iterable[Clip],
) -> Generator[ClipFinished | Message, None, None]:
    """Pass on an engine's events, and pack the finished clips meanwhile if the batch is stored in shards.

    Args:
        events: events of the engine.
        results: results of the batch.
        settings: hash of the batch's settings.
        todo: clips that the engine extracts.
    """
    with closing(events):
        if results.layout() is None:
            yield from events
            return
        with closing(Packer(results, settings, todo)) as packer:
            for event in events:
                if isinstance(event, ClipFinished):
                    packer.through(event.clip)
                yield event
            packer.finish()


class _NotWhole(Exception):
    """A clip's result is not what was recorded: the clip is to be done again before its shard can be."""

    def __init__(self, clip: Clip):
        super().__init__(clip.id)
        self.clip = clip


class Packer:
    """Packs the shards of a batch.

    Args:
        results: of the batch.
        settings: their hash.
        todo: clips of which `through` will be told.

    Raises:
        MissingExtraError: the batch's shards cannot be written here, which is better known before all clips are done.
    """

    def __init__(self, results: Results, settings: str, todo: Iterable[Clip] = ()):
        self._store, self._hash, self._layout = results.store, settings, results.layout()
        if self._layout is not None:
            shard_format(self._layout.ending)
        self._clips = results.clips()
        self._groups = list(groups_of(self._clips, self._layout))
        self._records, self._holdings = Records(self._store), Holdings(results)
        ids = {clip.id for clip in todo}
        awaited = [(group, {c.id for c in group.clips} & ids) for group in self._groups]
        self._awaited = {id: (group, mine) for group, mine in awaited for id in mine}
        # Names of clips' own files that there are, or may be.
        self._loose = set[str]()
        self._thread, self._work = ThreadPoolExecutor(1), list[Future[None]]()

    def through(self, clip: Clip) -> None:
        """A clip is done or has failed; its shard is written on a thread if all clips in it are.

        Raises:
            OutputError: an earlier shard could not be written.
        """
        if clip.id in self._awaited:
            group, mine = self._awaited[clip.id]
            mine.discard(clip.id)
            if not mine:
                self._work.append(self._thread.submit(self._try, group))
        while self._work and self._work[0].done():
            self._work.pop(0).result()

    def finish(self) -> Packed:
        """Packs what can be now, those groups too in which clips failed, without these, and writes the index.

        Clips that are no longer in the manifest, or in another shard by it, get files of their own back before their shard goes.

        Raises:
            OutputError: a shard could not be written.
        """
        for work in self._work:
            work.result()
        self._records.refresh()
        self._loose, waiting, lost, complete = set(self._store.listed("")), 0, list[str](), True
        for group in self._groups:
            members = self._members(group, with_failures=True)
            try:
                if members is not None:
                    self._pack(group, members)
                    continue
            except _NotWhole as error:
                lost.append(error.clip.id)
                waiting -= 1
            waiting += sum(self._done(clip) is not None for clip in group.clips)
            complete = False
        for name in set(self._holdings.shelf) - {group.name for group in self._groups}:
            with self._packing(name):
                self._rescue(name, set())
                forget(self._store, name)
            self._holdings.shelf.renew(name)
        if self._layout is None:
            done = (clip.id for clip in self._clips if self._done(clip) is not None)
            lost = [id for id in done if name_of_result(id) not in self._loose]
        clips = self._write_index()
        if complete:
            self._store.prune([f"{FOLDER}/", *(name_of_result(clip.id) for clip in self._clips)])
        return Packed(len(list(self._holdings.shelf)), clips, waiting, lost)

    def close(self) -> None:
        """Ends the thread, once the shard is done that it is at."""
        self._thread.shutdown(cancel_futures=True)
        self._holdings.__exit__()

    def _packing(self, name: str) -> AbstractContextManager[bool | None]:
        """Keeps other processes off a shard, where there are locks."""
        return self._store.claimed(f"{name}.packing", wait=True)

    def _try(self, group: Group) -> None:
        self._records.refresh()
        members = self._members(group, with_failures=False)
        if members is not None:
            self._loose |= {name_of_result(clip.id) for clip, _ in members}
            with suppress(_NotWhole):  # it is tried again at the end, and said then
                self._pack(group, members)

    def _done(self, clip: Clip) -> Record | None:
        return done_with(self._records[clip.id], self._hash, clip)

    def _members(self, group: Group, with_failures: bool) -> list[tuple[Clip, Record]] | None:
        """The clips of a group that are done; None if others are still to come."""
        members = []
        for clip in group.clips:
            record, history = self._done(clip), self._records[clip.id]
            if record is not None:
                members.append((clip, record))
            elif not with_failures or (history.failed is None and history.crashes < POISON):
                return None
        return members

    def _pack(self, group: Group, members: Sequence[tuple[Clip, Record]]) -> None:
        """Writes a shard unless it is there already, and removes its clips' own files.

        Raises:
            _NotWhole: a result is gone or damaged; the clips keep their own files.
        """
        shelf, wanted = self._holdings.shelf, tuple((c.id, r.sha256, c.label) for c, r in members)
        twice = [name for clip, _ in members if (name := name_of_result(clip.id)) in self._loose]
        told = shelf.told(group.name)
        same = told is not None and told.clips == wanted
        if not same or (twice and not all(shelf.whole(id, sha256) for id, sha256, _ in wanted)):
            with self._packing(group.name):
                shelf.renew(group.name)
                self._rescue(group.name, {clip.id for clip in group.clips})
                self._write(group.name, members, wanted)
            shelf.renew(group.name)
        self._store.remove(twice)
        self._loose -= set(twice)

    def _write(
        self, name: str, members: Sequence[tuple[Clip, Record]], wanted: tuple[tuple[str, str, str], ...]
    ) -> None:
        if not members:
            forget(self._store, name)
            return
        with self._store.made(name) as path:
            with replacing(path) as temporary:
                shard_format(name).write(temporary, self._items(members))
            size = path.stat().st_size
            with open(path, "rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                file.seek(0)
                md5 = hashlib.file_digest(file, "md5").hexdigest()
        md5 = self._store.confirmed(name, size, md5)
        Contents(size, sha256, md5, wanted).keep(self._store, name)

    def _items(self, members: Sequence[tuple[Clip, Record]]) -> Iterator[Item]:
        left = iter(members)
        with ThreadPoolExecutor(_THREADS) as threads:
            while some := list(islice(left, _THREADS)):
                contents = threads.map(self._holdings.read, [record for _, record in some])
                for (clip, record), content in zip(some, contents, strict=True):
                    if content is None:
                        raise _NotWhole(clip)
                    yield Item(clip, record, content)

    def _rescue(self, name: str, own: set[str]) -> None:
        """Gives files of their own back to the clips of a shard that are not of its group, unless they are elsewhere too."""
        shelf = self._holdings.shelf
        for id, sha256 in shelf.clips_of(name):
            if id in own or shelf.where(id, sha256) != name or self._store.find(name_of_result(id)):
                continue
            content = shelf.read(id, sha256)
            if content is not None:
                self._store.write(name_of_result(id), content)
                self._loose.add(name_of_result(id))

    def _write_index(self) -> int:
        """Writes which clip is in which shard, in the manifest's order within each split; how many there are."""
        shelf, count = self._holdings.shelf, 0
        if self._layout is None:
            self._store.remove([INDEX])
            return 0
        with (
            self._store.made(INDEX) as path,
            replacing(path) as temporary,
            open(temporary, "x", encoding="utf-8", newline="") as file,
        ):
            table = csv.writer(file, lineterminator="\n")
            table.writerow(("id", "shard", "position", "sha256", "label", "split"))
            for group in self._groups:
                split, told = group.clips[0].split, shelf.told(group.name)
                for position, (id, sha256, label) in enumerate(told.clips if told else ()):
                    shard = group.name.removeprefix(f"{FOLDER}/")
                    table.writerow((id, shard, position, sha256, label, split))
                    count += 1
        return count
