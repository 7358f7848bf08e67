"""Events of a batch: what its runner yields while it works."""

from __future__ import annotations

from dataclasses import dataclass

from skelstream.batch.manifest import Clip
from skelstream.batch.records import FAILED, Record


@dataclass(frozen=True)
class VerificationStarted:
    """The results of earlier runs are compared with their records.

    Attributes:
        clips: number of clips to verify.
    """

    clips: int


@dataclass(frozen=True)
class ClipVerified:
    """One clip is verified.

    Attributes:
        clip: the clip.
        intact: whether its result is what was recorded; None if there is no result.
        path: where its result is, or would be.
    """

    clip: Clip
    intact: bool | None
    path: str


@dataclass(frozen=True)
class ExtractionStarted:
    """The pending clips are extracted from here on.

    Attributes:
        clips: number of pending clips.
    """

    clips: int


@dataclass(frozen=True)
class ClipFinished:
    """One clip is done or has failed.

    Attributes:
        clip: the clip.
        record: its record; None if another process extracts it.
    """

    clip: Clip
    record: Record | None

    @property
    def failed(self) -> bool:
        """Whether the clip failed in this run."""
        return self.record is not None and self.record.state == FAILED


@dataclass(frozen=True)
class Message:
    """A line from the engine, for people to read.

    Attributes:
        text: the line.
    """

    text: str


@dataclass(frozen=True)
class BatchFinished:
    """All pending clips are through, or tasks that will extract them are submitted.

    Attributes:
        done: clips extracted in this run.
        existing: clips that were done before.
        elsewhere: clips that another process extracts.
        failed: clips that failed in this run.
        failed_before: clips that failed in earlier runs and were not tried again.
        seconds: duration of the extraction.
        submitted: whether a cluster extracts the clips after the end of this process; then all counts are 0.
    """

    done: int = 0
    existing: int = 0
    elsewhere: int = 0
    failed: int = 0
    failed_before: int = 0
    seconds: float = 0.0
    submitted: bool = False


Event = VerificationStarted | ClipVerified | ExtractionStarted | ClipFinished | Message | BatchFinished
"""Anything that a batch's runner yields."""
