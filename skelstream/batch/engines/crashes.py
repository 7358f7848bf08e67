"""Clips over which workers died: recorded, done again a few times, and then left."""

from __future__ import annotations

import time
from collections import Counter

from skelstream.batch.job import Job
from skelstream.batch.manifest import Clip
from skelstream.batch.plan import Plan
from skelstream.batch.records import CRASHED, FAILED, POISON, Record, Recorder
from skelstream.batch.results import settings_of


class Crashes:
    """Counts the workers that each clip has ended, with those of earlier runs.

    Args:
        plan: what is to be done.
        job: what the clips have in common.
    """

    def __init__(self, plan: Plan, job: Job):
        self._counts, self._job = Counter(plan.crashes), job
        self._recorder = Recorder(job.results.store)

    def __contains__(self, clip: Clip) -> bool:
        """Whether the clip has ended a worker."""
        return self._counts[clip.id] > 0

    def blame(self, clip: Clip, how: str) -> Record | None:
        """One more worker has ended over a clip; its record if it is to be left now, None if it is to be tried again.

        Args:
            how: the worker ended, for people to read.
        """
        key = settings_of(self._job.hash, clip)
        message = f"a worker ended over it by {how}"
        self._recorder.add(Record(clip.id, CRASHED, key, time.time(), reason="Killed", message=message))
        self._counts[clip.id] += 1
        if self._counts[clip.id] < POISON:
            return None
        message = f"it has ended {POISON} workers, the last by {how}"
        record = Record(clip.id, FAILED, key, time.time(), attempts=POISON, reason="Poison", message=message)
        self._recorder.add(record)
        return record

    def close(self) -> None:
        """Frees the file of records."""
        self._recorder.close()
