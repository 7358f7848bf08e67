"""The worker of all engines: networks that are loaded once and extract several clips at a time."""

from __future__ import annotations

import os
from collections.abc import Set
from dataclasses import replace

import torch

from skelstream.batch.job import Job
from skelstream.batch.manifest import Clip
from skelstream.batch.records import Record, Recorder, Records
from skelstream.batch.shared_estimator import SharedEstimator
from skelstream.estimation.pose_estimator import PoseEstimator
from skelstream.runtimes.cores import available_cores
from skelstream.settings.estimation import EstimatorSettings
from skelstream.tracking.libraries import import_beside


class Worker:
    """A worker that extracts clips and records them; several threads may use it at once.

    Args:
        job: settings and results that the clips share.
        cores: CPU cores of the networks; None for all cores of the process.
        device: device of the networks; None for the one in the settings.

    Raises:
        ModelError: the weights cannot be used.
        SettingsError: the weights do not exist, or the device, the runtime or the precision cannot be used.
        MissingExtraError: a library is not installed.
    """

    def __init__(self, job: Job, cores: Set[int] | None = None, device: str | None = None):
        self._job = job
        settings = job.settings.estimator
        estimator = _estimator(replace(settings, device=device or settings.device), cores)
        self._estimator = SharedEstimator(estimator) if estimator.batch > 1 else estimator
        self._recorder = Recorder(job.results.store)
        self._others = Records(job.results.store, job.offsets)

    @property
    def clips(self) -> int:
        """Number of clips at once that keeps the networks busy: the batch size, at least 2."""
        return max(2, self._estimator.batch)

    def extract(self, clip: Clip) -> Record | None:
        """Extract a clip, see ``Job.extract``; its record is on disk when this returns.

        Raises:
            OutputError: the store cannot be written.
        """
        return self._job.extract(clip, self._estimator, self._recorder.add, self._others)


def _estimator(settings: EstimatorSettings, cores: Set[int] | None) -> PoseEstimator:
    """Return an estimator with a thread per core; runtimes read the process's cores when they start."""
    import_beside()  # while the networks are loaded
    if cores is None or not hasattr(os, "sched_setaffinity"):
        estimator = PoseEstimator(settings)
    else:
        process_cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, cores)
        try:
            estimator = PoseEstimator(settings)
        finally:
            os.sched_setaffinity(0, process_cores)
    torch.set_num_threads(estimator.torch_threads or len(cores or ()) or available_cores())
    return estimator
