"""Records of a batch's clips: lines in one log per process, merged as they are read.

Records are only added, without locks, so that processes on several machines may share a store and a process
may be killed at any moment: it leaves at most a line without an end, which is ignored.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, get_type_hints
from uuid import uuid4

from skelstream.batch.store.store import Store
from skelstream.errors import FormatError
from skelstream.files.values import integer, items, real, string

DONE, FAILED, CRASHED, RESET = "done", "failed", "crashed", "reset"

MAX_CRASHES = 3
"""Number of workers that may die over a clip before the clip counts as failed."""
CRASH = "Crash"
"""Reason of clips that failed because workers died over them."""

_FOLDER = ".batch/records"


@dataclass(frozen=True, slots=True)
class Record:
    """One attempt to extract a clip, or a reset of its failures.

    Attributes:
        clip: id of the clip.
        state: ``done``; ``failed``; ``crashed``: a worker died over the clip; ``reset``: earlier failures and
            crashes no longer count.
        settings: hash of the settings.
        time: end of the attempt in seconds since 1970.
        seconds: duration of the attempt in seconds.
        sha256: SHA-256 of the result.
        size: size of the result in bytes.
        md5: MD5 of the result, if its store reports the same; it identifies the result without a download.
        source_size: size of the video in bytes; None if it is not a local file.
        source_time: modification time of the video in nanoseconds since 1970; None if it is not a local file.
        frames: number of rows in the result's frame table.
        expected: number of frames that the container claims, if they are not all there; else None.
        decoded: number of frames that decoded.
        tracks: number of tracks in the result.
        people: number of poses in the result.
        software: runtime and version of skelstream.
        warnings: problems and assumptions, one line each.
        reason: kind of the failure.
        message: last line of the error.
        attempts: number of attempts.
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
    software: str = ""
    warnings: tuple[str, ...] = ()
    reason: str = ""
    message: str = ""
    attempts: int = 1


# Latest time that counts, in the year 5138; a clock that shows a later one is wrong. Up to here float64 tells times a
# millisecond apart, as `time_after` needs.
_LATEST = 1e11
_STATES = {DONE, FAILED, CRASHED, RESET}
_KINDS = get_type_hints(Record)


class Recorder:
    """A writer of records, with a log of its own in the store.

    Args:
        store: store of the batch.
    """

    def __init__(self, store: Store):
        name = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}.jsonl"
        self._log = store.log(f"{_FOLDER}/{name}")

    def add(self, record: Record) -> None:
        """Add a record, which is on disk when this returns.

        Raises:
            StoreError: the record cannot be written; no part of it stays.
        """
        values = {name: value for name, value in asdict(record).items() if value not in (None, "", ())}
        line = json.dumps(values, ensure_ascii=False, separators=(",", ":")) + "\n"
        self._log.append(line.encode("utf-8", "replace"))

    def close(self) -> None:
        """Close the log."""
        self._log.close()


@dataclass(slots=True)
class History:
    """The records of one clip, merged.

    Attributes:
        done: last successful record for each hash of settings.
        failed: last failure since the last reset; None if there is none.
        crashes: number of workers that died over the clip since the last reset.
        latest: time of the last record in seconds since 1970.
    """

    done: dict[str, Record] = field(default_factory=dict)
    failed: Record | None = None
    crashes: int = 0
    latest: float = float("-inf")
    _reset_time: float = float("-inf")
    _crash_times: list[float] = field(default_factory=list)

    def add(self, record: Record) -> None:
        """Add a record; the order of calls does not matter."""
        self.latest = max(self.latest, record.time)
        if record.state == DONE:
            before = self.done.get(record.settings)
            if before is None or before.time <= record.time:
                self.done[record.settings] = record
            return
        if record.state == RESET:
            self._reset_time = max(self._reset_time, record.time)
        elif record.state == CRASHED:
            self._crash_times.append(record.time)
        elif self.failed is None or self.failed.time <= record.time:
            self.failed = record
        self.crashes = sum(time > self._reset_time for time in self._crash_times)
        if self.failed is not None and self.failed.time <= self._reset_time:
            self.failed = None


class Records:
    """The records of a batch; a mapping from a clip's id to its history.

    Args:
        store: store of the batch.
        offsets: ``offsets`` of earlier ``Records``; then nothing is read before ``refresh``, which reads
            later records only. None to read all records now.
    """

    def __init__(self, store: Store, offsets: Mapping[str, int] | None = None):
        self._store, self._lock = store, threading.Lock()
        self._refreshed = 0.0
        self._offsets: dict[str, int] = dict(offsets or {})
        self._histories: dict[str, History] = {}
        if offsets is None:
            self.refresh()

    @property
    def offsets(self) -> dict[str, int]:
        """Number of bytes read of each log, by name."""
        return dict(self._offsets)

    def refresh(self, min_interval: float = 0.0) -> None:
        """Read the records that have been added since the last call.

        Args:
            min_interval: do nothing if the last call was less than this many seconds ago.

        Raises:
            StoreError: a log cannot be read.
        """
        with self._lock:
            if min_interval and time.monotonic() - self._refreshed < min_interval:
                return
            files = self._store.list_files(_FOLDER)
            spans = {
                name: (self._offsets.get(name, 0), info.size)
                for name, info in files.items()
                if name.endswith(".jsonl") and info.size > self._offsets.get(name, 0)
            }
            for name, lines in self._store.read_lines(spans):
                self._offsets[name] = spans[name][0] + self._add(lines)
            self._refreshed = time.monotonic()

    def __getitem__(self, clip: str) -> History:
        return self._histories.get(clip) or History()

    def __iter__(self) -> Iterator[str]:
        return iter(self._histories)

    def _add(self, lines: Iterable[bytes]) -> int:
        """Add the records of complete lines, and return the number of bytes of these lines."""
        size = 0
        for line in lines:
            if not line.endswith(b"\n"):
                break
            size += len(line)
            record = _parsed(line)
            if record is not None:
                self._histories.setdefault(record.clip, History()).add(record)
        return size


def _parsed(line: bytes) -> Record | None:
    """Return the record in a line; None for a damaged line, for example after a power cut."""
    try:
        values: dict[str, Any] = json.loads(line)
        record = Record(**{name: _value(name, value) for name, value in values.items() if name in _KINDS})
    except (ValueError, TypeError, AttributeError, RecursionError, FormatError):
        return None
    return record if record.state in _STATES else None


def _value(name: str, value: Any) -> Any:
    """Return a field's value after a check of its type.

    Raises:
        FormatError: the type is another.
    """
    kind = _KINDS[name]
    if kind == tuple[str, ...]:
        return tuple(string(one, name) for one in items(value, name))
    if kind is str:
        return string(value, name)
    return real(value, name, 0.0, _LATEST) if kind is float else integer(value, name, high=2**63)


def reset_record(clip: str, latest: float | None = None) -> Record:
    """Return a record after which the clip's earlier failures no longer count.

    Args:
        clip: id of the clip.
        latest: time of the clip's last record; None if unknown.
    """
    return Record(clip, RESET, time=time_after(latest))


def time_after(latest: float | None) -> float:
    """Return the present time in seconds since 1970, or a time just after ``latest`` if that lies in the future."""
    now = time.time()
    return now if latest is None or latest < now else latest + 1e-3
