"""What became of each clip: lines that are only ever added, in a log for each process that works, merged as they are read.

Nothing is locked and nothing taken back, so that processes on several machines may share a place, and a process may be
killed at any moment: what it leaves behind is at most a line without an end, which does not count.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from uuid import uuid4

from skelstream.batch.store.store import Store

DONE, FAILED, CRASHED, FORGIVEN = "done", "failed", "crashed", "forgiven"

POISON = 3
"""Workers that a clip may kill before it is left alone."""

_FOLDER = ".batch/records"


@dataclass(frozen=True, slots=True)
class Record:
    """What became of a clip, once.

    Attributes:
        clip: its id.
        state: ``done``; ``failed``; ``crashed``, which is a worker that died over it; or ``forgiven``, which makes failures
            and crashes before it count no more.
        settings: hash of the settings that it was done with.
        time: seconds since 1970 at the end of the work.
        seconds: that the work took.
        sha256, size: of the result's bytes.
        md5: of them, if their store was seen to tell it; by this they are known without being fetched.
        source_size, source_time: bytes and time of change (ns) of the video, where it is a file.
        frames: rows of the result's frame table.
        expected: frames that the container claims, None if it does not.
        decoded: frames that decoded.
        tracks, people: rows and people in the result.
        made_with: the runtime and the version of skelstream.
        warnings: what was wrong or assumed, a line each.
        reason: kind of the failure.
        message: last line of the error.
        attempts: how often it was tried.
    """

    clip: str
    state: str
    settings: str = ""
    time: float = 0.0
    seconds: float = 0.0
    sha256: str = ""
    size: int = 0
    md5: str = ""
    source_size: int | None = None
    source_time: int | None = None
    frames: int = 0
    expected: int | None = None
    decoded: int = 0
    tracks: int = 0
    people: int = 0
    made_with: str = ""
    warnings: tuple[str, ...] = ()
    reason: str = ""
    message: str = ""
    attempts: int = 1


_NAMES = set(Record.__dataclass_fields__)


class Recorder:
    """Adds records to a log of this process's own.

    Args:
        store: of the batch.
    """

    def __init__(self, store: Store):
        name = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}.jsonl"
        self._log = store.log(f"{_FOLDER}/{name}")

    def add(self, record: Record) -> None:
        """Adds a record; it is kept when this returns.

        Raises:
            StoreError: it cannot be written; nothing of it is left.
        """
        known = {name: value for name, value in asdict(record).items() if value not in (None, "", ())}
        line = json.dumps(known, ensure_ascii=False, separators=(",", ":")) + "\n"
        self._log.append(line.encode("utf-8", "replace"))

    def close(self) -> None:
        """Frees the log."""
        self._log.close()


@dataclass(slots=True)
class History:
    """What the records say about one clip.

    Attributes:
        done: by the hash of the settings, the last record of it being done.
        failed: the last failure that was not forgiven.
        crashes: workers that died over it since it was last forgiven.
    """

    done: dict[str, Record] = field(default_factory=dict)
    failed: Record | None = None
    crashes: int = 0
    _forgiven: float = float("-inf")
    _crashed: list[float] = field(default_factory=list)

    def take(self, record: Record) -> None:
        """Takes in a record; the order in which they come does not matter."""
        if record.state == DONE:
            before = self.done.get(record.settings)
            if before is None or before.time <= record.time:
                self.done[record.settings] = record
            return
        if record.state == FORGIVEN:
            self._forgiven = max(self._forgiven, record.time)
        elif record.state == CRASHED:
            self._crashed.append(record.time)
        elif self.failed is None or self.failed.time <= record.time:
            self.failed = record
        self.crashes = sum(time > self._forgiven for time in self._crashed)
        if self.failed is not None and self.failed.time <= self._forgiven:
            self.failed = None


class Records:
    """All records of a batch, read as far as they have been written.

    Args:
        store: of the batch.
        seen: what `Records.seen` of an earlier look was: only what has been added since is read, once `refresh` is asked to.
    """

    def __init__(self, store: Store, seen: Mapping[str, int] | None = None):
        self._store, self._looked, self._turn = store, 0.0, threading.Lock()
        self._read: dict[str, int] = dict(seen or {})
        self._of: dict[str, History] = {}
        if seen is None:
            self.refresh()

    @property
    def seen(self) -> dict[str, int]:
        """How many bytes of each file have been read."""
        return dict(self._read)

    def refresh(self, patience: float = 0.0) -> None:
        """Reads what has been added meanwhile.

        Args:
            patience: seconds that must have passed since this was done last; before that nothing is done.

        Raises:
            StoreError: a file cannot be read.
        """
        with self._turn:
            if patience and time.monotonic() - self._looked < patience:
                return
            sizes = {n: f.size for n, f in self._store.listed(_FOLDER).items() if n.endswith(".jsonl")}
            grown = {
                n: (self._read.get(n, 0), size) for n, size in sizes.items() if size > self._read.get(n, 0)
            }
            for name, lines in self._store.tails(grown):
                self._read[name] = grown[name][0] + self._take(lines)
            self._looked = time.monotonic()

    def __getitem__(self, clip: str) -> History:
        return self._of.get(clip) or History()

    def __iter__(self) -> Iterator[str]:
        return iter(self._of)

    def _take(self, lines: Iterable[bytes]) -> int:
        """Takes in whole lines, and says how many bytes they are."""
        taken = 0
        for line in lines:
            if not line.endswith(b"\n"):
                break
            taken += len(line)
            record = _parsed(line)
            if record is not None:
                self._of.setdefault(record.clip, History()).take(record)
        return taken


def _parsed(line: bytes) -> Record | None:
    """A record; None for a line that is damaged, as a machine that lost power leaves it."""
    try:
        values: dict[str, Any] = json.loads(line)
        known = {name: value for name, value in values.items() if name in _NAMES}
        record = Record(**known)
        return replace(record, warnings=tuple(record.warnings))
    except (ValueError, TypeError, AttributeError):
        return None


def forgiven(clip: str) -> Record:
    """A record after which the clip's failures count no more."""
    return Record(clip, FORGIVEN, time=time.time())
