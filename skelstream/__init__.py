"""Video in, identity-stable, time-stamped skeleton sequences out.

``stream``, ``windows`` and ``extract`` analyse videos, ``load`` and ``save`` read and write files of skeletons, and
``batch``, ``training`` and ``evaluation`` do what the commands of these names do. Names are imported as they are used, so
that reading a file does not load a network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from skelstream.lazy import lazy_exports
from skelstream.version import __version__

if TYPE_CHECKING:
    from skelstream import batch, evaluation, formats, processing, training, video
    from skelstream.batch.dataset import Batch
    from skelstream.errors import SkelstreamError
    from skelstream.estimation.pose_estimator import PoseEstimator
    from skelstream.extraction.extraction import extract, stream, windows
    from skelstream.extraction.settings import ExtractionSettings
    from skelstream.formats import load, save
    from skelstream.people import People
    from skelstream.pipeline import Pipeline
    from skelstream.sequences.sequence import SkeletonSequence
    from skelstream.sequences.window import Window
    from skelstream.settings import (
        DetectionSettings,
        EstimatorSettings,
        GroupingSettings,
        PipelineSettings,
        PostprocessingSettings,
        RefinementSettings,
        TrackerSettings,
        VideoSettings,
    )
    from skelstream.skeleton import BODY25, COCO17, OPENPOSE18, Skeleton
    from skelstream.tracking.kalman_tracker import KalmanTracker
    from skelstream.tracking.tracked import TrackedPeople
    from skelstream.video import Frame, open_source

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "batch.dataset": ["Batch"],
        "errors": ["SkelstreamError"],
        "estimation.pose_estimator": ["PoseEstimator"],
        "extraction.extraction": ["extract", "stream", "windows"],
        "extraction.settings": ["ExtractionSettings"],
        "formats": ["load", "save"],
        "people": ["People"],
        "pipeline": ["Pipeline"],
        "sequences.sequence": ["SkeletonSequence"],
        "sequences.window": ["Window"],
        "settings": [
            "DetectionSettings",
            "EstimatorSettings",
            "GroupingSettings",
            "PipelineSettings",
            "PostprocessingSettings",
            "RefinementSettings",
            "TrackerSettings",
            "VideoSettings",
        ],
        "skeleton": ["BODY25", "COCO17", "OPENPOSE18", "Skeleton"],
        "tracking.kalman_tracker": ["KalmanTracker"],
        "tracking.tracked": ["TrackedPeople"],
        "version": ["__version__"],
        "video": ["Frame", "open_source"],
    },
    packages=["batch", "evaluation", "formats", "processing", "training", "video"],
)
