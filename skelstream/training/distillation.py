"""Distillation of the top-down network: its targets are the maps of a teacher that sees the annotated box.

The teacher is the network before training, or one that sees larger crops. It sees the crop by the annotated box, and the crop's mirror
image; the student sees another crop of the same person and learns to give the same maps there. So it learns
to give for a wrong box what it gave for the right one, and forgets nothing (Hinton et al., "Distilling the
Knowledge in a Neural Network", arXiv 1503.02531). Where the teacher is wrong, the label takes its place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skelstream.network.top_down import TopDownNetwork
from skelstream.refinement.heatmaps import peaks
from skelstream.skeleton import COCO17

# Cells: standard deviation of the Gaussians in maps of this height.
_SIGMA, _SIGMA_HEIGHT = 2.0, 64
# A Gaussian replaces the teacher's map if a person's share of both crops differs by more than this factor.
_RESCALED = 1.25
# Similarity of a joint below which the teacher is wrong, and least height of the label's Gaussian.
_WRONG, _LABEL = 0.5, 0.8
_FOREGROUND = 4.0
# Crops whose maps are remembered: 0.2 MB each.
_REMEMBERED = 20_000


class Distillation(nn.Module):
    """The loss of a batch of ``CropSource``'s samples.

    Args:
        network: the student, in training.
        teacher: the teacher, whose crops may be larger; it is not trained.
    """

    parts = ("heatmap",)

    def __init__(self, network: TopDownNetwork, teacher: TopDownNetwork):
        super().__init__()
        self.network, self.teacher = network, _Teacher(teacher)

    def train(self, mode: bool = True) -> Distillation:
        super().train(mode)
        self.teacher.eval()
        return self

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss, and its parts by name, detached."""
        with torch.no_grad():
            goal = self.goal(batch)
        maps = self.network(_pixels(batch["image"]))
        loss = ((1 + _FOREGROUND * goal) * (maps.float() - goal) ** 2).mean() * 1000
        return loss, {"heatmap": loss.detach()}

    def goal(self, batch: dict[str, Tensor]) -> Tensor:
        """Return the target maps of the batch's crops, float32 (B, 17, h, w)."""
        image = batch["teacher_image"]
        plain, mirrored = self.teacher(image)
        # Positions need full precision.
        with torch.autocast(image.device.type, enabled=False):
            return self._goal(plain.float(), mirrored.float(), image.shape[2:], batch)

    def _goal(self, plain: Tensor, mirrored: Tensor, size: Sequence[int], batch: dict[str, Tensor]) -> Tensor:
        to_teacher, order = batch["to_teacher"], list(COCO17.flip_order)
        mirror = torch.tensor([[-1.0, 0, size[1] - 1], [0, 1, 0]], device=plain.device)
        stride = TopDownNetwork.stride
        cells = [n // stride for n in batch["image"].shape[2:]]
        moved = _moved(mirrored, _after(mirror, to_teacher), cells)[:, order]
        goal = (_moved(plain, to_teacher, cells) + moved) / 2
        goal = torch.where(batch["mirrored"][:, None, None, None], goal[:, order], goal).clamp(0, 1)
        places, heights = peaks(goal)
        label = batch["keypoints"] / stride
        ends = torch.tensor(goal.shape[:1:-1], device=goal.device)
        inside = ((label > -0.5) & (label < ends - 0.5)).all(-1)
        falloff = 2 * torch.tensor(COCO17.oks_sigmas, device=goal.device) * batch["scale"][:, None]
        similarity = torch.exp(-((stride * (places - label)) ** 2).sum(-1) / (2 * falloff**2))
        wrong = inside & (similarity < _WRONG)  # false where unlabelled, as NaN compares
        larger = size[0] / batch["image"].shape[2]
        scale = torch.linalg.det(to_teacher[:, :, :2]).abs().sqrt()[:, None] / larger
        rescaled = ((scale > _RESCALED) | (scale < 1 / _RESCALED)).expand_as(wrong)
        places = torch.where(wrong[..., None], label, places)
        heights = torch.where(wrong, heights.clamp(min=_LABEL), heights)
        drawn = _gaussians(places, (goal.shape[2], goal.shape[3])) * heights[..., None, None]
        goal = torch.where((wrong | rescaled)[..., None, None], drawn, goal)
        return goal * batch["has_person"][:, None, None, None]


class _Teacher(nn.Module):
    """Gives the maps of crops and of their mirror images.

    On a CPU it remembers them, because it takes longer than the training of a small student.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network.eval().requires_grad_(False)
        self._remembered: dict[bytes, tuple[Tensor, Tensor]] = {}

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Return two float16 (B, 17, h, w) for uint8 crops (B, 3, H, W)."""
        if crops.device.type != "cpu":
            return self._maps(crops)
        keys = [hashlib.blake2b(crop.numpy().tobytes(), digest_size=16).digest() for crop in crops]
        new = {key: row for row, key in enumerate(keys) if key not in self._remembered}
        if new:
            maps = zip(*self._maps(crops[list(new.values())]), strict=True)
            self._remembered.update(zip(new, maps, strict=True))
        with torch.autocast("cpu", enabled=False):  # which stacks no float16
            plain, mirrored = (
                torch.stack(maps) for maps in zip(*(self._remembered[k] for k in keys), strict=True)
            )
        if len(self._remembered) > _REMEMBERED:
            self._remembered.clear()
        return plain, mirrored

    def _maps(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        image = _pixels(crops)
        return self.network(image).half(), self.network(image.flip(3)).half()


def _pixels(images: Tensor) -> Tensor:
    return images.float().contiguous(memory_format=torch.channels_last)


def _after(second: Tensor, first: Tensor) -> Tensor:
    """Return the composition of affine maps (B, 2, 3), then one affine map (2, 3)."""
    linear = second[:, :2] @ first[:, :, :2]
    return torch.cat([linear, second[:, :2] @ first[:, :, 2:] + second[:, 2:]], 2)


def _moved(maps: Tensor, matrices: Tensor, size: Sequence[int]) -> Tensor:
    """Return maps (B, V, h, w) in other crops of ``size`` cells, whose pixels matrices (B, 2, 3) map to the maps' own."""
    height, width = maps.shape[2:]
    rows, columns = (torch.arange(n, device=maps.device, dtype=torch.float32) for n in size)
    # In both crops cell i stands for pixel i times the stride: cells and pixels have the same linear part.
    cells = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1)
    shift = matrices[:, :, 2] / TopDownNetwork.stride
    places = cells @ matrices[:, None, :, :2].transpose(2, 3) + shift[:, None, None]
    grid = 2 * places / torch.tensor([width - 1, height - 1], device=maps.device) - 1
    return F.grid_sample(maps, grid, mode="bicubic", padding_mode="zeros", align_corners=True)


def _gaussians(places: Tensor, size: tuple[int, int]) -> Tensor:
    """Return Gaussians of height 1, (B, V, h, w), at positions (B, V, 2) in cells; empty at NaN."""

    sigma = _SIGMA * size[0] / _SIGMA_HEIGHT

    def along(length: int, at: Tensor) -> Tensor:
        axis = torch.arange(length, device=places.device)
        return torch.exp(-((axis - at[..., None]) ** 2) / (2 * sigma**2))

    drawn = along(size[0], places[..., 1])[..., :, None] * along(size[1], places[..., 0])[..., None, :]
    return torch.nan_to_num(drawn)
