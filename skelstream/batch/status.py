"""The status of a batch: how many clips are done, failed or pending, and which results are unusual."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from skelstream.batch.manifest import Clip
from skelstream.batch.records import CRASH, FAILED, MAX_CRASHES, Record, Records
from skelstream.batch.result_files import ResultFiles
from skelstream.batch.results import Results, done_record, settings_hash
from skelstream.batch.shards.layout import Layout

# Most clips that `slowest` and `emptiest` return.
_MAX_LISTED = 5
# Seconds over which the present rate is measured.
_RATE_SECONDS = 600.0


@dataclass(frozen=True)
class Status:
    """The status of a batch.

    Attributes:
        total: number of clips in the manifest.
        done: records of the done clips.
        failed: failed clips, each with the record of its last failure.
        pending: number of clips to extract.
        outdated: number of pending clips that were done with other settings, or whose video has changed.
        deleted: number of pending clips that were done and whose results no longer exist.
        rate: clips per second in the last 10 minutes; None if none was done in them.
        layout: layout of the shards; None for a file per clip.
        shards: number of shards.
        packed: number of done clips in shards.
    """

    total: int
    done: list[Record] = field(default_factory=list)
    failed: list[tuple[Clip, Record]] = field(default_factory=list)
    pending: int = 0
    outdated: int = 0
    deleted: int = 0
    rate: float | None = None
    layout: Layout | None = None
    shards: int = 0
    packed: int = 0

    @property
    def seconds_left(self) -> float | None:
        """Seconds until all clips are done at the present rate; None if that rate is unknown."""
        return self.pending / self.rate if self.rate else None

    @property
    def reasons(self) -> list[tuple[str, int, Record]]:
        """Kinds of failures, the most frequent first, each with its number and an example."""
        examples = {record.reason: record for _, record in self.failed}
        counts = Counter(record.reason for _, record in self.failed)
        return [(reason, count, examples[reason]) for reason, count in counts.most_common()]

    @property
    def slowest(self) -> list[Record]:
        """Up to 5 done clips with the longest time per frame."""
        return sorted(self.done, key=lambda r: -r.seconds / max(1, r.frames))[:_MAX_LISTED]

    @property
    def emptiest(self) -> list[Record]:
        """Up to 5 done clips with the fewest people per frame, of those with fewer than 0.5."""
        few = [record for record in self.done if record.people < 0.5 * record.frames]
        return sorted(few, key=lambda r: r.people / max(1, r.frames))[:_MAX_LISTED]

    @property
    def short(self) -> list[Record]:
        """Done clips with fewer decoded frames than the container claims."""
        return [r for r in self.done if r.decoded < max(r.frames, r.expected or 0)]

    @property
    def software(self) -> Counter[str]:
        """Number of done clips for each runtime and version; more than one entry is a mixture."""
        return Counter(record.software for record in self.done)


def status_of(output: str | Path | Results) -> Status:
    """Return the status of a batch.

    Args:
        output: folder or URL of the results, or the results.

    Raises:
        FormatError: there is no batch.
    """
    results = output if isinstance(output, Results) else Results(output)
    clips, settings = results.clips(), settings_hash(results.settings())
    records = Records(results.store)
    done, failed, pending, outdated, deleted = [], [], 0, 0, 0
    with ResultFiles(results) as files:
        for clip in clips:
            history = records[clip.id]
            record = done_record(history, settings, clip)
            if record is not None and files.exists(record):
                done.append(record)
            elif history.failed is not None:
                failed.append((clip, history.failed))
            elif history.crashes >= MAX_CRASHES:
                failed.append(
                    (clip, Record(clip.id, FAILED, settings, reason=CRASH, message="its workers died"))
                )
            else:
                pending += 1
                deleted += record is not None
                outdated += record is None and bool(history.done)
        shards = files.shards
        packed = sum(shards.shard_of(record.clip, record.sha256) is not None for record in done)
        layout, count = results.layout(), len(list(shards))
    return Status(len(clips), done, failed, pending, outdated, deleted, _rate(done), layout, count, packed)


def _rate(done: list[Record]) -> float | None:
    now = time.time()
    recent = [record for record in done if now - _RATE_SECONDS < record.time <= now]
    start = min((record.time - record.seconds for record in recent), default=now)
    return len(recent) / max(1e-3, now - start) if recent else None
