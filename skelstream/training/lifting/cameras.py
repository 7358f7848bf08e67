"""Virtual cameras: project bodies onto images, and rotate them to the camera's axes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from skelstream.training.lifting.bodies import Bodies


@dataclass(frozen=True)
class CameraRange:
    """Random positions of cameras.

    Attributes:
        distance: least and greatest distance in metres; its logarithm is uniformly distributed.
        pitch: mean and standard deviation of the angle by which the camera looks down, in degrees.
        roll: standard deviation of the roll angle, in degrees.
    """

    distance: tuple[float, float] = (2.2, 12.0)
    pitch: tuple[float, float] = (8.0, 14.0)
    roll: float = 5.0


@dataclass(frozen=True)
class Views:
    """Views of bodies by cameras.

    Attributes:
        keypoints: float32 (B, T, 17, 2), projections of COCO's joints, in focal lengths.
        poses: float32 (B, T, 17, 3), Human3.6M's joints relative to the mid-hip, in metres; x right, y down,
            z away from the camera.
        away: float32 (B, T), cosine of the angle between the directions of the face and of the camera.
    """

    keypoints: Tensor
    poses: Tensor
    away: Tensor


def project(bodies: Bodies, cameras: CameraRange, generator: torch.Generator) -> Views:
    """Project each body by a random camera that looks at the body's position in the middle of the window."""
    count, device = len(bodies.coco), bodies.coco.device

    def normal() -> Tensor:
        return torch.randn(count, generator=generator, device=device)

    def uniform() -> Tensor:
        return torch.rand(count, generator=generator, device=device)

    near, far = (math.log(value) for value in cameras.distance)
    distance = (near + (far - near) * uniform()).exp()
    yaw = 2 * math.pi * uniform()
    mean, spread = (math.radians(value) for value in cameras.pitch)
    pitch = (mean + spread * normal()).clamp(-0.7, 1.2)
    roll = math.radians(cameras.roll) * normal()
    turn = _turn(roll, 2) @ _turn(pitch, 0) @ _turn(yaw, 1)
    # From left, up, forward of a body that faces the camera to the camera's right, down, away.
    turn = turn.new_tensor([[1, 0, 0], [0, -1, 0], [0, 0, -1]]) @ turn
    coco = torch.einsum("bij,btvj->btvi", turn, bodies.coco)
    h36m = torch.einsum("bij,btvj->btvi", turn, bodies.h36m)
    face = torch.einsum("bij,btj->bti", turn, bodies.face)
    depth = (coco[..., 2:] + distance[:, None, None, None]).clamp(min=0.3)
    cosine = face[..., 2] / face.norm(dim=-1).clamp(min=1e-6)
    return Views(coco[..., :2] / depth, h36m - h36m[:, :, :1], cosine)


def _turn(angle: Tensor, axis: int) -> Tensor:
    """Return rotation matrices (B, 3, 3) about x, y or z, for angles in radians."""
    a, b = [i for i in range(3) if i != axis]
    matrix = torch.eye(3, device=angle.device).repeat(len(angle), 1, 1)
    matrix[:, a, a] = matrix[:, b, b] = angle.cos()
    sign = -1 if axis != 1 else 1
    matrix[:, a, b], matrix[:, b, a] = sign * angle.sin(), -sign * angle.sin()
    return matrix
