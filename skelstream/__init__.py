"""Video in, identity-stable, time-stamped skeleton sequences out.

The public face: ``stream``, ``windows`` and ``extract`` for videos, ``load`` and ``save`` for files of skeletons,
and the types that they speak in. Names are imported as they are used, so that reading a file does not load the
network.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from skelstream.version import __version__

if TYPE_CHECKING:
    from skelstream.batch.dataset import Batch
    from skelstream.errors import SkelstreamError
    from skelstream.estimation.pose_estimator import EstimatorSettings, PoseEstimator
    from skelstream.extraction.extraction import extract, stream, windows
    from skelstream.formats import load, save
    from skelstream.grouping.settings import GroupingSettings
    from skelstream.people import People
    from skelstream.pipeline import Pipeline, PipelineSettings
    from skelstream.refinement.refiner import RefinerSettings
    from skelstream.sequences.sequence import SkeletonSequence
    from skelstream.sequences.window import Window
    from skelstream.skeleton import BODY25, COCO17, OPENPOSE18, Skeleton
    from skelstream.tracking.settings import TrackerSettings
    from skelstream.tracking.tracked import TrackedPeople
    from skelstream.tracking.tracker import Tracker
    from skelstream.video import Frame, open_source

_HOMES = {
    "BODY25": "skeleton",
    "Batch": "batch.dataset",
    "COCO17": "skeleton",
    "EstimatorSettings": "estimation.pose_estimator",
    "Frame": "video",
    "GroupingSettings": "grouping.settings",
    "OPENPOSE18": "skeleton",
    "People": "people",
    "Pipeline": "pipeline",
    "PipelineSettings": "pipeline",
    "PoseEstimator": "estimation.pose_estimator",
    "RefinerSettings": "refinement.refiner",
    "SkeletonSequence": "sequences.sequence",
    "SkelstreamError": "errors",
    "Skeleton": "skeleton",
    "TrackedPeople": "tracking.tracked",
    "Tracker": "tracking.tracker",
    "TrackerSettings": "tracking.settings",
    "Window": "sequences.window",
    "extract": "extraction.extraction",
    "load": "formats",
    "open_source": "video",
    "save": "formats",
    "stream": "extraction.extraction",
    "windows": "extraction.extraction",
}

__all__ = ["__version__", *_HOMES]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
