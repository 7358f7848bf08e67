"""Packing of results into shards; every process packs the same files.

A shard is written whole, then its contents file, and only then the clips' own files are removed. A kill in
between leaves a clip in both places, where it counts once.
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
from skelstream.batch.records import MAX_CRASHES, Record, Records
from skelstream.batch.result_files import ResultFiles
from skelstream.batch.results import Results, done_record, result_name
from skelstream.batch.shards.contents import ShardContents, remove_shard
from skelstream.batch.shards.contract import Item
from skelstream.batch.shards.layout import FOLDER, ShardGroup, shard_groups
from skelstream.batch.shards.table import shard_format
from skelstream.batch.store.store import FileInfo
from skelstream.files.atomic import replacing

INDEX = "index.csv"
"""Table of the clips and their shards."""

# Results that are read at a time.
_THREADS = 8


@dataclass(frozen=True)
class PackResult:
    """The state of a batch's shards after packing.

    Attributes:
        shards: number of shards.
        clips: number of clips in them.
        waiting: number of done clips that wait for other clips of their shard.
        damaged: ids of clips whose results do not exist or are not the recorded ones; for a shard with
            several, the first.
    """

    shards: int
    clips: int
    waiting: int
    damaged: list[str]


def packing(
    events: Generator[ClipFinished | Message, None, None],
    results: Results,
    settings: str,
    pending: Iterable[Clip],
) -> Generator[ClipFinished | Message, None, None]:
    """Pass on an engine's events, and meanwhile pack the finished clips if the batch is stored in shards.

    Args:
        events: events of the engine.
        results: results of the batch.
        settings: hash of the batch's settings.
        pending: clips that the engine extracts.
    """
    with closing(events):
        if results.layout() is None:
            yield from events
            return
        with closing(Packer(results, settings, pending)) as packer:
            for event in events:
                if isinstance(event, ClipFinished):
                    packer.clip_finished(event.clip)
                yield event
            packer.finish()


class _DamagedResult(Exception):
    """A result that does not exist or is not the recorded one; its clip must be extracted again."""

    def __init__(self, clip: Clip):
        super().__init__(clip.id)
        self.clip = clip


class Packer:
    """Packs the results of a batch into shards.

    Args:
        results: results of the batch.
        settings: hash of the batch's settings.
        pending: clips that ``clip_finished`` will be called with.

    Raises:
        MissingExtraError: a library for these shards is not installed; raised here, before hours of
            extraction.
    """

    def __init__(self, results: Results, settings: str, pending: Iterable[Clip] = ()):
        self._store, self._settings, self._layout = results.store, settings, results.layout()
        if self._layout is not None:
            shard_format(self._layout.ending)
        self._clips = results.clips()
        self._groups = list(shard_groups(self._clips, self._layout))
        self._records, self._files = Records(self._store), ResultFiles(results)
        ids = {clip.id for clip in pending}
        self._unfinished: dict[str, tuple[ShardGroup, set[str]]] = {}
        for group in self._groups:
            unfinished = {clip.id for clip in group.clips} & ids
            self._unfinished |= dict.fromkeys(unfinished, (group, unfinished))
        # Names of clips' own files that exist or may exist.
        self._own_files = set[str]()
        self._thread, self._writes = ThreadPoolExecutor(1), list[Future[None]]()

    def clip_finished(self, clip: Clip) -> None:
        """Note that a clip is done or has failed; a thread writes its shard when all its clips are noted.

        Raises:
            OutputError: an earlier shard cannot be written.
        """
        if clip.id in self._unfinished:
            group, unfinished = self._unfinished[clip.id]
            unfinished.discard(clip.id)
            if not unfinished:
                self._writes.append(self._thread.submit(self._pack_early, group))
        while self._writes and self._writes[0].done():
            self._writes.pop(0).result()

    def finish(self) -> PackResult:
        """Write all shards whose clips are done or have failed, and the index.

        Clips that the manifest no longer names, or has in another shard, get files of their own before their
        shard is removed.

        Raises:
            OutputError: a shard cannot be written.
        """
        for write in self._writes:
            write.result()
        self._records.refresh()
        self._own_files, waiting, damaged = set(self._store.list_files("")), 0, list[str]()
        complete, shards = True, self._files.shards
        for group in self._groups:
            members = self._members(group, with_failures=True)
            try:
                if members is not None:
                    self._pack(group, members)
                    continue
            except _DamagedResult as error:
                damaged.append(error.clip.id)
                waiting -= 1
            waiting += sum(self._done_record(clip) is not None for clip in group.clips)
            complete = False
        for name in set(shards) - {group.name for group in self._groups}:
            with self._locked(name):
                if self._unpack(name, set()):
                    remove_shard(self._store, name)
            shards.reload(name)
        if self._layout is None:
            done = (clip.id for clip in self._clips if self._done_record(clip) is not None)
            damaged = [id for id in done if result_name(id) not in self._own_files]
        clips = self._write_index()
        if complete:
            names = [f"{FOLDER}/", *(result_name(clip.id) for clip in self._clips)]
            self._store.remove_empty_folders(names)
        return PackResult(len(list(shards)), clips, waiting, damaged)

    def close(self) -> None:
        """End the thread after the shard that it is writing."""
        self._thread.shutdown(cancel_futures=True)
        self._files.__exit__()

    def _locked(self, name: str) -> AbstractContextManager[bool | None]:
        """Keep other processes from writing a shard during the block, in stores that have locks."""
        return self._store.claimed(f"{name}.packing", wait=True)

    def _pack_early(self, group: ShardGroup) -> None:
        self._records.refresh()
        members = self._members(group)
        if members is not None:
            self._own_files |= {result_name(clip.id) for clip, _ in members}
            with suppress(_DamagedResult):  # `finish` tries again and reports it
                self._pack(group, members)

    def _done_record(self, clip: Clip) -> Record | None:
        return done_record(self._records[clip.id], self._settings, clip)

    def _members(self, group: ShardGroup, with_failures: bool = False) -> list[tuple[Clip, Record]] | None:
        """Return the done clips of a group; None if others are pending or, by default, have failed."""
        members = []
        for clip in group.clips:
            record, history = self._done_record(clip), self._records[clip.id]
            if record is not None:
                members.append((clip, record))
            elif not with_failures or (history.failed is None and history.crashes < MAX_CRASHES):
                return None
        return members

    def _pack(self, group: ShardGroup, members: Sequence[tuple[Clip, Record]]) -> None:
        """Write a shard unless it exists already, and remove its clips' own files.

        Raises:
            _DamagedResult: a result is damaged or does not exist; all clips keep their own files.
        """
        shards, clips = self._files.shards, tuple((c.id, r.sha256, c.label) for c, r in members)
        own_files = [name for clip, _ in members if (name := result_name(clip.id)) in self._own_files]
        contents = shards.contents(group.name)
        same = contents is not None and contents.clips == clips
        if not same or (own_files and not all(shards.is_intact(id, sha256) for id, sha256, _ in clips)):
            with self._locked(group.name):
                shards.reload(group.name)
                self._unpack(group.name, {clip.id for clip in group.clips})
                self._write(group.name, members, clips)
            shards.reload(group.name)
        self._store.remove(own_files)
        self._own_files -= set(own_files)

    def _write(
        self, name: str, members: Sequence[tuple[Clip, Record]], clips: tuple[tuple[str, str, str], ...]
    ) -> None:
        if not members:
            remove_shard(self._store, name)
            return
        with self._store.writing(name) as path:
            with replacing(path) as temporary:
                shard_format(name).write(temporary, self._items(members))
            size = path.stat().st_size
            with open(path, "rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                file.seek(0)
                md5 = hashlib.file_digest(file, "md5").hexdigest()
        md5 = self._store.confirmed_md5(name, size, md5)
        ShardContents(size, sha256, md5, clips).write(self._store, name)

    def _items(self, members: Sequence[tuple[Clip, Record]]) -> Iterator[Item]:
        left = iter(members)
        with ThreadPoolExecutor(_THREADS) as threads:
            while chunk := list(islice(left, _THREADS)):
                contents = threads.map(self._files.read, [record for _, record in chunk])
                for (clip, record), content in zip(chunk, contents, strict=True):
                    if content is None:
                        raise _DamagedResult(clip)
                    yield Item(clip, record, content)

    def _unpack(self, name: str, kept: set[str]) -> bool:
        """Write a shard's clips to files of their own, except ``kept`` ones and those stored elsewhere.

        Return whether the shard can be removed: each of its clips that is done was read, or is elsewhere.
        """
        shards = self._files.shards
        clips = list(shards.clips_of(name))
        whole = bool(clips)  # a shard without clips is one whose contents cannot be read
        for id, sha256 in clips:
            if id in kept or shards.shard_of(id, sha256) != name:
                continue
            own = self._store.info(result_name(id))
            is_done = sha256 in self._recorded(id)
            if own and not (is_done and self._is_damaged(id, own)):
                continue
            content = shards.read(id, sha256)
            if content is not None:
                self._store.write(result_name(id), content)
                self._own_files.add(result_name(id))
            elif is_done:
                whole = False
        return whole

    def _recorded(self, id: str) -> dict[str, Record]:
        """Return the record of a clip's result by its SHA-256; empty if the clip is not done."""
        records = (self._done_record(clip) for clip in self._clips if clip.id == id)
        return {record.sha256: record for record in records if record is not None}

    def _is_damaged(self, id: str, own: FileInfo) -> bool:
        """Return whether a done clip's own file is not its recorded result."""
        return not any(
            self._store.matches(result_name(id), record, own) for record in self._recorded(id).values()
        )

    def _write_index(self) -> int:
        """Write the index, in the manifest's order within each split, and return its number of clips."""
        shards, count = self._files.shards, 0
        if self._layout is None:
            self._store.remove([INDEX])
            return 0
        with (
            self._store.writing(INDEX) as path,
            replacing(path) as temporary,
            open(temporary, "x", encoding="utf-8", newline="") as file,
        ):
            table = csv.writer(file, lineterminator="\n")
            table.writerow(("id", "shard", "position", "sha256", "label", "split"))
            for group in self._groups:
                split, contents = group.clips[0].split, shards.contents(group.name)
                for position, (id, sha256, label) in enumerate(contents.clips if contents else ()):
                    shard = group.name.removeprefix(f"{FOLDER}/")
                    table.writerow((id, shard, position, sha256, label, split))
                    count += 1
        return count
