"""Checkpoints: files that hold all that decides the rest of a run."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from skelstream.errors import ModelError
from skelstream.training.recipe import RENAMED, Recipe


def read_checkpoint(path: Path, recipe: Recipe, images: list[int], device: torch.device) -> dict[str, Any]:
    """The state that ``write_state_dict`` wrote.

    Args:
        recipe: what the run goes on with.
        images: number of images of each of its sets.

    Raises:
        ModelError: not a checkpoint, or one of another recipe or other data.
    """
    try:
        state = torch.load(path, map_location=device, weights_only=True)
        missing = {"sample", "network", "average", "optimiser"} - set(state)
    except (OSError, RuntimeError, ValueError, TypeError, EOFError, pickle.UnpicklingError) as error:
        raise ModelError(f"{path}: not a checkpoint ({reason(error)})") from None
    if missing:
        raise ModelError(f"{path}: not a checkpoint (it has no {', '.join(sorted(missing))})")
    now = recipe.deciding()
    begun_with: dict[str, Any] = state.get("recipe", {})
    for name, then in begun_with.items():
        name = RENAMED.get(name, name)
        if now.get(name) != then:
            raise ModelError(
                f"{path}: begun with {name} = {then}, but the recipe says {now.get(name)}; a run goes on only with"
                " the recipe that it began with (or start a new run from its weights)"
            )
    if state.get("cooling") and state.get("end") != recipe.end:
        raise ModelError(
            f"{path}: its cool-down has begun, so that its end cannot be moved; begin another run with"
            " a checkpoint from before it, as steady.ckpt is",
            setting="branch",
        )
    then_images = state.get("images", images)
    if list(then_images) != images:
        raise ModelError(
            f"{path}: begun with {_counts(then_images)} images, but there are {_counts(images)} now; a run goes on only"
            " with the data that it began with"
        )
    return state


def reason(error: Exception) -> str:
    """The first line of an error's message; torch's go on for pages."""
    return next(iter(str(error).splitlines()), type(error).__name__)


def _counts(images: list[int]) -> str:
    return " + ".join(f"{n:,}" for n in images)
