"""Crashes: clips over which workers died are recorded, tried again a few times, and then left."""

from __future__ import annotations

import time
from collections import Counter

from skelstream.batch.job import Job
from skelstream.batch.manifest import Clip
from skelstream.batch.plan import Plan
from skelstream.batch.records import CRASHED, FAILED, POISON, Record, Recorder
from skelstream.batch.results import settings_of


class Crashes:
    """Counts the workers that died over each clip, in this run and in earlier ones.

    Args:
        plan: the clips to extract.
        job: what the clips have in common.
    """

    def __init__(self, plan: Plan, job: Job):
        self._counts, self._job = Counter(plan.crashes), job
        self._recorder = Recorder(job.results.store)

    def __contains__(self, clip: Clip) -> bool:
        """Return whether a worker has died over the clip."""
        return self._counts[clip.id] > 0

    def blame(self, clip: Clip, how: str) -> Record | None:
        """Record a worker that died over a clip; return a record if the clip is left now, None if it is tried again.

        Args:
            clip: the clip.
            how: signal or exit status of the worker, for people to read.
        """
        key = settings_of(self._job.hash, clip)
        message = f"a worker died over it by {how}"
        self._recorder.add(Record(clip.id, CRASHED, key, time.time(), reason="Killed", message=message))
        self._counts[clip.id] += 1
        if self._counts[clip.id] < POISON:
            return None
        message = f"{POISON} workers died over it, the last by {how}"
        record = Record(clip.id, FAILED, key, time.time(), attempts=POISON, reason="Poison", message=message)
        self._recorder.add(record)
        return record

    def close(self) -> None:
        """Close the file of records."""
        self._recorder.close()
