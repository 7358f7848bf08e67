"""The plan of a batch run: the pending clips, without those that are done and verified or have failed."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from skelstream.batch.events import ClipVerified
from skelstream.batch.manifest import Clip
from skelstream.batch.records import MAX_CRASHES, Records
from skelstream.batch.result_files import ResultFiles
from skelstream.batch.results import Results, done_record, result_name
from skelstream.errors import SettingsError

_THREADS = 8


@dataclass(frozen=True)
class Plan:
    """The pending clips, and the number of the others.

    Attributes:
        pending: clips to extract.
        crashes: number of workers that died over each pending clip in earlier runs, by clip id.
        done: number of done clips.
        failed: number of clips that failed in earlier runs and are not tried again.
        offsets: number of bytes of each log of records that the plan has read, by name.
        latest: times of the last records of pending clips whose records lie in the future, by clip id: clocks
            differ, and go back.
    """

    pending: list[Clip]
    crashes: dict[str, int]
    done: int
    failed: int
    offsets: dict[str, int]
    latest: dict[str, float]


def make_plan(clips: Sequence[Clip], results: Results, settings: str) -> Generator[ClipVerified, None, Plan]:
    """Verify the results against the records, yield each clip as it is verified, and return the plan.

    Args:
        clips: clips of the manifest, or a partition of them.
        results: results of the batch.
        settings: hash of the batch's settings.
    """
    records = Records(results.store)
    pending, crashes, latest, done, failed, offsets = [], {}, {}, 0, 0, records.offsets
    now = time.time()

    def verify(clip: Clip) -> bool | None:
        """Return whether the clip's result is intact; None if no result is recorded."""
        record = done_record(records[clip.id], settings, clip)
        return None if record is None else files.is_intact(record)

    with ResultFiles(results) as files, ThreadPoolExecutor(_THREADS) as threads:
        for clip, intact in zip(clips, threads.map(verify, clips), strict=True):
            yield ClipVerified(clip, intact, results.store.path(result_name(clip.id)))
            history = records[clip.id]
            if intact:
                done += 1
                continue
            if intact is None and (history.failed is not None or history.crashes >= MAX_CRASHES):
                failed += 1
                continue
            pending.append(clip)
            if history.crashes:
                crashes[clip.id] = history.crashes
            if history.latest > now:
                latest[clip.id] = history.latest
    return Plan(pending, crashes, done, failed, offsets, latest)


def partition(clips: Sequence[Clip], text: str | None) -> list[Clip]:
    """Return the partition ``I/N`` of the clips: the I-th of N, counted from 1; all clips for None.

    Raises:
        SettingsError: the text does not have that form.
    """
    if text is None:
        return list(clips)
    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise SettingsError(
            f"partition is {text!r}: give 1/8 for the first of eight, up to 8/8", setting="partition"
        )
    return list(clips[int(number) - 1 :: int(count)])
