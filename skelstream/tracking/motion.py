"""The motion of one person: a Kalman filter on the box, built on filterpy.

The state is (cx, cy, w, h, vx, vy): the centre moves with constant velocity under white-noise acceleration,
width and height wander. All noise is in proportion to the person's size, and to the time that has passed, so
the same settings serve all resolutions and frame rates.
"""

from __future__ import annotations

import numpy as np

from skelstream.settings.tracking import TrackerSettings

_H = np.eye(4, 6)


def measurement(box: np.ndarray) -> np.ndarray:
    """Return cx, cy, w, h float64 (4,) of a box x0, y0, x1, y1, with sides of at least one pixel."""
    corner, other = np.asarray(box, np.float64)[:2], np.asarray(box, np.float64)[2:]
    return np.concatenate([(corner + other) / 2, np.maximum(other - corner, 1.0)])


def box_of(state: np.ndarray) -> np.ndarray:
    """Return x0, y0, x1, y1 float64 (4,) of a state or measurement that starts with cx, cy, w, h."""
    half = np.maximum(state[2:4], 1.0) / 2
    return np.concatenate([state[:2] - half, state[:2] + half])


class Motion:
    """The Kalman filter of one person.

    Args:
        start: first measurement, float (4,), cx, cy, w, h in pixels.
        settings: noise of motion and measurement.
    """

    def __init__(self, start: np.ndarray, settings: TrackerSettings) -> None:
        from filterpy.kalman import KalmanFilter  # see tracking.libraries

        self._settings = settings
        self._filter = KalmanFilter(dim_x=6, dim_z=4)
        self._filter.H = _H
        self._filter.x = np.concatenate([start, np.zeros(2)])
        self.update_scale()
        self._filter.P = np.diag(
            np.concatenate(
                [self._noise(by_joints=False), np.full(2, (settings.start_speed * self._size) ** 2)]
            )
        )

    @property
    def state(self) -> np.ndarray:
        """State, float64 (6,): cx, cy, w, h in pixels, vx, vy in pixels per second."""
        return self._filter.x

    @property
    def variance(self) -> float:
        """Variance of the centre along one axis, square pixels."""
        return float(self._filter.P[0, 0] + self._filter.P[1, 1]) / 2

    def update_scale(self) -> None:
        """Scale all noise by the size of the current box from now on."""
        self._size = max(1.0, float(self._filter.x[2:4].max()))

    def _noise(self, by_joints: bool) -> np.ndarray:
        s = self._settings
        place = s.torso_noise if by_joints else s.position_noise
        return (self._size * np.array([place, place, s.size_noise, s.size_noise])) ** 2

    def predict(self, dt: float) -> None:
        """Predict the state ``dt`` seconds later; ``dt`` is at least 0."""
        s = self._settings
        transition = np.eye(6)
        transition[0, 4] = transition[1, 5] = dt
        # Continuous white-noise acceleration (Bar-Shalom, Li, Kirubarajan 2001, section 6.2.2).
        q = (s.acceleration * self._size) ** 2
        noise = np.zeros((6, 6))
        noise[[0, 1], [0, 1]] = q * dt**3 / 3
        noise[[0, 1, 4, 5], [4, 5, 0, 1]] = q * dt**2 / 2
        noise[[4, 5], [4, 5]] = q * dt
        noise[[2, 3], [2, 3]] = (s.size_change * self._size) ** 2 * dt
        self._filter.predict(F=transition, Q=noise)

    def update(self, measured: np.ndarray, by_joints: bool) -> None:
        """Update with a measurement (4,), cx, cy, w, h, whose centre comes from joints or from the box alone."""
        self._filter.update(measured, R=np.diag(self._noise(by_joints)))

    def shift(self, change: np.ndarray) -> None:
        """Change the box by cx, cy, w, h (4,) without motion."""
        self._filter.x = self._filter.x + np.concatenate([change, np.zeros(2)])

    def saved(self) -> tuple[np.ndarray, np.ndarray]:
        """Return a copy of state and covariance."""
        return self._filter.x.copy(), self._filter.P.copy()

    def restore(self, saved: tuple[np.ndarray, np.ndarray]) -> None:
        """Restore state and covariance from ``saved``."""
        self._filter.x, self._filter.P = saved[0].copy(), saved[1].copy()
