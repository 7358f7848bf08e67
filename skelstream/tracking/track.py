"""A track: one person's filter, last observation and age."""

from __future__ import annotations

import numpy as np

from skelstream.settings.tracking import TrackerSettings
from skelstream.tracking.appearance import RunningColours
from skelstream.tracking.motion import Motion, box_of, measurement

_MAX_VIRTUAL_STEPS = 30


class Track:
    """One identity over time, from its first observation.

    Args:
        track_id: number of the identity.
        time: time of the first observation, seconds.
        keypoints: float (V, 2), source pixels, NaN where missing; all NaN for a person with a box alone.
        box: float (4,), x0, y0, x1, y1 in source pixels.
        torso: bool (V,), True for joints of the torso.
        settings: settings of the tracker.
        confirmed: whether the track counts from its first observation.
        score: person score of the first observation, in [0, 1].

    Attributes:
        score: person score of the last observation, in [0, 1].
        colours: running description of the person's appearance; empty where colours are not measured.
    """

    def __init__(
        self,
        track_id: int,
        time: float,
        keypoints: np.ndarray,
        box: np.ndarray,
        torso: np.ndarray,
        settings: TrackerSettings,
        confirmed: bool,
        score: float,
    ) -> None:
        self.track_id = track_id
        self.settings = settings
        self._torso = torso
        self.confirmed = confirmed
        self.observations = 1
        self.missed: list[float] = []  # times of the frames since the last observation, this frame excluded
        self._time = self.last_seen = time
        self._observed = np.asarray(keypoints, np.float64)
        self.score = score
        self.colours = RunningColours()
        self._measured = measurement(box)
        self.motion = Motion(self._measured, settings)
        self._at_last_seen = self.motion.saved()

    @property
    def lost(self) -> bool:
        """Whether the person was not found in the last frame."""
        return bool(self.missed)

    @property
    def box(self) -> np.ndarray:
        """Box of the filter's state, float64 (4,), x0, y0, x1, y1."""
        return box_of(self.motion.state)

    @property
    def seen_keypoints(self) -> np.ndarray:
        """Keypoints as last observed, float64 (V, 2)."""
        return self._observed

    @property
    def keypoints(self) -> np.ndarray:
        """Keypoints as last observed, moved by the predicted motion of the box, float64 (V, 2)."""
        return self._observed + (self.motion.state[:2] - self._at_last_seen[0][:2])

    def expected_keypoints(self, time: float) -> np.ndarray:
        """Return where the joints should be at a later time, float64 (V, 2), without changing the state."""
        return self.keypoints + self.motion.state[4:6] * (time - self._time)

    def expired(self, time: float) -> bool:
        """Return whether the track can no longer be continued at ``time``."""
        last_frame = self.missed[-1] if self.missed else self.last_seen
        if time - last_frame > self.settings.max_interval:
            return True
        if not self.confirmed:
            return len(self.missed) > self.settings.max_missed_tentative
        return self.lost and time - self.last_seen > self.settings.max_lost

    def predict(self, time: float) -> None:
        """Predict the state at ``time``."""
        self.motion.predict(time - self._time)
        self._time = time

    def miss(self) -> None:
        """Record that the person is not found in the current frame."""
        self.missed.append(self._time)

    def observe(self, keypoints: np.ndarray, box: np.ndarray, needed: int, score: float) -> None:
        """Update the track with an observation in the current frame; ``needed`` observations confirm the track."""
        keypoints, measured = np.asarray(keypoints, np.float64), measurement(box)
        common = np.isfinite(self._observed[:, 0]) & np.isfinite(keypoints[:, 0])
        by_joints = bool(common.sum() >= 2)

        # A box around the visible joints jumps when joints appear and disappear. That is not motion, so both ends of the
        # interval are measured by the joints that both observations have.
        before = _offset(self._observed, common, self._torso)
        after = _offset(keypoints, common, self._torso)
        self.motion.shift(-before)
        if self.lost and self.settings.re_update:
            self.motion.restore(self._at_last_seen)
            self.motion.shift(-before)
            self._follow(self._measured - before, measured - after, by_joints)
        self.motion.update(measured - after, by_joints)
        self.motion.shift(after)
        self.motion.update_scale()

        self._observed, self._measured = keypoints, measured
        self._at_last_seen = self.motion.saved()
        self.last_seen, self.score = self._time, score
        self.missed = []
        self.observations += 1
        self.confirmed |= self.observations >= needed

    def _follow(self, start: np.ndarray, end: np.ndarray, by_joints: bool) -> None:
        """Re-update the filter along a straight line from the last observation to this one (OC-SORT, Cao et al. 2023,
        section 4.1), as if the person had been found in every missed frame."""
        gap = self._time - self.last_seen
        then = self.last_seen
        for time in self.missed[:: 1 + len(self.missed) // _MAX_VIRTUAL_STEPS]:
            self.motion.predict(time - then)
            share = (time - self.last_seen) / gap if gap > 0 else 1.0
            self.motion.update(start + (end - start) * share, by_joints)
            then = time
        self.motion.predict(self._time - then)


def _offset(keypoints: np.ndarray, common: np.ndarray, torso: np.ndarray) -> np.ndarray:
    """Return cx, cy, w, h (4,) of the extent of all joints minus those of the part that two observations share.

    The position of the shared part is the mean of its torso joints, which swing less than limbs; its size is the extent of
    all its joints.
    """
    if common.sum() < 2:
        return np.zeros(4)
    middle = common & torso
    place = keypoints[middle if middle.sum() >= 2 else common].mean(axis=0)
    seen = np.isfinite(keypoints[:, 0])
    whole = _extent(keypoints[seen])
    shared = whole if (seen == common).all() else _extent(keypoints[common])
    return np.concatenate([whole[:2] - place, whole[2:] - shared[2:]])


def _extent(points: np.ndarray) -> np.ndarray:
    low, high = points.min(axis=0), points.max(axis=0)
    return np.concatenate([(low + high) / 2, high - low])
