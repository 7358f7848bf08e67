"""Evaluation: COCO keypoint figures, errors by kind, PCK and tracking metrics; ``run`` evaluates an
estimator.

Names are imported when they are used, so that importing this package stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skelstream.evaluation.runner import EvaluationOptions, run
    from skelstream.evaluation.tracking import score_file

__all__ = ["EvaluationOptions", "run", "score_file"]

_HOMES = {"EvaluationOptions": "runner", "run": "runner", "score_file": "tracking"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
