"""The table of engines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from skelstream.batch.engines.engine import Engine
from skelstream.batch.events import Event
from skelstream.batch.job import Job
from skelstream.batch.manifest import Clip
from skelstream.batch.options import BatchOptions
from skelstream.errors import SettingsError
from skelstream.plugins import plugins


def _local(job: Job, clips: Sequence[Clip], options: BatchOptions) -> Iterator[Event]:
    from skelstream.batch.engines.local import start  # imports torch, which a list of engines does not need

    return start(job, clips, options)


def _ray(job: Job, clips: Sequence[Clip], options: BatchOptions) -> Iterator[Event]:
    from skelstream.batch.engines.ray import start

    return start(job, clips, options)


def _slurm(job: Job, clips: Sequence[Clip], options: BatchOptions) -> Iterator[Event]:
    from skelstream.batch.engines.slurm import start

    return start(job, clips, options)


_LISTED = (
    Engine("local", "processes on this machine", _local),
    Engine("ray", "actors of Ray, on this machine or a cluster", _ray),
    Engine("slurm", "tasks of a Slurm array", _slurm),
)
ENGINES: dict[str, Engine] = plugins("skelstream.engines", Engine, _LISTED)
"""All engines by name: skelstream's own, then those of other packages."""


def find_engine(name: str) -> Engine:
    """Return an engine by name.

    Raises:
        SettingsError: there is no engine with that name.
    """
    if name not in ENGINES:
        raise SettingsError(f"engine is {name!r}: choose from {', '.join(ENGINES)}", setting="engine")
    return ENGINES[name]
