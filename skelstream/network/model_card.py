"""Model cards: joints, input, training data, licence and measured figures of weights."""

from __future__ import annotations

from skelstream.network.architectures import CropNetwork, Network
from skelstream.network.lifting import LiftingNetwork

FIELDS = ("joints", "limbs", "input", "data", "licence", "figures")
"""Fields of a complete card."""


def make_card(
    network: Network | CropNetwork, *, data: str, licence: str, figures: dict[str, object]
) -> dict[str, object]:
    """Return the card of a network's weights, which is stored with them as JSON.

    Args:
        network: the network, which determines joints, limbs and input.
        data: training data of the weights and of their initial weights.
        licence: licence of the weights and of their initial weights.
        figures: measured results with their protocol; empty if nothing was measured.
    """
    joints = network.skeleton.joints
    return {
        "joints": list(joints),
        "limbs": [[joints[a], joints[b]] for a, b in network.skeleton.limbs],
        "input": (
            f"float (B, 3, H, W), RGB in [0, 255], {network.sizes};"
            f" inside, the network takes {network.normalisation}; maps at stride {network.stride}"
        ),
        "data": data,
        "licence": licence,
        "figures": figures,
    }


def lifting_card(
    network: LiftingNetwork, *, data: str, licence: str, figures: dict[str, object]
) -> dict[str, object]:
    """Return the card of a lifting network's weights; the arguments are those of ``make_card``."""
    joints, config = network.skeleton.joints, network.config
    return {
        "joints": list(joints),
        "limbs": [[joints[a], joints[b]] for a, b in network.skeleton.limbs],
        "input": (
            f"{config.frames} frames at {config.rate:g} a second of COCO's 17 joints, {network.normalisation};"
            " the output is in metres relative to the mid-hip: x right, y down, z away from a camera facing the person"
        ),
        "data": data,
        "licence": licence,
        "figures": figures,
    }


def missing_fields(card: dict[str, object]) -> list[str]:
    """Return the fields that a card lacks or leaves empty."""
    return [field for field in FIELDS if not card.get(field)]
