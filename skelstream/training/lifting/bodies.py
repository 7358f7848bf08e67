"""Moving bodies from motion capture: windows of clips with varied proportions and poses."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from skelstream.skeleton import COCO17, H36M17
from skelstream.training.lifting.mocap import BONES, RATE, Mocap, bone, paths

# Factors that give the file's bodies the proportions of an adult's surface joints; the file's wrists are at
# two thirds of the forearm.
_MEAN = {"left_forearm": 1.25, "right_forearm": 1.25, "left_upper_arm": 1.08, "right_upper_arm": 1.08}
# Relative standard deviations of lengths, the same on both sides.
_VARIED = {"hip": 0.1, "thigh": 0.07, "shin": 0.07, "collar": 0.09, "upper_arm": 0.08, "forearm": 0.08}
_VARIED_TRUNK = {"loins": 0.08, "chest": 0.08, "thorax": 0.08, "neck": 0.1, "nape": 0.1, "skull": 0.1}
# Metres from the end of the skull, which is between the eyes: to the left, up, forward.
_FACE = {
    "nose": (0, -0.03, 0.1),
    "left_eye": (0.032, 0.01, 0.08),
    "right_eye": (-0.032, 0.01, 0.08),
    "left_ear": (0.075, -0.01, -0.015),
    "right_ear": (-0.075, -0.01, -0.015),
    "head": (0, 0.11, 0),
}
_UPPER = [i for i, name in enumerate(BONES) if not any(n in name for n in ("hip", "thigh", "shin"))]
_LIMBS = [
    bone(*(f"{side}_{part}" for part in parts))
    for side in ("left", "right")
    for parts in (("thigh", "shin"), ("upper_arm", "forearm"))
]
_SHINS, _FOREARMS = bone("left_shin", "right_shin"), bone("left_forearm", "right_forearm")
_ENDS = {
    f"{side}_{joint}": f"{side}_{last}"
    for side in ("left", "right")
    for joint, last in (
        ("hip", "hip"),
        ("knee", "thigh"),
        ("ankle", "shin"),
        ("shoulder", "collar"),
        ("elbow", "upper_arm"),
        ("wrist", "forearm"),
    )
} | {"spine": "loins"}


@dataclass(frozen=True)
class Variation:
    """Random changes of the recorded bodies and poses.

    Attributes:
        proportions: spread of the bodies' lengths; 1 for that of adults, 0 for a single body.
        mixed: share of the windows whose legs come from another clip than the trunk, in [0, 1].
        bent: share of the windows whose trunk and limbs are each rotated by a constant angle, in [0, 1].
        seated: share of the windows with raised thighs, in [0, 1].
        speed: least and greatest factor of the clip's speed.
        walk: standard deviation of a constant velocity across the ground, in metres per second.
        turn: standard deviation of a constant rotation about the vertical axis, in degrees per second.
    """

    proportions: float = 1.0
    mixed: float = 0.4
    bent: float = 0.6
    seated: float = 0.12
    speed: tuple[float, float] = (0.6, 1.6)
    walk: float = 0.8
    turn: float = 40.0


AS_RECORDED = Variation(0, 0, 0, 0, (1, 1), 0, 0)
"""No changes: bodies as recorded in the file."""


@dataclass(frozen=True)
class Bodies:
    """Windows of moving bodies in space, in metres: for a body that is not rotated, x left, y up, z forward.

    Attributes:
        coco: float32 (B, T, 17, 3), COCO's joints.
        h36m: float32 (B, T, 17, 3), Human3.6M's joints.
        face: float32 (B, T, 3), direction of the face.
    """

    coco: Tensor
    h36m: Tensor
    face: Tensor


class BodyMaker:
    """A maker of windows of bodies on one device.

    Args:
        mocap: the recorded clips.
        frames: number T of frames of a window.
        rate: frame rate of a window, in frames per second.
        variation: random changes of the clips.
        device: the device of the windows.
    """

    def __init__(
        self, mocap: Mocap, frames: int, rate: float, variation: Variation, device: torch.device | str = "cpu"
    ):
        self._bones = mocap.bones.to(device)
        self._first, self._last = mocap.first.to(device), mocap.last.to(device)
        self._variation, self._device = variation, device
        self._steps = (torch.arange(frames, device=device) - frames // 2) / rate
        self._paths = torch.from_numpy(paths()).to(device)
        self._mean = torch.tensor([_MEAN.get(name, 1.0) for name in BONES], device=device)
        lengths = mocap.last - mocap.first + 1
        counts = {
            a: sum(int(n) for n, b in zip(lengths, mocap.actions, strict=True) if a == b)
            for a in mocap.actions
        }
        # Walking is two thirds of the file: an action is drawn in proportion to the root of its length.
        self._weights = torch.tensor(
            [int(n) / math.sqrt(counts[a]) for n, a in zip(lengths, mocap.actions, strict=True)],
            device=device,
        )

    def random(self, count: int, generator: torch.Generator) -> Bodies:
        """Return ``count`` windows around random moments of random clips."""
        v = self._variation
        clip, moment = self._moments(count, generator)
        low, high = v.speed
        speed = low + (high - low) * self._uniform(count, generator)
        bones = self._window(clip, moment, speed)
        if v.mixed:
            other = self._window(*self._moments(count, generator), speed)
            mixed = self._uniform(count, generator) < v.mixed
            upper = torch.zeros(len(BONES), dtype=torch.bool, device=self._device)
            upper[_UPPER] = True
            bones = torch.where((mixed[:, None] & upper)[:, None, :, None], other, bones)
        if v.bent or v.seated:
            bones = self._bent(bones, generator)
        return self._joints(bones, generator)

    def at(self, moments: Tensor, generator: torch.Generator) -> Bodies:
        """Return windows around given moments, int64 (B,), numbers of the motion capture's frames."""
        clip = (moments[:, None] > self._last).sum(1)
        return self._joints(
            self._window(clip, moments.float(), torch.ones(len(moments), device=self._device)), generator
        )

    def _uniform(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.rand(count, generator=generator, device=self._device)

    def _normal(self, *shape: int, generator: torch.Generator) -> Tensor:
        return torch.randn(shape, generator=generator, device=self._device)

    def _moments(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        clip = torch.multinomial(self._weights, count, replacement=True, generator=generator)
        first, last = self._first[clip], self._last[clip]
        return clip, first + self._uniform(count, generator) * (last - first)

    def _window(self, clip: Tensor, moment: Tensor, speed: Tensor) -> Tensor:
        """Return bones (B, T, bones, 3) around moments of clips; a clip's first and last frames continue."""
        times = moment[:, None] + self._steps * RATE * speed[:, None]
        times = torch.maximum(torch.minimum(times, self._last[clip, None]), self._first[clip, None])
        before = times.floor().long()
        after = torch.minimum(before + 1, self._last[clip, None])
        part = (times - before)[..., None, None]
        return self._bones[before] * (1 - part) + self._bones[after] * part

    def _bent(self, bones: Tensor, generator: torch.Generator) -> Tensor:
        """Return bones whose trunk and limbs are rotated by an angle each, which is constant in a window."""
        count, v = len(bones), self._variation
        bent = (self._uniform(count, generator) < v.bent)[:, None]
        seated = self._uniform(count, generator) < v.seated
        raised = torch.where(seated, 0.7 + 1.1 * self._uniform(count, generator), 0.0)
        bones = bones.clone()
        turns = [(_UPPER, 0.25), *((limb, 0.4) for limb in _LIMBS), (_SHINS, 0.15), (_FOREARMS, 0.3)]
        for part, spread in turns:
            axis = self._normal(count, 3, generator=generator) * spread * bent
            if part in (_LIMBS[0], _LIMBS[2]):
                # A rotation about the axis to the right raises the thigh; the shin then hangs down again.
                axis[:, 0] -= raised
            if part is _SHINS:
                axis[:, 0] += raised
            bones[:, :, part] = torch.einsum("bij,btpj->btpi", _rotation(axis), bones[:, :, part])
        return bones

    def _joints(self, bones: Tensor, generator: torch.Generator) -> Bodies:
        count, v = len(bones), self._variation
        factors = self._mean * self._proportions(count, generator)
        bones = bones * factors[:, None, :, None]
        ends = torch.einsum("ij,btjc->btic", self._paths, bones)
        middle = ends[:, :, bone("left_hip", "right_hip")].mean(2, keepdim=True)
        ends = ends - middle
        known = {joint: ends[:, :, BONES.index(last)] for joint, last in _ENDS.items()}
        face = self._face(ends, bones, count, generator)
        known |= face
        known["mid_hip"] = torch.zeros_like(known["nose"])
        known["neck"] = (known["left_shoulder"] + known["right_shoulder"]) / 2
        coco = torch.stack([known[joint] for joint in COCO17.joints], 2)
        h36m = torch.stack([known[joint] for joint in H36M17.joints], 2)
        ahead = known["nose"] - (known["left_ear"] + known["right_ear"]) / 2
        turn = self._normal(count, 1, generator=generator) * math.radians(v.turn) * self._steps
        heading = _about_y(turn)
        moved = self._normal(count, 1, 2, generator=generator) * v.walk * self._steps[:, None]
        way = torch.stack([moved[..., 0], torch.zeros_like(moved[..., 0]), moved[..., 1]], -1)
        return Bodies(
            torch.einsum("btij,btvj->btvi", heading, coco) + way[:, :, None],
            torch.einsum("btij,btvj->btvi", heading, h36m) + way[:, :, None],
            torch.einsum("btij,btj->bti", heading, ahead),
        )

    def _proportions(self, count: int, generator: torch.Generator) -> Tensor:
        """Return factors of the bones' lengths (B, bones), almost the same on both sides."""
        normal = {
            name: self._normal(count, generator=generator) * spread
            for name, spread in (_VARIED | _VARIED_TRUNK).items()
        }
        columns = [normal[name.removeprefix("left_").removeprefix("right_")] for name in BONES]
        little = 0.01 * self._normal(count, len(BONES), generator=generator)
        return (1 + self._variation.proportions * (torch.stack(columns, 1) + little)).clamp(0.6, 1.4)

    def _face(self, ends: Tensor, bones: Tensor, count: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Return joints of the head, which the file lacks, placed by the skull and the shoulders."""
        v = self._variation
        up = torch.nn.functional.normalize(bones[:, :, BONES.index("skull")], dim=-1)
        across = ends[:, :, BONES.index("left_collar")] - ends[:, :, BONES.index("right_collar")]
        left = torch.nn.functional.normalize(across - (across * up).sum(-1, keepdim=True) * up, dim=-1)
        # Heads turn.
        angle = 0.5 * v.proportions * self._normal(count, generator=generator)[:, None, None]
        forward = torch.linalg.cross(left, up)
        left, forward = left * angle.cos() - forward * angle.sin(), forward * angle.cos() + left * angle.sin()
        size = 1 + 0.08 * v.proportions * self._normal(count, generator=generator)[:, None, None]
        origin = ends[:, :, BONES.index("skull")]
        return {
            joint: origin + size * (x * left + y * up + z * forward) for joint, (x, y, z) in _FACE.items()
        }


def _rotation(axis: Tensor) -> Tensor:
    """Return rotation matrices (B, 3, 3) of rotation vectors (B, 3) in radians."""
    angle = axis.norm(dim=-1, keepdim=True).clamp(min=1e-8)
    x, y, z = (axis / angle).unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).view(-1, 3, 3)
    angle = angle[..., None]
    eye = torch.eye(3, device=axis.device)
    return eye + angle.sin() * cross + (1 - angle.cos()) * (cross @ cross)


def _about_y(angle: Tensor) -> Tensor:
    """Return rotation matrices (..., 3, 3) about the vertical axis, for angles in radians."""
    cos, sin, zero, one = angle.cos(), angle.sin(), torch.zeros_like(angle), torch.ones_like(angle)
    rows = [cos, zero, sin, zero, one, zero, -sin, zero, cos]
    return torch.stack(rows, -1).view(*angle.shape, 3, 3)


def moments_of(mocap: Mocap, every: int) -> np.ndarray:
    """Return every ``every``-th frame of all clips, int64 (N,), without the ends of long clips."""
    return np.concatenate(
        [np.arange(int(a) + every // 2, int(b) + 1, every) if b - a > every else [int(a + b) // 2]
         for a, b in zip(mocap.first, mocap.last, strict=True)]
    )  # fmt: skip
