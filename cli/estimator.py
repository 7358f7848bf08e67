"""The estimator as a command uses it: alone in its process."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skelstream.estimation.pose_estimator import EstimatorSettings, PoseEstimator


def make_estimator(settings: EstimatorSettings) -> PoseEstimator:
    """``PoseEstimator`` with the machine's threads given to whatever runs the network.

    How many threads torch has is the whole process's affair, so a command may decide it and the library may not.
    """
    import torch

    from skelstream.estimation.pose_estimator import PoseEstimator

    estimator = PoseEstimator(settings)
    if estimator.torch_threads is not None:
        torch.set_num_threads(estimator.torch_threads)
    return estimator
