"""What the top-down network learns: the maps of a teacher that sees the right box, and labels where it is wrong.

The teacher is the network as it was before training. It looks at a person by the annotated box, and at the mirror image
beside it; the network in training sees another crop of the same person and shall give the same maps there. So it
learns to do without the right box what it could do with it, and forgets nothing (Hinton et al., "Distilling the
Knowledge in a Neural Network", arXiv 1503.02531).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skelstream.network.top_down import TopDownNetwork
from skelstream.refinement.heatmaps import peaks
from skelstream.skeleton import COCO17

# Cells: the deviation of a Gaussian in the maps that the network started from.
_SIGMA = 2.0
# A teacher's map is drawn anew where its crop's scale differs from the student's by more than this factor.
_RESCALED = 1.25
# Object keypoint similarity of a single joint below which the teacher is wrong, and how high the label's Gaussian is.
_WRONG, _LABEL = 0.5, 0.8
_FOREGROUND = 4.0


class Distillation(nn.Module):
    """A batch of ``CropSource`` to the loss.

    Args:
        network: in training.
        teacher: it is left as it is.
    """

    parts = ("heatmap",)

    def __init__(self, network: TopDownNetwork, teacher: TopDownNetwork):
        super().__init__()
        self.network, self.teacher = network, teacher.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> Distillation:
        super().train(mode)
        self.teacher.eval()
        return self

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, and its parts by name, detached."""
        with torch.no_grad():
            goal = self.goal(batch)
        maps = self.network(_pixels(batch["image"]))
        loss = ((1 + _FOREGROUND * goal) * (maps.float() - goal) ** 2).mean() * 1000
        return loss, {"heatmap": loss.detach()}

    def goal(self, batch: dict[str, Tensor]) -> Tensor:
        """What the network shall give for the batch's crops, float32 (B, 17, h, w)."""
        image = _pixels(batch["teacher_image"])
        plain, mirrored = self.teacher(image).float(), self.teacher(image.flip(3)).float()
        # Places need all their digits.
        with torch.autocast(image.device.type, enabled=False):
            return self._goal(plain, mirrored, image.shape[3], batch)

    def _goal(self, plain: Tensor, mirrored: Tensor, width: int, batch: dict[str, Tensor]) -> Tensor:
        to_teacher, order = batch["to_teacher"], list(COCO17.flip_order)
        mirror = torch.tensor([[-1.0, 0, width - 1], [0, 1, 0]], device=plain.device)
        goal = (_moved(plain, to_teacher) + _moved(mirrored, _after(mirror, to_teacher))[:, order]) / 2
        goal = torch.where(batch["mirrored"][:, None, None, None], goal[:, order], goal).clamp(0, 1)
        places, heights = peaks(goal)
        stride = TopDownNetwork.stride
        label = batch["keypoints"] / stride
        size = torch.tensor(goal.shape[:1:-1], device=goal.device)
        inside = ((label > -0.5) & (label < size - 0.5)).all(-1)
        falloff = 2 * torch.tensor(COCO17.oks_sigmas, device=goal.device) * batch["scale"][:, None]
        similarity = torch.exp(-((stride * (places - label)) ** 2).sum(-1) / (2 * falloff**2))
        wrong = inside & (similarity < _WRONG)  # false where unlabelled, as NaN compares
        scale = torch.linalg.det(to_teacher[:, :, :2]).abs().sqrt()[:, None]
        rescaled = ((scale > _RESCALED) | (scale < 1 / _RESCALED)).expand_as(wrong)
        places = torch.where(wrong[..., None], label, places)
        heights = torch.where(wrong, heights.clamp(min=_LABEL), heights)
        drawn = _gaussians(places, (goal.shape[2], goal.shape[3])) * heights[..., None, None]
        goal = torch.where((wrong | rescaled)[..., None, None], drawn, goal)
        return goal * batch["has_person"][:, None, None, None]


def _pixels(images: Tensor) -> Tensor:
    return images.float().contiguous(memory_format=torch.channels_last)


def _after(second: Tensor, first: Tensor) -> Tensor:
    """One affine map (2, 3) after others (B, 2, 3)."""
    linear = second[:, :2] @ first[:, :, :2]
    return torch.cat([linear, second[:, :2] @ first[:, :, 2:] + second[:, 2:]], 2)


def _moved(maps: Tensor, matrices: Tensor) -> Tensor:
    """Maps (B, V, h, w) as seen in other crops, whose pixels the matrices (B, 2, 3) bring to the maps' own."""
    height, width = maps.shape[2:]
    rows, columns = (torch.arange(n, device=maps.device, dtype=torch.float32) for n in (height, width))
    # Both crops' cell i stands for pixel i times the stride, which leaves the linear part alone.
    cells = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1)
    shift = matrices[:, :, 2] / TopDownNetwork.stride
    places = cells @ matrices[:, None, :, :2].transpose(2, 3) + shift[:, None, None]
    grid = 2 * places / torch.tensor([width - 1, height - 1], device=maps.device) - 1
    return F.grid_sample(maps, grid, mode="bicubic", padding_mode="zeros", align_corners=True)


def _gaussians(places: Tensor, size: tuple[int, int]) -> Tensor:
    """Gaussians of height 1 at places (B, V, 2) in cells, (B, V, h, w); nothing at NaN."""

    def along(length: int, at: Tensor) -> Tensor:
        axis = torch.arange(length, device=places.device)
        return torch.exp(-((axis - at[..., None]) ** 2) / (2 * _SIGMA**2))

    drawn = along(size[0], places[..., 1])[..., :, None] * along(size[1], places[..., 0])[..., None, :]
    return torch.nan_to_num(drawn)
