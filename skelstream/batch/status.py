"""How far a batch has come, and what went wrong in it."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

from skelstream.batch.manifest import Clip
from skelstream.batch.records import POISON, Record, Records
from skelstream.batch.result_files import Holdings
from skelstream.batch.results import Results, done_with, settings_hash
from skelstream.batch.shards.layout import Layout

_MOST = 5
# Seconds that the present pace is measured over.
_RECENT = 600.0


@dataclass(frozen=True)
class Status:
    """How far a batch has come.

    Attributes:
        total: clips of the manifest.
        done: records of the clips that are done.
        failed: the last failures of clips that failed, with the clip.
        missing: clips that are still to be done.
        stale: of these, clips that were done with other settings, or whose video has changed since.
        gone: of these, clips that were done, and whose results are no longer there.
        rate: clips a second of the last minutes; None if nothing was done in them.
        layout: of the shards that results are put into; None for a file each.
        shards: their number.
        packed: done clips that are in them.
    """

    total: int
    done: list[Record] = field(default_factory=list)
    failed: list[tuple[Clip, Record]] = field(default_factory=list)
    missing: int = 0
    stale: int = 0
    gone: int = 0
    rate: float | None = None
    layout: Layout | None = None
    shards: int = 0
    packed: int = 0

    @property
    def seconds_left(self) -> float | None:
        """At the present rate; None if that is not known."""
        return self.missing / self.rate if self.rate else None

    @property
    def reasons(self) -> list[tuple[str, int, Record]]:
        """Kinds of failures, the most frequent first, with their number and an example."""
        example = {record.reason: record for _, record in self.failed}
        counts = Counter(record.reason for _, record in self.failed)
        return [(reason, count, example[reason]) for reason, count in counts.most_common()]

    @property
    def slowest(self) -> list[Record]:
        """Done clips that took the longest for a frame."""
        return sorted(self.done, key=lambda r: -r.seconds / max(1, r.frames))[:_MOST]

    @property
    def emptiest(self) -> list[Record]:
        """Done clips with the fewest people a frame, of those with less than one in two frames."""
        few = [record for record in self.done if record.people < 0.5 * record.frames]
        return sorted(few, key=lambda r: r.people / max(1, r.frames))[:_MOST]

    @property
    def short(self) -> list[Record]:
        """Done clips in which fewer frames decoded than the container claims."""
        return [r for r in self.done if r.decoded < max(r.frames, r.expected or 0)]

    @property
    def made_with(self) -> Counter[str]:
        """Done clips by the runtime and the version that they were made with; more than one is a mixture."""
        return Counter(record.made_with for record in self.done)


def status_of(results: Results) -> Status:
    """How far a batch has come.

    Raises:
        FormatError: there is none.
    """
    clips, settings = results.clips(), settings_hash(results.settings())
    records = Records(results.store)
    done, failed, missing, stale, gone = [], [], 0, 0, 0
    with Holdings(results) as holdings:
        for clip in clips:
            history = records[clip.id]
            record = done_with(history, settings, clip)
            if record is not None and holdings.there(record):
                done.append(record)
            elif history.failed is not None:
                failed.append((clip, history.failed))
            elif history.crashes >= POISON:
                record = Record(clip.id, "failed", settings, reason="Poison", message="its workers died")
                failed.append((clip, record))
            else:
                missing += 1
                gone += record is not None
                stale += record is None and bool(history.done)
        shelf = holdings.shelf
        packed = sum(shelf.where(record.clip, record.sha256) is not None for record in done)
        shards = len(list(shelf))
    return Status(
        len(clips), done, failed, missing, stale, gone, _rate(done), results.layout(), shards, packed
    )  # fmt: skip


def _rate(done: list[Record]) -> float | None:
    now = time.time()
    recent = sorted(record.time for record in done if record.time > now - _RECENT)
    began = min((r.time - r.seconds for r in done if r.time > now - _RECENT), default=now)
    return len(recent) / max(1e-3, now - began) if recent else None
