"""What weights say of themselves."""

from __future__ import annotations

import math

from skelstream.training.loop import Trainer
from skelstream.training.validation import Validation, Verdict


def card(trainer: Trainer, validation: Validation | None, verdict: Verdict | None) -> dict[str, object]:
    """How weights were trained, and what they score on the set apart, as plain values."""
    recipe = trainer.recipe
    training = {
        "recipe": recipe.name,
        "start": trainer.origin,
        "samples": trainer.sample,
        "of": recipe.total,
        "batch": recipe.batch,
        "crop": recipe.augmentation.crop,
        "hours": round(trainer.seconds / 3600, 2),
        "device": trainer.device.type,
        "processes": trainer.processes.count,
        "sets": [
            {
                "annotations": f"{s.config.annotations.parent.name}/{s.config.annotations.name}",
                "images": len(s.images),
                "weight": s.config.weight,
                "partial": s.config.partial,
                "alone": s.config.alone,
            }
            for s in trainer.sets
        ],
    }
    content: dict[str, object] = {"training": training}
    if validation and verdict:
        config = validation.config
        content["evaluation"] = {
            "annotations": f"{config.annotations.parent.name}/{config.annotations.name}",
            "images": verdict.images,
            "protocol": f"single scale, no flip, long side {config.size}",
            "figures": {
                name: round(value, 2) for name, value in verdict.figures.items() if not math.isnan(value)
            },
        }
    return content
