"""What there is to do: the clips of a manifest less those that are done, which is verified, and those that failed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from skelstream.batch.manifest import Clip
from skelstream.batch.records import POISON, Records
from skelstream.batch.result_files import Holdings
from skelstream.batch.results import Results, done_with
from skelstream.errors import SettingsError

_THREADS = 8


@dataclass(frozen=True)
class Plan:
    """What there is to do.

    Attributes:
        todo: clips to do.
        crashes: workers that some of these have ended before, by id.
        done: clips that are done.
        failed: clips that failed before, and are left.
        damaged: of ``todo``, clips that were done and whose result is no longer what was recorded.
        seen: how far the records had been written then; what is added afterwards is news.
    """

    todo: list[Clip]
    crashes: dict[str, int]
    done: int
    failed: int
    damaged: list[Clip]
    seen: dict[str, int]


def make_plan(
    clips: Sequence[Clip], results: Results, settings: str, looked_at: Callable[[], None] = lambda: None
) -> Plan:
    """Looks at the records and the results.

    Args:
        clips: of the manifest, or a part of them.
        results: where they are.
        settings: the hash of the batch's settings.
        looked_at: called after each clip.
    """
    records, todo, crashes, damaged = Records(results.store), [], {}, []
    done, failed, seen = 0, 0, records.seen

    def check(clip: Clip) -> bool | None:
        """Whether its result is whole; None if there is none."""
        record = done_with(records[clip.id], settings, clip)
        return None if record is None else holdings.whole(record)

    with Holdings(results) as holdings, ThreadPoolExecutor(_THREADS) as threads:
        for clip, whole in zip(clips, threads.map(check, clips), strict=True):
            looked_at()
            history = records[clip.id]
            if whole:
                done += 1
                continue
            if whole is False:
                damaged.append(clip)
            elif history.failed is not None or history.crashes >= POISON:
                failed += 1
                continue
            todo.append(clip)
            if history.crashes:
                crashes[clip.id] = history.crashes
    return Plan(todo, crashes, done, failed, damaged, seen)


def shard(clips: Sequence[Clip], text: str | None) -> list[Clip]:
    """The part of the clips that ``i/n`` names: the i-th of n, counted from 1; all for None.

    Raises:
        SettingsError: it is not like that.
    """
    if text is None:
        return list(clips)
    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise SettingsError(f"shard {text!r} is not like 1/8, the first of eight, up to 8/8")
    return list(clips[int(number) - 1 :: int(count)])
