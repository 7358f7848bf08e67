"""Figures of a lifting network on test clips, beside those of baselines."""

from __future__ import annotations

import numpy as np
import torch

from skelstream.evaluation.lifting import mpjpe, pa_mpjpe
from skelstream.network.lifting import LiftingNetwork
from skelstream.processing.lifting.windows import relative_to_window
from skelstream.training.lifting.bodies import AS_RECORDED, BodyMaker, moments_of
from skelstream.training.lifting.cameras import CameraRange, project
from skelstream.training.lifting.keypoint_noise import NO_ERRORS, KeypointErrors, add_errors
from skelstream.training.lifting.mocap import Mocap

_SEED = 17
_BATCH = 512


def measure(
    network: LiftingNetwork,
    test: Mocap,
    train: Mocap,
    errors: KeypointErrors,
    cameras: int = 4,
    every: int = 10,
) -> dict[str, float]:
    """Return MPJPE and PA-MPJPE by name, in millimetres, each the mean over all windows.

    Args:
        network: the network, in evaluation mode.
        test: the clips to lift.
        train: the clips whose mean pose is a baseline.
        errors: errors of the noisy joints.
        cameras: number of random cameras per window.
        every: number of frames between windows.

    Returns:
        The figures ``clean`` and ``noisy`` of the network for true joints and for joints with errors; of the
        baseline ``mean pose``, the mean of the training clips; and of the baseline ``held``, the true pose
        half a second before.
    """
    device = next(network.parameters()).device
    frames, rate = network.config.frames, network.config.rate
    generator = torch.Generator(device).manual_seed(_SEED)
    maker = BodyMaker(test, frames, rate, AS_RECORDED, device)
    moments = torch.from_numpy(np.repeat(moments_of(test, every), cameras)).to(device)
    mean = _mean_pose(train, frames, rate, generator)
    rows: dict[str, list[np.ndarray]] = {name: [] for name in ("clean", "noisy", "mean pose", "held")}
    true = []
    for part in moments.split(_BATCH):
        views = project(maker.at(part, generator), CameraRange(), generator)
        shown = network.config.output_frame
        true.append(views.poses[:, shown].cpu().numpy())
        for name, wrong in (("clean", NO_ERRORS), ("noisy", errors)):
            with torch.inference_mode():
                found = network(relative_to_window(add_errors(views, wrong, generator)))
            rows[name].append(found.cpu().numpy())
        rows["held"].append(views.poses[:, max(0, shown - round(rate / 2))].cpu().numpy())
        rows["mean pose"].append(np.broadcast_to(mean, true[-1].shape))
    right = np.concatenate(true)
    figures: dict[str, float] = {}
    for name, parts in rows.items():
        found = np.concatenate(parts)
        found = found - found[:, :1]
        figures[f"{name} MPJPE"] = float(1000 * mpjpe(found, right).mean())
        figures[f"{name} PA-MPJPE"] = float(1000 * pa_mpjpe(found, right).mean())
    return figures


def _mean_pose(train: Mocap, frames: int, rate: float, generator: torch.Generator) -> np.ndarray:
    """Return the mean pose of all training clips, float32 (17, 3), seen by a camera in front of each body."""
    maker = BodyMaker(train, frames, rate, AS_RECORDED, generator.device)
    moments = torch.from_numpy(moments_of(train, 10)).to(generator.device)
    bodies = [maker.at(part, generator).h36m[:, frames // 2].mean(0) for part in moments.split(_BATCH)]
    mean = torch.stack(bodies).mean(0).cpu().numpy()
    return mean * np.array([1, -1, -1], np.float32)
