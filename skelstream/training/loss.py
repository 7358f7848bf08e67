"""The loss of the bottom-up network's stages."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skelstream.network.paf import PafNetwork
from skelstream.training.targets import confidence_maps, part_affinity_fields

# People cover a small part of most images: cells with something in them count more.
_FOREGROUND = 4.0


class ViewLoss(nn.Module):
    """A batch of ``collate_views`` to the loss."""

    parts = ("confidence", "paf")

    def __init__(self, network: PafNetwork):
        super().__init__()
        self.network = network

    def forward(self, batch: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, and its parts by name, detached."""
        network, image = self.network, batch["image"]
        size = (image.shape[2] // network.stride, image.shape[3] // network.stride)
        drawn = (batch["keypoints"], batch["scales"], network.skeleton, size, network.stride, batch["counts"])
        with torch.no_grad():
            targets = batch | {"confidence": confidence_maps(*drawn), "pafs": part_affinity_fields(*drawn)}
        pafs, confidence = network.stages(image.float().contiguous(memory_format=torch.channels_last))
        return stage_losses(pafs, confidence, targets)


def stage_losses(
    pafs: list[Tensor], confidence: list[Tensor], targets: dict[str, Tensor]
) -> tuple[Tensor, dict[str, Tensor]]:
    """The sum over stages of masked losses: OpenPose's L2 for the fields (equation 10), cross entropy for the
    confidence maps, whose best answer is the same expected map but which does not fade where the network is surely
    wrong.

    Args:
        pafs: each stage's fields, (B, 2L, h, w).
        confidence: each stage's confidence logits, (B, V, h, w).
        targets: batches of ``confidence`` and ``pafs`` and what masks them: ``ground``, ``known_joints`` and
            ``known_limbs``, as samples give them.

    Returns:
        The loss, and the last stages' parts by name, detached.
    """
    ground = targets["ground"][:, None]
    want, mask = targets["confidence"], ground * targets["known_joints"][..., None, None]
    weight = mask * (1 + _FOREGROUND * want)
    confidence_losses = [
        (weight * F.binary_cross_entropy_with_logits(logits.float(), want, reduction="none")).mean() * 100
        for logits in confidence
    ]
    fields, mask = targets["pafs"], ground * targets["known_limbs"][..., None, None]
    # On a limb, also where it runs straight along an axis and one of its two components is zero.
    on_limb = (fields != 0).unflatten(1, (-1, 2)).any(2).repeat_interleave(2, 1)
    weight = mask * (1 + _FOREGROUND * on_limb)
    paf_losses = [(weight * (maps.float() - fields) ** 2).mean() * 100 for maps in pafs]
    loss = torch.stack(confidence_losses + paf_losses).sum()
    return loss, {"confidence": confidence_losses[-1].detach(), "paf": paf_losses[-1].detach()}
