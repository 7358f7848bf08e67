"""Evaluation: COCO keypoint figures, errors by kind, PCK and tracking metrics; ``run`` scores an estimator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skelstream.lazy import lazy_exports

if TYPE_CHECKING:
    from skelstream.evaluation.runner import EvaluationOptions, run, scoring_settings
    from skelstream.evaluation.tracking import score_file

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "runner": ["EvaluationOptions", "run", "scoring_settings"],
        "tracking": ["score_file"],
    },
)
