"""Events of a batch run."""

from __future__ import annotations

from dataclasses import dataclass

from skelstream.batch.manifest import Clip
from skelstream.batch.records import FAILED, Record


@dataclass(frozen=True)
class VerificationStarted:
    """Start of the comparison of earlier results with their records.

    Attributes:
        clips: number of clips to verify.
    """

    clips: int


@dataclass(frozen=True)
class ClipVerified:
    """End of one clip's verification.

    Attributes:
        clip: the clip.
        intact: whether its result is the recorded one; None if no result is recorded.
        path: path or URL of the result's own file, for messages.
    """

    clip: Clip
    intact: bool | None
    path: str


@dataclass(frozen=True)
class ExtractionStarted:
    """Start of the extraction.

    Attributes:
        clips: number of pending clips.
    """

    clips: int


@dataclass(frozen=True)
class ClipFinished:
    """End of one clip's extraction, done or failed.

    Attributes:
        clip: the clip.
        record: its record; None if another process extracts it or has done so.
    """

    clip: Clip
    record: Record | None

    @property
    def failed(self) -> bool:
        """Whether the clip failed in this run."""
        return self.record is not None and self.record.state == FAILED


@dataclass(frozen=True)
class Message:
    """A message of the engine to the user.

    Attributes:
        text: one line.
    """

    text: str


@dataclass(frozen=True)
class BatchFinished:
    """End of the run, or the submission of the tasks that will extract the clips.

    Attributes:
        done: number of clips extracted in this run.
        existing: number of clips that were done before.
        by_others: number of clips that another process extracts or has extracted meanwhile.
        failed: number of clips that failed in this run.
        failed_before: number of clips that failed in earlier runs and were not tried again.
        seconds: duration of the extraction in seconds.
        submitted: whether tasks of a cluster extract the clips; then the other counts and ``seconds`` are 0,
            and ``failed`` is too unless the tasks ran on this machine.
    """

    done: int = 0
    existing: int = 0
    by_others: int = 0
    failed: int = 0
    failed_before: int = 0
    seconds: float = 0.0
    submitted: bool = False


Event = VerificationStarted | ClipVerified | ExtractionStarted | ClipFinished | Message | BatchFinished
"""Any event of a batch run."""
