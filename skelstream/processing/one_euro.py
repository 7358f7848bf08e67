"""The One-Euro filter for live streams: causal, with little lag at high speed and little jitter at rest."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from skelstream.processing.part_sizes import cropped_parts, part_sizes
from skelstream.skeleton import Skeleton
from skelstream.tracking.tracked import TrackedPeople


@dataclass
class _State:
    """The filter state of one track's joints: last time (V,), position (V, 2) and velocity (V, 2)."""

    time: np.ndarray
    position: np.ndarray
    velocity: np.ndarray


class OneEuro:
    """A One-Euro filter for the keypoints of one live stream (Casiez, Roussel, Vogel, CHI 2012).

    Speeds are in heights of the person per second, so that near and far people are smoothed alike; those of the joints of
    a hand or a face are in sizes of that part, the larger side of its extent, so that fingers lag less. A missing joint
    stays missing, and its filter restarts after ``forget`` seconds without an observation.

    Args:
        min_cutoff: cutoff of a joint at rest in Hz; lower smooths more.
        beta: rise of the cutoff with speed in Hz per (height or size / second); higher lags less.
        speed_cutoff: cutoff of the speed itself in Hz.
        forget: longest time without an observation in seconds.
        skeleton: joint set of the people; None takes all their joints for those of the body.
    """

    def __init__(
        self,
        min_cutoff: float = 1.5,
        beta: float = 5.0,
        speed_cutoff: float = 1.0,
        forget: float = 0.5,
        *,
        skeleton: Skeleton | None = None,
    ):
        self._min_cutoff, self._beta, self._speed_cutoff = min_cutoff, beta, speed_cutoff
        self._forget = forget
        self._parts = [] if skeleton is None else [joints for _, joints in cropped_parts(skeleton)]
        self._states: dict[int, _State] = {}

    def update(self, tracked: TrackedPeople) -> TrackedPeople:
        """Return the people with filtered keypoints."""
        people = tracked.people
        out = people.keypoints.copy()
        heights = np.maximum(people.boxes[:, 3] - people.boxes[:, 1], 1.0)
        scales = np.repeat(heights[:, None], people.keypoints.shape[1], 1)
        for joints in self._parts:
            sizes = np.maximum(part_sizes(people.keypoints[:, joints]), 1.0)
            scales[:, joints] = np.where(np.isfinite(sizes), sizes, heights)[:, None]
        for p, track in enumerate(tracked.track_ids.tolist()):
            out[p] = self._filtered(track, tracked.time, people.keypoints[p], scales[p])
        self._states = {
            track: state
            for track, state in self._states.items()
            if tracked.time - state.time.max() <= self._forget
        }
        return replace(tracked, people=replace(people, keypoints=out))

    def _filtered(self, track: int, time: float, keypoints: np.ndarray, scales: np.ndarray) -> np.ndarray:
        state = self._states.get(track)
        if state is None:
            joints = len(keypoints)
            state = _State(np.full(joints, -np.inf), np.zeros((joints, 2)), np.zeros((joints, 2)))
            self._states[track] = state
        seen = np.isfinite(keypoints[:, 0])
        elapsed = time - state.time
        restart = seen & ((elapsed > self._forget) | (elapsed <= 0))
        state.position[restart], state.velocity[restart], state.time[restart] = keypoints[restart], 0.0, time
        update = seen & ~restart
        dt = elapsed[update][:, None]
        measured = (keypoints[update] - state.position[update]) / dt
        state.velocity[update] += _weight(self._speed_cutoff, dt) * (measured - state.velocity[update])
        speed = np.linalg.norm(state.velocity[update], axis=1, keepdims=True) / scales[update][:, None]
        weight = _weight(self._min_cutoff + self._beta * speed, dt)
        state.position[update] += weight * (keypoints[update] - state.position[update])
        state.time[update] = time
        return np.where(seen[:, None], state.position, np.nan).astype(np.float32)


def _weight(cutoff: float | np.ndarray, dt: np.ndarray) -> np.ndarray:
    """Return the weight of the newest value in a first-order low-pass filter."""
    ratio = 2 * np.pi * cutoff * dt
    return ratio / (ratio + 1)
