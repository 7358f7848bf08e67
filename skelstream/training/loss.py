"""Loss of the bottom-up network's stages."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skelstream.network.paf import PafNetwork
from skelstream.training.targets import confidence_maps, part_affinity_fields

# People cover a small part of most images: cells of joints and limbs count more.
_FOREGROUND = 4.0


class ViewLoss(nn.Module):
    """The loss of a batch of ``collate_views``.

    Args:
        network: the network in training.
    """

    parts = ("confidence", "paf")

    def __init__(self, network: PafNetwork):
        super().__init__()
        self.network = network

    def forward(self, batch: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss, and its parts by name, detached."""
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
    """Return the masked losses, summed over stages.

    The loss of the fields is OpenPose's L2 (equation 10). The loss of the confidence maps is cross entropy:
    its optimum is the same expected map, but its gradient does not vanish where the network is certain and
    wrong.

    Args:
        pafs: fields of each stage, (B, 2L, h, w).
        confidence: confidence logits of each stage, (B, V, h, w).
        targets: target maps ``confidence`` and ``pafs``, and the samples' masks ``ground``, ``known_joints``
            and ``known_limbs``.

    Returns:
        The loss, and its parts of the last stages by name, detached.
    """
    ground = targets["ground"][:, None]
    want, mask = targets["confidence"], ground * targets["known_joints"][..., None, None]
    weight = mask * (1 + _FOREGROUND * want)
    confidence_losses = [
        (weight * F.binary_cross_entropy_with_logits(logits.float(), want, reduction="none")).mean() * 100
        for logits in confidence
    ]
    fields, mask = targets["pafs"], ground * targets["known_limbs"][..., None, None]
    # A cell is on a limb if either component is not zero: a limb along an axis has one component of zero.
    on_limb = (fields != 0).unflatten(1, (-1, 2)).any(2).repeat_interleave(2, 1)
    weight = mask * (1 + _FOREGROUND * on_limb)
    paf_losses = [(weight * (maps.float() - fields) ** 2).mean() * 100 for maps in pafs]
    loss = torch.stack(confidence_losses + paf_losses).sum()
    return loss, {"confidence": confidence_losses[-1].detach(), "paf": paf_losses[-1].detach()}
