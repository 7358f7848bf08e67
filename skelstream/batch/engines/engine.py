"""The type of an engine, which extracts the clips of a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from skelstream.batch.events import Event
from skelstream.batch.job import Job
from skelstream.batch.manifest import Clip
from skelstream.batch.options import BatchOptions


@dataclass(frozen=True)
class Engine:
    """An engine; other packages offer theirs under the entry point ``skelstream.engines``.

    Attributes:
        name: value of ``--engine``.
        summary: one line for lists.
        start: function from job, clips and options to the events of the run; the last one is
            ``BatchFinished``. It may raise SkelstreamError; when its generator is closed, its workers end.
    """

    name: str
    summary: str
    start: Callable[[Job, Sequence[Clip], BatchOptions], Iterator[Event]]
