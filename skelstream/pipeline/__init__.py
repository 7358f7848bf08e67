"""The way of one source's frames through all stages, side by side."""

from skelstream.pipeline.pipeline import Analysed, Pipeline
from skelstream.pipeline.times import StageTimes

__all__ = ["Analysed", "Pipeline", "StageTimes"]
