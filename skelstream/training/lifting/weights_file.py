"""Weights file of a lifting run, with a model card."""

from __future__ import annotations

import hashlib
from pathlib import Path

from skelstream.network.model_card import lifting_card
from skelstream.network.weights import save_weights
from skelstream.training.lifting.loop import LiftingTrainer

_LICENCE = (
    "the weights: Apache-2.0, as the code. The data used in this project was obtained from mocap.cs.cmu.edu;"
    " the database was created with funding from NSF EIA-0196217 (free for all uses)"
)


def write_weights(path: Path, trainer: LiftingTrainer, mocap: Path, figures: dict[str, float]) -> None:
    """Write the averaged weights in half precision, with a card.

    Args:
        path: the file to write.
        trainer: trainer of the finished run.
        mocap: the motion capture file.
        figures: errors on the test clips by name, in millimetres.

    Raises:
        OutputError: the file cannot be written.
    """
    network = trainer.averaged()
    digest = hashlib.sha256(mocap.read_bytes()).hexdigest()
    card = lifting_card(
        network,
        data=(
            f"motion capture (sha256 {digest}), seen by virtual cameras, with varied proportions and poses"
            " and with typical errors of pose estimators;"
            f" {trainer.step:,} steps of {trainer.recipe.batch} windows"
        ),
        licence=_LICENCE,
        figures={name: f"{value:.1f} mm" for name, value in figures.items()},
    )
    card["status"] = "experimental: little and mostly walking motion capture of few people, no real image"
    state = {
        name: tensor.half() if tensor.is_floating_point() else tensor
        for name, tensor in network.state_dict().items()
    }
    save_weights(path, state, "lifting", network.config.to_dict(), card)
