"""Model card of trained weights."""

from __future__ import annotations

import math

from skelstream.network.model_card import make_card
from skelstream.training.annotations import AnnotatedSet
from skelstream.training.loop import Trainer
from skelstream.training.validation import Validation, ValidationResult


def card(
    trainer: Trainer, validation: Validation | None, verdict: ValidationResult | None
) -> dict[str, object]:
    """Return the network's card as plain values, with its training and its figures on the evaluation set."""
    recipe = trainer.recipe
    shares = sum(s.config.weight for s in trainer.sets)
    sets = "; ".join(_described(s, shares) for s in trainer.sets)
    content = make_card(
        trainer.network,
        data=f"started from {trainer.origin}; trained on {sets}",
        licence=recipe.licence,
        figures=_figures(validation, verdict) if validation and verdict else {},
    )
    content["training"] = {
        "recipe": recipe.name,
        "samples": trainer.sample,
        "of": f"{recipe.minutes:g} minutes" if recipe.minutes else recipe.total,
        "batch": recipe.batch,
        "precision": trainer.precision,
        "hours": round(trainer.seconds / 3600, 2),
        "device": trainer.device.type,
        "processes": trainer.processes.count,
    }
    return content


def _described(data: AnnotatedSet, shares: float) -> str:
    config = data.config
    traits = [
        f"{len(data.images):,} images",
        f"{config.weight / shares:.0%} of the samples",
        *(["incomplete labels"] if config.partial else []),
        *(["one person per image"] if config.alone else []),
    ]
    return f"{config.annotations.parent.name}/{config.annotations.name} ({', '.join(traits)})"


def _figures(validation: Validation, verdict: ValidationResult) -> dict[str, object]:
    config = validation.config
    return {
        "protocol": (
            f"{config.annotations.parent.name}/{config.annotations.name}, {verdict.images} images,"
            f" single scale, no flip, long side {config.size}"
        ),
        **{name: round(value, 2) for name, value in verdict.figures.items() if not math.isnan(value)},
    }
