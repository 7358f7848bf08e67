"""Training checkpoints: the complete state of a training run in a file."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from skelstream.errors import ModelError
from skelstream.training.recipe import Recipe

# What a training checkpoint holds.
_NAMES = {
    "sample", "cooling", "end", "network", "loss", "average", "optimiser", "scaler", "losses", "seconds",
    "origin", "recipe", "images",
}  # fmt: skip


def read_checkpoint(path: Path, recipe: Recipe, images: list[int], device: torch.device) -> dict[str, Any]:
    """Read a training checkpoint, and check that it belongs to a recipe and its data.

    Args:
        path: the training checkpoint.
        recipe: the recipe of the run that is resumed.
        images: number of images of each of its sets.
        device: the device of the tensors.

    Returns:
        The state by name, as ``Trainer.save`` wrote it.

    Raises:
        ModelError: the file is not a training checkpoint, or belongs to another recipe or other data.
    """
    try:
        state = torch.load(path, map_location=device, weights_only=True)
        missing = _NAMES - set(state)
    except (OSError, RuntimeError, ValueError, TypeError, EOFError, pickle.UnpicklingError) as error:
        raise ModelError(f"{path}: not a training checkpoint ({reason(error)})") from None
    if missing:
        raise ModelError(f"{path}: not a training checkpoint (it has no {', '.join(sorted(missing))})")
    now, then = recipe.fixed_settings(), state["recipe"]
    for name in sorted(now.keys() | then.keys()):
        if now.get(name) != then.get(name):
            raise ModelError(
                f"{path}: begun with {name} = {then.get(name)}, but the recipe says {now.get(name)};"
                " resume with the recipe that the run began with, or start a new run from its weights"
            )
    if state["cooling"] and state["end"] != recipe.end:
        raise ModelError(
            f"{path}: its cool-down has begun, so its end cannot be moved; begin another run with an earlier"
            " training checkpoint, such as steady.ckpt",
            setting="branch",
        )
    if list(state["images"]) != images:
        raise ModelError(
            f"{path}: begun with {_counts(state['images'])} images, but there are {_counts(images)} now;"
            " resume with the data that the run began with"
        )
    return state


def reason(error: Exception) -> str:
    """Return the first line of an error's message; torch's messages have many."""
    return next(iter(str(error).splitlines()), type(error).__name__)


def _counts(images: list[int]) -> str:
    return " + ".join(f"{n:,}" for n in images)
