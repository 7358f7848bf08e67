"""One tracked person: its filter, its last observation, and when it was seen."""

from __future__ import annotations

import numpy as np

from skelstream.tracking.motion import Motion, box_of, measurement
from skelstream.tracking.settings import TrackerSettings

_MAX_VIRTUAL_STEPS = 30


class Track:
    """A person from the first observation on.

    Args:
        track_id: the identity.
        time: seconds of the first observation.
        keypoints: float (V, 2), NaN where missing; all NaN for a person known by its box alone.
        box: float (4,) x0, y0, x1, y1.
        torso: bool (V,), the joints of the torso.
        settings: the tracker's.
        confirmed: believed from the start.
        score: of the person, as first observed.

    Attributes:
        score: of the person, as last observed.
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
        self._measured = measurement(box)
        self.motion = Motion(self._measured, settings)
        self._at_last_seen = self.motion.saved()

    @property
    def lost(self) -> bool:
        """Not seen in the frame before this one."""
        return bool(self.missed)

    @property
    def box(self) -> np.ndarray:
        """float64 (4,) x0, y0, x1, y1 as the filter has it."""
        return box_of(self.motion.state)

    @property
    def seen_keypoints(self) -> np.ndarray:
        """float64 (V, 2): as last observed."""
        return self._observed

    @property
    def keypoints(self) -> np.ndarray:
        """float64 (V, 2): as last observed, carried along with the predicted motion of the box."""
        return self._observed + (self.motion.state[:2] - self._at_last_seen[0][:2])

    def expected_keypoints(self, time: float) -> np.ndarray:
        """float64 (V, 2): where the joints should be at a time to come, without moving on to it."""
        return self.keypoints + self.motion.state[4:6] * (time - self._time)

    def expired(self, time: float) -> bool:
        """Whether the track can no longer be continued at ``time``."""
        last_frame = self.missed[-1] if self.missed else self.last_seen
        if time - last_frame > self.settings.max_step:
            return True
        if not self.confirmed:
            return len(self.missed) > self.settings.max_missed_tentative
        return self.lost and time - self.last_seen > self.settings.max_lost

    def predict(self, time: float) -> None:
        """Move on to ``time``."""
        self.motion.predict(time - self._time)
        self._time = time

    def miss(self) -> None:
        """Nobody in the frame of the current time was this person."""
        self.missed.append(self._time)

    def observe(self, keypoints: np.ndarray, box: np.ndarray, needed: int, score: float) -> None:
        """This person in the frame of the current time; ``needed`` observations confirm the track."""
        keypoints, measured = np.asarray(keypoints, np.float64), measurement(box)
        common = np.isfinite(self._observed[:, 0]) & np.isfinite(keypoints[:, 0])
        by_joints = bool(common.sum() >= 2)

        # A box around the visible joints jumps when joints come and go. That is no motion, so both ends of
        # the step are measured by the joints that both observations have.
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
        """Observation-centric re-update (Cao et al. 2023, OC-SORT, section 4.1).

        From the last observation the filter follows a straight line to this one, as if the person had been
        seen in every missed frame.
        """
        gap = self._time - self.last_seen
        then = self.last_seen
        for time in self.missed[:: 1 + len(self.missed) // _MAX_VIRTUAL_STEPS]:
            self.motion.predict(time - then)
            share = (time - self.last_seen) / gap if gap > 0 else 1.0
            self.motion.update(start + (end - start) * share, by_joints)
            then = time
        self.motion.predict(self._time - then)


def _offset(keypoints: np.ndarray, common: np.ndarray, torso: np.ndarray) -> np.ndarray:
    """(4,) cx, cy, w, h of the extent of all joints, less the same of the part two observations share.

    The place of the shared part is the mean of its torso joints, which swing less than limbs; its size is the
    extent of all its joints.
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
