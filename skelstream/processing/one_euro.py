"""The One-Euro filter for live streams: causal, little lag when fast, little jitter when still."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from skelstream.tracking.tracked import TrackedPeople


@dataclass
class _State:
    time: np.ndarray
    position: np.ndarray
    velocity: np.ndarray


class OneEuro:
    """Smooths the keypoints of tracked people as they come (Casiez, Roussel, Vogel, CHI 2012).

    Speeds are measured in heights of the person a second, so that near and far people are treated alike. A
    missing joint stays missing; after ``forget`` seconds without a sighting it starts anew. One filter
    belongs to one stream.

    Args:
        min_cutoff: Hz, the cutoff of a joint at rest; lower is calmer.
        beta: Hz per (height / second), by which the cutoff rises with speed; higher lags less.
        speed_cutoff: Hz, the cutoff of the speed itself.
        forget: seconds.
    """

    def __init__(
        self, min_cutoff: float = 1.5, beta: float = 5.0, speed_cutoff: float = 1.0, forget: float = 0.5
    ):
        self._min_cutoff, self._beta, self._speed_cutoff = min_cutoff, beta, speed_cutoff
        self._forget = forget
        self._states: dict[int, _State] = {}

    def update(self, tracked: TrackedPeople) -> TrackedPeople:
        """The same people with their keypoints filtered: float32 (P, V, 2)."""
        people = tracked.people
        out = people.keypoints.copy()
        heights = np.maximum(people.boxes[:, 3] - people.boxes[:, 1], 1.0)
        for p, track in enumerate(tracked.track_ids.tolist()):
            out[p] = self._filtered(track, tracked.time, people.keypoints[p], float(heights[p]))
        self._states = {
            track: state
            for track, state in self._states.items()
            if tracked.time - state.time.max() <= self._forget
        }
        return replace(tracked, people=replace(people, keypoints=out))

    def _filtered(self, track: int, time: float, keypoints: np.ndarray, height: float) -> np.ndarray:
        state = self._states.get(track)
        if state is None:
            joints = len(keypoints)
            state = _State(np.full(joints, -np.inf), np.zeros((joints, 2)), np.zeros((joints, 2)))
            self._states[track] = state
        seen = np.isfinite(keypoints[:, 0])
        since = time - state.time
        anew = seen & ((since > self._forget) | (since <= 0))
        state.position[anew], state.velocity[anew], state.time[anew] = keypoints[anew], 0.0, time
        on = seen & ~anew
        dt = since[on][:, None]
        measured = (keypoints[on] - state.position[on]) / dt
        state.velocity[on] += _share(self._speed_cutoff, dt) * (measured - state.velocity[on])
        speed = np.linalg.norm(state.velocity[on], axis=1, keepdims=True) / height
        share = _share(self._min_cutoff + self._beta * speed, dt)
        state.position[on] += share * (keypoints[on] - state.position[on])
        state.time[on] = time
        return np.where(seen[:, None], state.position, np.nan).astype(np.float32)


def _share(cutoff: float | np.ndarray, dt: np.ndarray) -> np.ndarray:
    """Weight of the newest value in a first-order low-pass filter."""
    turn = 2 * np.pi * cutoff * dt
    return turn / (turn + 1)
