"""Counting of workers' crashes; a clip is tried again until ``MAX_CRASHES`` workers have died over it."""

from __future__ import annotations

from collections import Counter

from skelstream.batch.job import Job
from skelstream.batch.manifest import Clip
from skelstream.batch.plan import Plan
from skelstream.batch.records import CRASH, CRASHED, FAILED, MAX_CRASHES, Record, Recorder
from skelstream.batch.results import clip_settings_hash


class Crashes:
    """Number of workers that died over each clip, in this run and in earlier ones.

    Args:
        plan: pending clips and their earlier crashes.
        job: settings and results that the clips share.
    """

    def __init__(self, plan: Plan, job: Job):
        self._counts, self._job = Counter(plan.crashes), job.planned(plan)
        self._recorder = Recorder(job.results.store)

    def __contains__(self, clip: Clip) -> bool:
        """Return whether a worker has died over the clip."""
        return self._counts[clip.id] > 0

    def add(self, clip: Clip, cause: str) -> Record | None:
        """Record a worker's death over a clip; return a record if the clip has failed now, else None.

        Args:
            clip: the clip.
            cause: signal or exit status of the worker, for messages.
        """
        key = clip_settings_hash(self._job.hash, clip)
        message = f"a worker died over it ({cause})"
        self._recorder.add(Record(clip.id, CRASHED, key, self._job.time(clip), reason=CRASH, message=message))
        self._counts[clip.id] += 1
        if self._counts[clip.id] < MAX_CRASHES:
            return None
        message = f"{MAX_CRASHES} workers died over it ({cause}); is the video too large for the memory?"
        record = Record(
            clip.id, FAILED, key, self._job.time(clip), attempts=MAX_CRASHES, reason=CRASH, message=message
        )
        self._recorder.add(record)
        return record

    def close(self) -> None:
        """Close the log of records."""
        self._recorder.close()
