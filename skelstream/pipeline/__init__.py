"""The pipeline: one source's frames through all stages, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skelstream.lazy import lazy_exports

if TYPE_CHECKING:
    from skelstream.pipeline.pipeline import AnalysedFrame, Pipeline, PipelineState
    from skelstream.pipeline.times import StageTimes

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "pipeline": ["AnalysedFrame", "Pipeline", "PipelineState"],
        "times": ["StageTimes"],
    },
)
