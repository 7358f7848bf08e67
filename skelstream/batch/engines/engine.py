"""The contract of an engine: what extracts the clips of a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from skelstream.batch.events import Event
from skelstream.batch.job import Job
from skelstream.batch.manifest import Clip
from skelstream.batch.options import BatchOptions


@dataclass(frozen=True)
class Engine:
    """A way to extract clips, here or under the entry point ``skelstream.engines`` of another package.

    Attributes:
        name: value of ``--engine``.
        summary: one line for lists.
        start: function from job, clips and options to the events of the work, of which the last is ``BatchFinished``. It
            may raise SkelstreamError; when its generator is closed, its workers end.
    """

    name: str
    summary: str
    start: Callable[[Job, Sequence[Clip], BatchOptions], Iterator[Event]]
