"""What a process that does clips has: the networks, loaded once, and a few clips at a time."""

from __future__ import annotations

import os
from collections.abc import Set
from dataclasses import replace

import torch

from skelstream.batch.job import Job
from skelstream.batch.manifest import Clip
from skelstream.batch.records import Record, Recorder, Records
from skelstream.batch.shared_estimator import SharedEstimator
from skelstream.estimation.pose_estimator import EstimatorSettings, PoseEstimator
from skelstream.runtimes.cores import available_cores


class Worker:
    """Does clips and keeps their records; several threads may ask it at a time.

    Args:
        job: what the clips have in common.
        cores: the cores that its networks may use; None for all that the process has.
        device: where the networks run; None for what the settings say.

    Raises:
        ModelError: the weights, the device, the runtime or the precision cannot be used.
        MissingExtraError: a library is not installed.
    """

    def __init__(self, job: Job, cores: Set[int] | None = None, device: str | None = None):
        self._job = job
        settings = job.settings.estimator
        estimator = _estimator(replace(settings, device=device or settings.device), cores)
        self._estimator = SharedEstimator(estimator) if estimator.batch > 1 else estimator
        self._recorder = Recorder(job.results.store)
        self._others = Records(job.results.store, job.seen)

    @property
    def lanes(self) -> int:
        """Clips at a time that keep the networks busy: as many as a batch has images, each of which has people to be looked at again."""
        return max(2, self._estimator.batch)

    def do(self, clip: Clip) -> Record | None:
        """``Job.do``; the record is on the disk when this returns.

        Raises:
            OutputError: the place of the results takes no more.
        """
        return self._job.do(clip, self._estimator, self._recorder.add, self._others)


def _estimator(settings: EstimatorSettings, cores: Set[int] | None) -> PoseEstimator:
    """An estimator whose threads are as many as ``cores``: runtimes look at what the process may use as they start."""
    if cores is None or not hasattr(os, "sched_setaffinity"):
        estimator = PoseEstimator(settings)
    else:
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, cores)
        try:
            estimator = PoseEstimator(settings)
        finally:
            os.sched_setaffinity(0, before)
    torch.set_num_threads(estimator.torch_threads or len(cores or ()) or available_cores())
    return estimator
