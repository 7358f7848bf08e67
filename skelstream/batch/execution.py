"""Execution of a batch by an engine: verification, extraction, packing into shards, and the final counts."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing

from skelstream.batch.events import (
    BatchFinished,
    ClipFinished,
    Event,
    ExtractionStarted,
    Message,
    VerificationStarted,
)
from skelstream.batch.job import Job
from skelstream.batch.manifest import Clip
from skelstream.batch.plan import Plan, make_plan
from skelstream.batch.shards.packing import packing

Extracted = Generator[ClipFinished | Message, None, None]
"""Clips as they finish, and messages of the engine."""


def execute(job: Job, clips: Sequence[Clip], extract: Callable[[Plan], Extracted]) -> Iterator[Event]:
    """Verify the results, extract the pending clips, and yield the events of the work.

    Args:
        job: settings and results that the clips share.
        clips: the manifest's clips, or a partition of them.
        extract: function of an engine that extracts the pending clips of a plan.
    """
    yield VerificationStarted(len(clips))
    plan = yield from make_plan(clips, job.results, job.hash)
    yield ExtractionStarted(len(plan.pending))
    counts: Counter[str] = Counter()
    began = time.monotonic()
    try:
        with closing(packing(extract(plan), job.results, job.hash, plan.pending)) as events:
            for event in events:
                if isinstance(event, ClipFinished):
                    counts["by_others" if event.record is None else "failed" if event.failed else "done"] += 1
                yield event
    except BaseException as error:
        done = plan.done + counts["done"]
        error.add_note(f"{done} of {len(clips)} clips are done, and the same command continues from there")
        raise
    yield BatchFinished(
        counts["done"],
        plan.done,
        counts["by_others"],
        counts["failed"],
        plan.failed,
        time.monotonic() - began,
    )
