"""The estimator of a command, which has the process for itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .messages import say
from .signals import interruptible

if TYPE_CHECKING:
    from skelstream.estimation.pose_estimator import PoseEstimator
    from skelstream.extraction.settings import ExtractionSettings
    from skelstream.settings import EstimatorSettings


def make_estimator(settings: EstimatorSettings) -> PoseEstimator:
    """Return a ``PoseEstimator`` and set torch's number of threads to the one that suits its runtime.

    Torch's number of threads is a setting of the whole process, so a command may change it and the library
    may not.
    """
    import torch

    from skelstream.estimation.pose_estimator import PoseEstimator
    from skelstream.tracking.libraries import import_beside

    import_beside()  # while the networks are loaded
    estimator = interruptible(lambda: PoseEstimator(settings))
    if estimator.torch_threads is not None:
        torch.set_num_threads(estimator.torch_threads)
    return estimator


def say_if_slow(settings: ExtractionSettings) -> None:
    """Print how to install a faster runtime if the settings would choose it and it is not installed."""
    from skelstream.runtimes.registry import faster_runtime

    chosen = settings.estimator
    if line := faster_runtime(chosen.device, chosen.runtime, chosen.precision):
        say(line)


def estimator_maker(settings: ExtractionSettings) -> Callable[[], PoseEstimator]:
    """Return a function that makes the estimator of the settings."""
    return lambda: make_estimator(settings.estimator)
