"""The way of one source's frames through all stages, side by side."""

from skelstream.pipeline.pipeline import Analysed, Pipeline, PipelineState
from skelstream.pipeline.settings import PipelineSettings
from skelstream.pipeline.times import StageTimes

__all__ = ["Analysed", "Pipeline", "PipelineSettings", "PipelineState", "StageTimes"]
