"""The plan of a batch run: the clips to extract, without those that are done (verified) or have failed."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from skelstream.batch.events import ClipVerified
from skelstream.batch.manifest import Clip
from skelstream.batch.records import POISON, Records
from skelstream.batch.result_files import Holdings
from skelstream.batch.results import Results, done_with, name_of_result
from skelstream.errors import SettingsError

_THREADS = 8


@dataclass(frozen=True)
class Plan:
    """The clips to extract, and what is known of the others.

    Attributes:
        todo: clips to extract.
        crashes: number of workers that died over clips of ``todo`` in earlier runs, by clip id.
        done: number of clips that are done.
        failed: number of clips that failed in earlier runs and are left.
        seen: bytes of each file of records that the plan has read.
    """

    todo: list[Clip]
    crashes: dict[str, int]
    done: int
    failed: int
    seen: dict[str, int]


def make_plan(clips: Sequence[Clip], results: Results, settings: str) -> Generator[ClipVerified, None, Plan]:
    """Verify the results against the records, yield each clip as it is verified, and return the plan.

    Args:
        clips: clips of the manifest, or a partition of them.
        results: results of the batch.
        settings: hash of the batch's settings.
    """
    records, todo, crashes = Records(results.store), [], {}
    done, failed, seen = 0, 0, records.seen

    def check(clip: Clip) -> bool | None:
        """Return whether the clip's result is intact; None if there is none."""
        record = done_with(records[clip.id], settings, clip)
        return None if record is None else holdings.whole(record)

    with Holdings(results) as holdings, ThreadPoolExecutor(_THREADS) as threads:
        for clip, whole in zip(clips, threads.map(check, clips), strict=True):
            yield ClipVerified(clip, whole, results.store.path(name_of_result(clip.id)))
            history = records[clip.id]
            if whole:
                done += 1
                continue
            if whole is None and (history.failed is not None or history.crashes >= POISON):
                failed += 1
                continue
            todo.append(clip)
            if history.crashes:
                crashes[clip.id] = history.crashes
    return Plan(todo, crashes, done, failed, seen)


def partition(clips: Sequence[Clip], text: str | None) -> list[Clip]:
    """Return the partition of the clips that ``i/n`` names: the i-th of n, counted from 1; all clips for None.

    Raises:
        SettingsError: the text is not of that form.
    """
    if text is None:
        return list(clips)
    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise SettingsError(
            f"partition is {text!r}: give 1/8 for the first of eight, up to 8/8", setting="partition"
        )
    return list(clips[int(number) - 1 :: int(count)])
